"""Which replies leave their HTTP/1 connection open: an old client's has to ask, and to be told a length.

- HTTP/1.0 keeps a connection only for `keep-alive` among the tokens of `connection`, whatever else stands there.
- A reply without a length closes it all the same; one that keeps it says so.
- `proxy-connection: close` counts too; a body that nobody reads closes, and so does the last request that is allowed.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._managers import call, setting
from tests.truth.setting import Setting

SAID: tuple[str | list[str] | None, ...] = (
    None,
    "keep-alive",
    "Keep-Alive",
    "keep-alive, close",
    "close",
    "x, keep-alive",
    ["x", "keep-alive"],
    "keepalive",
    "upgrade, keep-alive",
)


def settings() -> Iterator[Setting]:
    table = {
        "name": "t",
        "validate_clusters": False,
        "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": ROUTES}],
    }
    once = {"common_http_protocol_options": {"max_requests_per_connection": 1}}
    old = {"route_config": table, "http_protocol_options": {"accept_http_10": True}}
    yield setting("kept connections", [old, {**old, **once}], _calls)


def _direct(path: str, status: int, body: str | None = None, **more: Any) -> dict[str, Any]:
    response: dict[str, Any] = {"status": status}
    if body is not None:
        response["body"] = {"inline_string": body}
    return {"match": {"prefix": path}, "direct_response": response, **more}


ADDED = {"response_headers_to_add": [{"header": {"key": "connection", "value": "x"}}]}
ROUTES = [
    _direct("/said", 200, "said"),
    _direct("/empty", 200),
    _direct("/unchanged", 304, "no"),
    _direct("/bad", 400, "no"),
    _direct("/worse", 400),
    _direct("/added", 200, "said", **ADDED),
    {"match": {"prefix": "/moved"}, "redirect": {"path_redirect": "/x"}},
    {"match": {"prefix": "/gone"}, "route": {"cluster": "gone"}},
    {"match": {"prefix": "/on"}, "route": {"cluster": "up"}},
]
PATHS = ("/said", "/empty", "/unchanged", "/bad", "/worse", "/added", "/moved", "/gone", "/on", "/none", "/said#x")


def _calls(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for said in SAID:
        headers: dict[str, Any] = {} if said is None else {"connection": said}
        for path in PATHS:
            yield call(port, path=path, headers=headers, protocol="http/1.0")
        yield call(port, path="/said", headers=headers, protocol="http/1.0", method="HEAD")
        for more in ({"content-length": "3"}, {"proxy-connection": "close"}, {"proxy-connection": "keep-alive"}):
            yield call(port, path="/said", headers={**headers, **more}, protocol="http/1.0", method="POST")
    for said in ("keep-alive", "keep-alive, close", "x,close"):
        for path in ("/said", "/on", "/bad"):
            yield call(port, path=path, headers={"connection": said})
