"""Replies the proxy makes itself, whole: refused upgrades and tunnels, header mutations, local_reply_config."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._managers import call, cluster, setting, to
from tests.truth.setting import POD_ADDRESS, Setting

Call = dict[str, Any]


def settings() -> Iterator[Setting]:
    yield setting("upgrades", OF_UPGRADES, _upgrade_calls)
    yield setting("unfinished heads", OF_WAITING, _unfinished_calls)
    answered = [{"route_config": MUTATING, **each} for each in OF_REPLIES]
    nobody = {"name": "nobody", "type": "STATIC", "load_assignment": {"cluster_name": "nobody"}}
    refused = cluster("refused", "10.93.0.2")
    yield setting("replies", answered, _reply_calls, (nobody, refused), sockets=[])


WEBSOCKET = {"connection": "Upgrade", "upgrade": "websocket"}
ASKED: tuple[Mapping[str, Any], ...] = (
    WEBSOCKET,
    {"connection": "keep-alive, upgrade", "upgrade": "WebSocket"},
    {"connection": "upgrade", "upgrade": "foo"},
    {"connection": "upgrade", "upgrade": "foo, websocket"},
    {"connection": "upgrade", "upgrade": ["foo", "websocket"]},
    {"connection": "upgrade"},
    {"upgrade": "websocket"},
    {"connection": "upgrade", "upgrade": "h2c"},
    {"connection": "close, upgrade", "upgrade": "websocket"},
    {"connection": "upgrade", "upgrade": ""},
    {"content-type": "application/grpc", **WEBSOCKET},
)
CONNECTS = ("a.test:443", "b.a.test:80", "other:1", "a.test", "a.test:x", "[::1]:80", "a.test:65536", "A.TEST:443")


def _upgrades(*types: str, **enabled: bool) -> dict[str, Any]:
    configs = [{"upgrade_type": each} for each in types]
    configs += [{"upgrade_type": name, "enabled": {"value": value}} for name, value in enabled.items()]
    return {"upgrade_configs": configs}


def _asked_table(**route: Any) -> dict[str, Any]:
    reply = {"direct_response": {"status": 200, "body": {"inline_string": "no"}}}
    added = {"response_headers_to_add": [{"header": {"key": "x-added", "value": "1"}}]}
    routes = [
        {"name": "tunnel", "match": {"connect_matcher": {}}, "route": {"cluster": "up", **route}},
        {"name": "direct", "match": {"prefix": "/direct"}, **reply, **added},
        {"name": "elsewhere", "match": {"prefix": "/redirect"}, "redirect": {"path_redirect": "/"}, **added},
        {"name": "gone", "match": {"prefix": "/gone"}, "route": {"cluster": "gone", **route}},
        {**to(**route), **added, "match": {"prefix": "/to"}},
    ]
    hosts = [
        {"name": "a", "domains": ["a.test", "a.test:443"], "routes": routes},
        {"name": "tls", "domains": ["tls.test"], "require_tls": "ALL", "routes": routes},
        {"name": "below", "domains": ["*.a.test", "*.a.test:80"], "routes": routes},
    ]
    return {"name": "asked", "virtual_hosts": hosts, "validate_clusters": False}


CONNECT_ON = {"upgrade_configs": [{"upgrade_type": "CONNECT"}]}
OF_UPGRADES: tuple[Mapping[str, Any], ...] = (
    {"route_config": _asked_table()},
    {"route_config": _asked_table(), **_upgrades("websocket")},
    {"route_config": _asked_table(), **_upgrades("WEBSOCKET", "CONNECT")},
    {"route_config": _asked_table(), **_upgrades(websocket=False, foo=True)},
    {"route_config": _asked_table(**_upgrades("websocket"))},
    {"route_config": _asked_table(**_upgrades(websocket=False)), **_upgrades("websocket")},
    {"route_config": _asked_table(**_upgrades(CONNECT=False)), **_upgrades("CONNECT")},
    {"route_config": _asked_table(**CONNECT_ON), "strip_any_host_port": True},
)


def _upgrade_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for headers in ASKED:
        for path in draw.sample(("/to", "/direct", "/redirect", "/gone", "/none"), 3):
            host = draw.choice(("a.test", "a.test", "b.a.test", "tls.test", "none.test"))
            method = draw.choice(("GET", "GET", "GET", "POST"))
            yield call(port, headers=dict(headers), path=path, authority=host, method=method)
    for target in CONNECTS:
        raw = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"
        yield call(port, method="CONNECT", authority=target, path="/", bytes=raw, timeout=0.5)


OF_WAITING: tuple[Mapping[str, Any], ...] = (
    {"request_headers_timeout": "0.2s"},
    {"stream_idle_timeout": "0.2s"},
    {"request_timeout": "0.2s"},
    {"request_headers_timeout": "0.3s", "request_timeout": "0.1s", "server_name": "me"},
    {"request_headers_timeout": "0.1s", "stream_idle_timeout": "0.4s", "via": "here"},
)


def _unfinished_calls(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for said in ("GET / HT", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nx", "hello", "\r\n", "\r\nG"):
        yield {"from": "outside", "destination": f"{POD_ADDRESS}:{port}", "protocol": "tcp", "payload": said}


MUTATING = {
    "name": "marked",
    "response_headers_to_add": [{"header": {"key": "x-table", "value": "t"}}],
    "response_headers_to_remove": ["x-gone", "server"],
    "validate_clusters": False,
    "virtual_hosts": [
        {
            "name": "a",
            "domains": ["a.test"],
            "response_headers_to_add": [{"header": {"key": "x-host", "value": "%REQ(:path)%"}}],
            "routes": [
                {
                    "name": "bad",
                    "match": {"path": "/bad"},
                    "direct_response": {"status": 400, "body": {"inline_string": "bad <&>\n\u00e9"}},
                },
                {
                    "name": "html",
                    "match": {"path": "/html"},
                    "direct_response": {"status": 200, "body": {"inline_string": "<p>"}},
                    "response_headers_to_add": [{"header": {"key": "Content-Type", "value": "text/html"}}],
                },
                {"name": "empty", "match": {"path": "/empty"}, "direct_response": {"status": 503}},
                {"name": "nothing", "match": {"path": "/nothing"}, "direct_response": {"status": 204}},
                {"name": "same", "match": {"path": "/same"}, "direct_response": {"status": 304}},
                {"name": "moved", "match": {"path": "/moved"}, "redirect": {"host_redirect": "b.test"}},
                {"name": "gone", "match": {"path": "/gone"}, "route": {"cluster": "gone"}},
                {"name": "nobody", "match": {"path": "/nobody"}, "route": {"cluster": "nobody"}},
                {"name": "refused", "match": {"path": "/refused"}, "route": {"cluster": "refused"}},
                {"name": "teapot", "match": {"path": "/599"}, "direct_response": {"status": 599}},
            ],
        },
        {"name": "tls", "domains": ["tls.test"], "require_tls": "EXTERNAL_ONLY", "routes": [to()]},
    ],
}


def _when(status: int, comparison: str = "EQ") -> dict[str, Any]:
    value = {"default_value": status, "runtime_key": "none"}
    return {"status_code_filter": {"comparison": {"op": comparison, "value": value}}}


def _mapped(*mappers: Mapping[str, Any], **body_format: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"mappers": list(mappers)}
    if body_format:
        made["body_format"] = body_format
    return {"local_reply_config": made}


REDIRECTS = [_when(300, "GE"), _when(399, "LE")]
TELLS = "%RESPONSE_CODE% %LOCAL_REPLY_BODY% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %REQ(x-q)% %ROUTE_NAME% 100%%\n"
AS_JSON = {
    "body": "%LOCAL_REPLY_BODY%",
    "code": "%RESPONSE_CODE%",
    "both": "%RESPONSE_CODE% %RESPONSE_FLAGS%",
    "missing": "%REQ(x-missing)%",
    "deep": {"z": [1, True, "%REQ(:path)%"], "a": "%PROTOCOL%"},
}
OF_REPLIES: tuple[Mapping[str, Any], ...] = (
    {},
    {"server_name": "me", "via": "1.1 here"},
    {"server_header_transformation": "APPEND_IF_ABSENT", "always_set_request_id_in_response": True},
    {"server_header_transformation": "PASS_THROUGH"},
    _mapped({"filter": _when(503), "status_code": 599, "body": {"inline_string": "mapped"}}),
    _mapped(
        {"filter": _when(404), "status_code": 400, "body": {"inline_string": "x"}},
        {"filter": _when(400), "status_code": 404},
    ),
    _mapped(text_format=TELLS),
    _mapped(text_format_source={"inline_string": TELLS}, content_type="text/html; charset=UTF-8"),
    _mapped(json_format=AS_JSON),
    _mapped(
        {"filter": {"response_flag_filter": {"flags": ["NR", "UH"]}}, "body_format_override": {"json_format": AS_JSON}},
        {
            "filter": {"header_filter": {"header": {"name": "x-q", "present_match": True}}},
            "headers_to_add": [{"header": {"key": "x-m", "value": "%REQ(x-q)%"}, "append_action": "ADD_IF_ABSENT"}],
        },
        {"filter": {"response_flag_filter": {}}, "status_code": 500},
        text_format="F:%LOCAL_REPLY_BODY%",
    ),
    _mapped(
        {
            "filter": {
                "or_filter": {
                    "filters": [_when(503), {"and_filter": {"filters": [_when(300, "GE"), _when(399, "LE")]}}]
                }
            },
            "headers_to_add": [
                {"header": {"key": "server", "value": "mine"}},
                {"header": {"key": "location", "value": "/new"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
            ],
            "body": {"inline_string": ""},
        },
        {"filter": {"grpc_status_filter": {"statuses": ["UNIMPLEMENTED", "INTERNAL"]}}, "status_code": 418},
        {"filter": {"not_health_check_filter": {}}, "headers_to_add": [{"header": {"key": "x-all", "value": "1"}}]},
    ),
    {"stream_error_on_invalid_http_message": True},
)
ANSWERED = ["bad", "html", "empty", "nothing", "same", "moved", "gone", "nobody", "refused", "599", "none", "none#x"]


def _reply_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    grpc = {"content-type": "application/grpc", "x-q": "1"}
    for path in ANSWERED:
        yield call(port, path=f"/{path}")
        yield call(port, path=f"/{path}", headers=grpc)
        yield call(port, path=f"/{path}", headers={"x-q": "1"}, method=draw.choice(("HEAD", "POST", "GET")))
    yield call(port, authority="tls.test", headers={"connection": "close"})
    yield call(port, authority="none.test", headers=grpc)
    yield call(port, method="FOO")
    yield call(port, authority=None)
    yield call(port, headers=WEBSOCKET, path="/gone")
