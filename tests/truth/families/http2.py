"""Clients that speak HTTP/2: what its codec refuses and what routing sees; then either version on either side."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families import _http2_versions, before_routing
from tests.truth.families._http2_versions import QUICK, asked
from tests.truth.families._managers import TABLE, setting
from tests.truth.setting import Setting

Call = dict[str, Any]
Options = Mapping[str, Any]
SHOWN = {**TABLE, "request_headers_to_add": [{"header": {"key": "x-scheme", "value": "%REQ(:scheme)%"}}]}


def settings() -> Iterator[Setting]:
    yield _setting("authorities", OF_HOSTS, _host_calls)
    yield _setting("requests", OF_REQUESTS, _request_calls)
    yield _setting("limits", OF_LIMITS, _limit_calls)
    yield _setting("paths", OF_PATHS, _path_calls)
    yield from _http2_versions.settings()


def _setting(name: str, options: Any, calls: Any) -> Setting:
    return setting(f"http2 {name}", [{"route_config": SHOWN, **QUICK, **each} for each in options], calls)


OF_HOSTS: tuple[Options, ...] = (
    {},
    {"strip_any_host_port": True},
    {"strip_matching_host_port": True, "strip_trailing_host_dot": True},
)


def _host_calls(draw: random.Random, port: int, _options: Options) -> Iterator[Call]:
    for authority in before_routing.AUTHORITIES:
        yield asked(port, authority=authority)
    for host in ("a.test", "b.test", "a.test:80", "", "a b", "a/b", ["b.test", "c.test"]):
        for authority in ("a.test", None):
            yield asked(port, authority=authority, headers={"host": host})
    for values in ([], ["a.test", "b.test"], [""], ["b.a.test:80"]):
        yield asked(port, headers={":authority": values, "x": "1"})


ODD: tuple[Options, ...] = (
    {":path": []},
    {":path": ["/a", "/b"]},
    {":path": "/b"},
    {":method": []},
    {":method": ""},
    {":method": "POST"},
    {":method": ["GET", "GET"]},
    {":scheme": []},
    {":scheme": ""},
    {":scheme": "https"},
    {":scheme": "HTTPS"},
    {":scheme": "HTTP"},
    {":scheme": "FTP"},
    {":scheme": "a b"},
    {":scheme": "1a"},
    {":scheme": "a+b-c.d1"},
    {":scheme": ["http", "http"]},
    {":scheme": "https", "x-forwarded-proto": "http"},
    {":scheme": "http", "x-forwarded-proto": "https"},
    {":status": "200"},
    {":unknown": "1"},
    {":protocol": "websocket"},
    {":protocol": []},
    {"a b": "1"},
    {"a": "b\x01c"},
    {"a": "b\x7fc"},
    {"a": "\u00e9"},
    {"\u00e9": "a"},
    {"a@b": "1"},
    {"a!#$%&'*+.^_`|~-b": "c"},
    {"a": " b\tc "},
    {"a": ""},
    {"a": ["1", "2", "2"], "A": "3"},
    {"connection": "close"},
    {"connection": ""},
    {"keep-alive": "timeout=1"},
    {"proxy-connection": "close"},
    {"transfer-encoding": "chunked"},
    {"upgrade": "websocket"},
    {"upgrade": "h2c"},
    {"http2-settings": "AAA"},
    {"te": "trailers"},
    {"te": "Trailers"},
    {"te": "gzip"},
    {"te": "trailers, gzip"},
    {"te": ""},
    {"te": ["trailers", "trailers"]},
    {"cookie": ["a=1", "b=2"]},
    {"cookie": ["a=1; c=3", "b=2", ""]},
    {"cookie": "a=1"},
    {"content-length": "x"},
    {"content-length": ""},
    {"content-length": "+3"},
    {"content-length": "0"},
    {"content-length": ["0", "0"]},
    {"expect": "100-continue"},
    {"expect": "200-maybe"},
    {"a_b": "1", "_": "2", "c": "3"},
    {"accept": ["a", "b"], "via": ["a", "b"], "x-request-id": "mine", "user-agent": "me"},
    {"x-forwarded-for": "10.0.0.1", "x-envoy-internal": "true", "x-envoy-retry-on": "5xx"},
    {"x-forwarded-host": ["a", "b"], "x-envoy-upstream-rq-timeout-ms": "77"},
    {"priority": "u=1", "range": "bytes=0-", "content-encoding": "br"},
)
BROKEN_ONCE = {"http2_protocol_options": {"override_stream_error_on_invalid_http_message": True}}
OF_REQUESTS: tuple[Options, ...] = (
    {},
    BROKEN_ONCE,
    {"stream_error_on_invalid_http_message": True, "codec_type": "HTTP2", "proxy_100_continue": True},
    {"common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"}},
    {
        "common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER"},
        "use_remote_address": True,
        "via": "here",
    },
    {
        "scheme_header_transformation": {"scheme_to_overwrite": "https"},
        "http2_protocol_options": {"allow_connect": True},
    },
    {"scheme_header_transformation": {"match_upstream": True}, "generate_request_id": False},
)
TARGETS = (
    *(
        "",
        "x",
        "*",
        "/a b",
        "/\u00e9",
        "/x#y",
        "/?a=/b",
        "//x",
        "/\\x",
        "http://b.test/x",
        "/a\tb",
        "/\x7f",
        "?",
        "/{}",
    ),
    "http:///x",
)
METHODS = (
    "FOO",
    "G@T",
    "G T",
    "get",
    "QUERY",
    "HEAD",
    "M-SEARCH",
    "TRACE",
    "POST",
    "PUT",
    "OPTIONS",
    "DELETE",
    "PATCH",
)


def _request_calls(draw: random.Random, port: int, options: Options) -> Iterator[Call]:
    every = not options
    for headers in ODD if every else draw.sample(ODD, 28):
        yield asked(port, headers=dict(headers))
    for path in TARGETS if every else draw.sample(TARGETS, 5):
        yield asked(port, path=path, method=draw.choice(("GET", "OPTIONS", "POST")))
    for method in METHODS if every else draw.sample(METHODS, 3):
        yield asked(port, method=method)
    yield asked(port, path="*", method="OPTIONS")
    yield asked(port, method="POST", headers={"content-length": "3"})
    yield asked(port, method="POST", headers={"content-length": ["3", "4"]})
    yield asked(port, protocol="grpc", method="POST", path="/service/Method")
    yield asked(port, method="CONNECT", authority=None)
    yield asked(port, method="CONNECT")
    yield asked(port, method="CONNECT", headers={":path": "/x", ":scheme": "http"})


OF_LIMITS: tuple[Options, ...] = (
    {"max_request_headers_kb": 1, "common_http_protocol_options": {"max_headers_count": 8}},
    {
        "max_request_headers_kb": 1,
        "common_http_protocol_options": {"max_headers_count": 6, "headers_with_underscores_action": "DROP_HEADER"},
    },
    {"common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"}},
)


def _limit_calls(_draw: random.Random, port: int, _options: Options) -> Iterator[Call]:
    """On both sides of every limit, to the byte."""
    for size in (900, 979, 980, 981, 982, 983, 1200):
        yield asked(port, headers={"b": "x" * size})
        yield asked(port, path="/" + "x" * size)
    for size in (966, 967, 968, 969, 970, 971, 972, 973):
        yield asked(port, headers={"accept": ["x" * size, "yy"]})
        yield asked(port, headers={"cookie": ["x" * size, "yy"]})
        yield asked(port, headers={"host": "b.test", "b": "x" * size})
    for count in range(1, 7):
        yield asked(port, headers={f"h{number}": "1" for number in range(count)})
        yield asked(port, headers={"h": ["1"] * count, "accept": ["a"] * count})
        yield asked(port, headers={"cookie": ["a=1"] * count})
        yield asked(port, authority=None, headers={"host": "a.test", "h": ["1"] * count})
        yield asked(port, headers={"host": "b.test", "h": ["1"] * count})
        yield asked(port, headers={"h_h": ["1"] * count, "h": ["1"] * 2})
    for name in ("_", "a_", "_a", "a__b", "x_forwarded_for"):
        yield asked(port, headers={"a": "1", name: "1"})
    yield asked(port, headers={"h": ["1"] * 9, "te": "gzip"})
    yield asked(port, headers={"te": "gzip", "h": ["1"] * 9})


OF_PATHS: tuple[Options, ...] = (
    {"normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT"},
    {"normalize_path": True, "path_with_escaped_slashes_action": "REJECT_REQUEST"},
    {"merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"},
)


def _path_calls(draw: random.Random, port: int, _options: Options) -> Iterator[Call]:
    for path in before_routing.ODD_PATHS:
        grpc = draw.random() < 0.2
        yield asked(port, path=path, **({"protocol": "grpc", "method": "POST"} if grpc else {}))
