"""Command operators where replies take shape: in the route's response headers, direct responses and mapped replies."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.truth.families._managers import call, cluster, setting
from tests.truth.setting import Setting

Fields = dict[str, Any]


def settings() -> Iterator[Setting]:
    nobody = {"name": "nobody", "type": "STATIC", "load_assignment": {"cluster_name": "nobody"}}
    refused = cluster("refused", "10.93.0.2")
    yield setting("reply formats", MANAGERS, _calls, (nobody, refused), sockets=[])


OPERATORS = (
    *("%UPSTREAM_CLUSTER%", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "%ROUTE_NAME%", "%METADATA(ROUTE:a:b)%"),
    *("%METADATA(VIRTUAL_HOST:a:b)%", "%RESPONSE_CODE%", "%RESPONSE_CODE_DETAILS%", "%RESPONSE_FLAGS%"),
    *("%LOCAL_REPLY_BODY%", "%REQ(:path)%", "%REQ(:method)%", "%REQ(host)%", "%PATH(NQ)%", "%PROTOCOL%"),
    *("%REQ(x-empty)%", "%REQ(x-added)%", "%REQ(x-forwarded-proto)%", "%REQ(x-envoy-expected-rq-timeout-ms)%"),
)
METADATA = {"filter_metadata": {"a": {"b": {"c": 1, "d": [True, None, "x"]}}}}
AS_TEXT = "%LOCAL_REPLY_BODY%|%RESPONSE_CODE%|%UPSTREAM_CLUSTER%|%REQ(x-empty)%|%REQ(:path)%|%METADATA(ROUTE:a:b)%\n"
AS_JSON = {
    "body": "%LOCAL_REPLY_BODY%",
    "code": "%RESPONSE_CODE%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "empty": "%REQ(x-empty)%",
    "paths": "%REQ(:path)% %PATH%",
    "metadata": "%METADATA(ROUTE:a:b)%",
}


def _text(text: str) -> Fields:
    return {"text_format_source": {"inline_string": text}}


def _additions(prefix: str) -> list[Fields]:
    """One header an operator, an empty one kept."""
    return [
        {"header": {"key": f"{prefix}-{number}", "value": operator}, "keep_empty_value": True}
        for number, operator in enumerate(OPERATORS)
    ]


def _direct(path: str, status: int, body: Fields | None = None, body_format: Fields | None = None) -> Fields:
    response: Fields = {"status": status}
    if body is not None:
        response["body"] = body
    if body_format is not None:
        response["body_format"] = body_format
    return {"name": path, "match": {"path": f"/{path}"}, "metadata": METADATA, "direct_response": response}


def _to(name: str) -> Fields:
    added = [{"header": {"key": "x-added", "value": "yes"}}]
    action = {"cluster": name, "prefix_rewrite": "/new"}
    match = {"path": f"/{name}"}
    return {"name": name, "match": match, "metadata": METADATA, "route": action, "request_headers_to_add": added}


BODY = {"inline_string": "b"}
ROUTES = (
    _direct("plain", 200, BODY),
    _direct("empty", 200),
    _direct("text", 503, BODY, _text(AS_TEXT)),
    _direct("json", 404, BODY, {"json_format": AS_JSON}),
    _direct("own", 500, BODY, {"json_format": AS_JSON, "content_type": "own/json"}),
    _direct("text-of-nothing", 200, None, _text(AS_TEXT)),
    _direct("nothing", 200, None, _text("%LOCAL_REPLY_BODY%") | {"content_type": "own/text"}),
    _direct("no-content", 204, BODY, {"json_format": AS_JSON}),
    _direct("bytes", 301, {"inline_bytes": "w6k="}),
    *map(_to, ("gone", "nobody", "refused", "up")),
    {"name": "redirect", "match": {"path": "/redirect"}, "redirect": {"path_redirect": "/x"}},
)
TABLE = {
    "name": "table",
    "validate_clusters": False,
    "response_headers_to_add": [*_additions("x"), {"header": {"key": "content-type", "value": "added/type"}}],
    "virtual_hosts": [{"name": "any", "domains": ["*"], "metadata": METADATA, "routes": list(ROUTES)}],
}


def _mapped(body_format: Fields | None = None, **mapper: Any) -> Fields:
    everything = {"op": "GE", "value": {"default_value": 200, "runtime_key": "any"}}
    mapper = {"filter": {"status_code_filter": {"comparison": everything}}, "headers_to_add": _additions("m")} | mapper
    config: Fields = {"mappers": [mapper]}
    if body_format is not None:
        config["body_format"] = body_format
    return {"route_config": TABLE, "local_reply_config": config}


MANAGERS: Sequence[Mapping[str, Any]] = (
    {"route_config": TABLE},
    _mapped(),
    _mapped({"json_format": AS_JSON}, status_code=599),
    _mapped({"text_format": AS_TEXT}),
    _mapped({"json_format": AS_JSON, "content_type": "own/json", "omit_empty_values": True}),
)


def _calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Fields]:
    for route in ROUTES:
        path = f"/{route['name']}"
        yield call(port, path=f"{path}?q", headers={"x-empty": ""}, method=draw.choice(("GET", "POST")))
        yield call(port, path=path, method="HEAD")
        yield call(port, path=path, headers={"content-type": "application/grpc", "x-empty": ""})
    yield call(port, path="/none")
    yield call(port, method="FOO")
    yield call(port, authority=None)
    for path in ("/plain", "/up", "/gone"):
        yield call(port, path=path, headers={"connection": "upgrade", "upgrade": "websocket"})
