"""What the connection manager does before it looks for a route: host, path, client address, headers, refusals."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._managers import TABLE, call, setting
from tests.truth.setting import Setting

Call = dict[str, Any]

AUTHORITIES: tuple[str | None, ...] = (
    *("a.test", "A.Test", "a.test:80", "a.test:9002", "a.test:09002", "a.test:99999", "a.test:99999999999", "a.test:"),
    *("a.test:zz", "a.test.", "a.test..", "a.test.:80", ".", ".:80", "", "b.a.test", ".a.test", "b.", "b.c", "x:80"),
    *("[::1]", "[::1]:80", "[::1]:zz", "::1", "u@a.test", "a.test:80:80", "10.0.0.1:80", "a,b", "a%20b", "a.test:0"),
    *(None, "a/b", "a b", "b.test:9002.", "*", "a.test:9006", "a.test:+80", "a.test:-1", "a_b", "a;b", "a?b"),
)
HTTP_10 = {"http_protocol_options": {"accept_http_10": True}}
OF_HOSTS: tuple[Mapping[str, Any], ...] = (
    {},
    {"strip_any_host_port": True},
    {"strip_matching_host_port": True},
    {"strip_trailing_host_dot": True},
    {"strip_any_host_port": True, "strip_trailing_host_dot": True},
    {"strip_matching_host_port": True, "strip_trailing_host_dot": True},
    HTTP_10,
    {"http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "a.test:80"}},
    {
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "a.test:80"},
        "strip_any_host_port": True,
    },
    {"http_protocol_options": {"allow_absolute_url": False}},
    {"http_protocol_options": {"allow_custom_methods": True}},
)
TARGETS = (
    *("http://b.a.test/x", "HTTP://a.test", "https://a.test:80/?q", "http://a.test?q", "ftp://a.test/", "http:///x"),
    *("http://a b/", "http://u@a.test/", "*", "x", "//x", "/x#y", "http://a.test/x#y", "http:/x", "://x", "/\\x"),
    *("http://a.test:x/", "http://[::1]/", "/a b", "/\u00e9", "/\x7f", "", "?", "http://", "http:a", "a:b"),
)
PIECES = ("a", "b", ".", "..", "...", "", "", "%2F", "%5c", "%2f%2f", "%41", "%7E", "%2e", "%2E%2e", "%c3", "%zz", "%")
RARE = (
    "\\",
    ";p",
    "..;x",
    ".;",
    "a;x=1",
    "%00",
    "%23",
    "%3F",
    '"',
    "<>",
    "^`",
    "{|}",
    "'",
    "~",
    "%2",
    "%20",
    "%25",
    "*",
)
ODD_PATHS = (
    *("//a/../b%2F?x#y", "/a/../b%2F?x", "//", "///", "/", "/..", "/.", "/a/..", "/a/.", "/a%2F../b", "/a/%2f/b"),
    *("/a?b/../c", "/a?%2F", "/a?//b", "/a?", "/a??b", "/%2e%2e/a", "/..%2fa", "/a/..;x/b", "/a;x/../b", "/#", "/?#"),
    *("/a%5c..%5cb", "/a\\..\\b", "/%2F", "/%2f/", "/a%2f", "/%5C", "/a//", "//a//b//", "/.../a", "/a%00b", "/a?%00"),
)


def settings() -> Iterator[Setting]:
    yield setting("hosts", OF_HOSTS, _host_calls)
    marked = {**TABLE, "response_headers_to_add": [{"header": {"key": "x-table", "value": "1"}}]}
    yield setting("paths", [{"route_config": marked, **options} for options in _of_paths()], _path_calls)
    yield setting("header lines", OF_LINES, _line_calls)
    yield setting("limits", OF_LIMITS, _limit_calls)
    internal = {**TABLE, "internal_only_headers": ["x-private", "x-secret"]}
    yield setting(
        "clients", [{"route_config": internal, **each} for each in (*OF_CLIENTS, *OF_EXTENSIONS)], _client_calls
    )


HEADER_LINES: tuple[Mapping[str, Any], ...] = (
    {"a b": "c"},
    {"a ": "c"},
    {"a\x01": "c"},
    {"a": "b\x01c"},
    {"a": "b\x7fc"},
    {"a": "\u00e9"},
    {"\u00e9": "a"},
    {"a@b": "c"},
    {"a!#$%&'*+.^_`|~-b": "c"},
    {"a_b": "c", "_": "1"},
    {"A-B": "c", "a": ["1", "2", "2"]},
    {"a": "  b\tc  "},
    {"a": ""},
    # Of headers that are kept as one value an empty line adds nothing, not even a comma.
    {"x-forwarded-host": ["a", ""], "accept": ["", "b"], "via": ["", ""], "pragma": ["a", "", "b"]},
    {"content-length": "x"},
    {"content-length": "-1"},
    {"content-length": "+1"},
    {"content-length": ""},
    {"content-length": "0"},
    {"content-length": ["0", "0"]},
    {"content-length": "0, 0"},
    {"content-length": "9" * 20},
    {"transfer-encoding": "gzip"},
    {"transfer-encoding": ["chunked", "chunked"]},
    {"transfer-encoding": ""},
    {"transfer-encoding": "chunked", "content-length": "3"},
    {"expect": "100-continue"},
    {"expect": "200-maybe"},
    {"connection": "close"},
    {"connection": "keep-alive, x-drop", "x-drop": "1", "x-keep": "1"},
    {"proxy-connection": "close"},
    {"keep-alive": "timeout=5", "te": "trailers, deflate"},
    {"te": "deflate"},
    {"te": "Trailers"},
    {"te": "gzip, trailers", "connection": "TE"},
    {"te": "trailers;q=1"},
    {"host": "b.test"},
    {"host": ""},
    {"host": ["", "b.test"]},
    {"b": "x" * 940},
    {"b": "x" * 1100},
    {"a": ["1"] * 4},
    {"a": ["1"] * 5},
    {"a": ["1"] * 6},
    {"cookie": ["a=1", "b=2"], "set-cookie": ["a", "b"]},
    {"x-forwarded-host": ["a", "b"], "via": ["a", "b"], "accept": ["a", "b"], "x-request-id": "mine"},
    {"content-type": "text/plain", "content-encoding": "br", "user-agent": "me", "upgrade": "h2c"},
    {"connection": "upgrade, http2-settings", "upgrade": "h2c", "http2-settings": "AAMAAABkAARAAAAAAAIAAAAA"},
)
OF_LINES: tuple[Mapping[str, Any], ...] = (
    {},
    {"common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"}},
    {"common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER", "max_headers_count": 6}},
    {"common_http_protocol_options": {"max_headers_count": 5}, "max_request_headers_kb": 1},
    {"http_protocol_options": {"allow_chunked_length": True, "accept_http_10": True}},
    {"http_protocol_options": {"override_stream_error_on_invalid_http_message": True}},
    {"stream_error_on_invalid_http_message": True, "proxy_100_continue": True},
    {"codec_type": "HTTP1", "via": "here", "generate_request_id": False},
)


def _line_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for headers in HEADER_LINES:
        yield call(port, headers=dict(headers), method=draw.choice(("GET", "POST", "DELETE", "QUERY")))
    for method in ("POST", "PUT", "PATCH", "OPTIONS", "DELETE", "TRACE", "HEAD"):
        yield call(port, method=method)


OF_LIMITS: tuple[Mapping[str, Any], ...] = (
    {"max_request_headers_kb": 1, "common_http_protocol_options": {"max_headers_count": 8}},
    {"common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"}},
)


def _limit_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    """On both sides of every limit, to the byte."""
    for size in (900, 960, 964, 965, 966, 967, 968, 969, 970, 971, 975, 990, 1020, 1100, 1200, 2000):
        yield call(port, headers={"b": "x" * size})
        yield call(port, path="/" + "x" * size, method=draw.choice(("GET", "DELETE")))
    for count in range(5, 16):
        yield call(port, headers={f"h{number}": "1" for number in range(count)})
        yield call(port, headers={"h": ["1"] * (count // 2), "accept": ["a"] * count, "via": "x"})
    for name in ("_", "a_", "_a", "a_b", "a__b", "x_forwarded_for", "A_B", "user_agent", "a-_b", "x_", "__"):
        yield call(port, headers={"a": "1", name: "1"})
    for scheme in ("ftp", "ws", "wss", "h2", "httpx", "htt", "gopher"):
        yield call(port, path=f"{scheme}://a.test/x", method=draw.choice(("GET", "OPTIONS")))
    for length in ("0", "3", "10"):
        yield call(port, headers={"Transfer-Encoding": "chunked", "Content-Length": length}, method="POST")


FORWARDED: tuple[Mapping[str, Any], ...] = (
    {},
    {"x-forwarded-for": "10.0.0.1"},
    {"x-forwarded-for": "8.8.8.8"},
    {"x-forwarded-for": "8.8.8.8, 10.0.0.1"},
    {"x-forwarded-for": "10.0.0.1,8.8.8.8, 9.9.9.9"},
    {"x-forwarded-for": ["8.8.8.8", "10.0.0.1"]},
    {"x-forwarded-for": "nobody"},
    {"x-forwarded-for": ""},
    {"x-forwarded-for": "10.0.0.1:80"},
    {"x-forwarded-for": "[::1]:80"},
    {"x-forwarded-for": "::1"},
    {"x-forwarded-for": "fd00::1,"},
    {"x-forwarded-for": ",10.0.0.1"},
    {"x-forwarded-for": "10.0.0.1 , 10.0.0.2"},
    {"x-forwarded-proto": "https"},
    {"x-forwarded-proto": "HTTPS"},
    {"x-forwarded-proto": "foo"},
    {"x-forwarded-proto": ""},
    {"x-forwarded-proto": ["https", "http"]},
    {"x-forwarded-proto": "https", "x-forwarded-for": "8.8.8.8"},
    {"x-forwarded-port": "99"},
    {"x-forwarded-host": "h.test"},
    {"x-envoy-internal": "true"},
    {"x-envoy-external-address": "1.2.3.4"},
    {"x-envoy-external-address": "1.2.3.4", "x-forwarded-for": "10.0.0.1"},
    {"x-envoy-retry-on": "5xx", "x-envoy-max-retries": "2", "x-envoy-upstream-rq-timeout-ms": "77"},
    {"x-envoy-retry-on": "5xx", "x-envoy-upstream-rq-timeout-ms": "77", "x-forwarded-for": "10.0.0.1"},
    {"x-envoy-expected-rq-timeout-ms": "5", "x-envoy-attempt-count": "7", "x-envoy-unknown": "1"},
    {"x-envoy-decorator-operation": "o", "x-envoy-downstream-service-cluster": "c", "x-envoy-original-path": "/p"},
    {"x-envoy-downstream-service-node": "n", "x-envoy-original-host": "h", "x-envoy-ip-tags": "t"},
    {"x-envoy-force-trace": "1", "x-envoy-hedge-on-per-try-timeout": "true", "x-client-trace-id": "c"},
    {"x-request-id": "mine", "x-b3-traceid": "1", "traceparent": "2"},
    {"x-private": "1", "X-Secret": "2", "x-forwarded-for": "10.0.0.1"},
    {"x-private": "1"},
    {"x-forwarded-client-cert": "By=a;Hash=b", "via": "1.1 a", "server": "me", "date": "today"},
    {"x-forwarded-for": "10.0.0.1", "x-envoy-internal": "false", "x-forwarded-proto": "https"},
    {"x-real-ip": "10.0.0.9"},
    {"x-real-ip": "8.8.8.8", "x-forwarded-for": "10.0.0.1"},
    {"x-real-ip": "no"},
    {"x-real-ip": ["10.0.0.1", "10.0.0.2"]},
    {"x-real-ip": "10.0.0.1:80"},
    {"x-forwarded-for": "10.0.0.1, 9.9.9.9"},
    {"x-forwarded-for": "10.0.0.1, 8.8.8.8, 9.9.9.9"},
    {"x-forwarded-for": "9.9.9.9, 9.9.9.8"},
    {"x-forwarded-for": "no, 9.9.9.8"},
    {"referer": "foo"},
    {"referer": "http://a.test/x"},
    {"referer": "http://a.test/#x"},
    {"referer": "http://u@a/"},
    {"referer": "about:blank"},
    {"referer": "/x:y"},
    {"referer": "x:y"},
    {"referer": "http://a b/"},
    {"referer": "/x#y"},
    {"referer": ["/a", "/b"]},
    {"x-early": "1", "te": "trailers", "x-forwarded-for": "10.0.0.1"},
)
INSIDE = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}
HERE = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}}
OF_CLIENTS: tuple[Mapping[str, Any], ...] = (
    {},
    INSIDE,
    {"use_remote_address": True},
    {"use_remote_address": True, **INSIDE},
    {"use_remote_address": True, **HERE},
    {"use_remote_address": True, "xff_num_trusted_hops": 1, **INSIDE},
    {"use_remote_address": True, "xff_num_trusted_hops": 2, "skip_xff_append": True},
    {"use_remote_address": True, "skip_xff_append": True, "append_x_forwarded_port": True, **INSIDE},
    {"xff_num_trusted_hops": 1, "append_x_forwarded_port": True, **INSIDE},
    {"xff_num_trusted_hops": 2},
    {"use_remote_address": True, "xff_num_trusted_hops": 1, "append_x_forwarded_port": True},
    {"scheme_header_transformation": {"scheme_to_overwrite": "https"}, "via": "1.1 here"},
    {"use_remote_address": True, "preserve_external_request_id": True, "generate_request_id": False},
    {"use_remote_address": True, "preserve_external_request_id": True, **INSIDE},
    {"generate_request_id": False, "always_set_request_id_in_response": True},
    {"skip_xff_append": True, **INSIDE},
    {"add_user_agent": True, "use_remote_address": True},
    {"add_user_agent": True},
    {"scheme_header_transformation": {"match_upstream": True}},
    {"use_remote_address": True, "represent_ipv4_remote_address_as_ipv4_mapped_ipv6": True},
)


EXTENSIONS = "type.googleapis.com/envoy.extensions.http."
DETECTION = f"{EXTENSIONS}original_ip_detection."


def _detects(kind: str, **options: Any) -> dict[str, Any]:
    entry = {"name": "detection", "typed_config": {"@type": f"{DETECTION}{kind}", **options}}
    return {"original_ip_detection_extensions": [entry], **INSIDE}


def _by_header(**options: Any) -> dict[str, Any]:
    return _detects("custom_header.v3.CustomHeaderConfig", header_name="X-Real-IP", **options)


def _by_list(**options: Any) -> dict[str, Any]:
    return _detects("xff.v3.XffConfig", **options)


def _early(*mutations: Mapping[str, Any]) -> dict[str, Any]:
    kind = f"{EXTENSIONS}early_header_mutation.header_mutation.v3.HeaderMutation"
    entry = {"name": "early", "typed_config": {"@type": kind, "mutations": list(mutations)}}
    return {"early_header_mutation_extensions": [entry], **INSIDE}


def _set(name: str, value: str, action: str = "OVERWRITE_IF_EXISTS_OR_ADD") -> dict[str, Any]:
    return {"append": {"header": {"key": name, "value": value}, "append_action": action}}


TRUSTED = [{"address_prefix": "10.93.0.0", "prefix_len": 16}, {"address_prefix": "9.9.9.0", "prefix_len": 24}]
OF_EXTENSIONS: tuple[Mapping[str, Any], ...] = (
    _by_list(),
    _by_list(xff_num_trusted_hops=1),
    _by_list(skip_xff_append=False),
    _by_list(xff_trusted_cidrs={"cidrs": TRUSTED}),
    _by_list(xff_trusted_cidrs={"cidrs": TRUSTED[1:]}, skip_xff_append=False),
    _by_header(),
    _by_header(allow_extension_to_set_address_as_trusted=True),
    _by_header(reject_with_status={"code": "Unauthorized"}),
    _by_header(reject_with_status={"code": "OK"}),
    _early(
        _set("x-forwarded-for", "10.0.0.1"),
        _set("x-envoy-internal", "true"),
        _set("x-new", "%REQ(:path)%-%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
        _set("te", "gzip"),
        _set("x-forwarded-proto", "https"),
    ),
    _early({"remove": "x-early"}, _set("X-Early", "2", "ADD_IF_ABSENT"), _set("x-real-ip", "3", "OVERWRITE_IF_EXISTS")),
)


def _client_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    for headers in FORWARDED:
        yield call(port, headers=dict(headers), path=draw.choice(("/", "/", "http://a.test/x", "https://a.test/")))
    for headers in FORWARDED[:3]:
        yield {**call(port, headers=dict(headers)), "from": "here", "destination": f"127.0.0.1:{port}"}


def _host_calls(draw: random.Random, port: int, options: Mapping[str, Any]) -> Iterator[Call]:
    for authority in AUTHORITIES:
        old = draw.random() < (0.5 if "http_protocol_options" in options else 0.1)
        yield call(port, authority=authority, protocol="http/1.0" if old else "http")
    for target in draw.sample(TARGETS, 13):
        yield call(port, path=target, method=draw.choice(("GET", "OPTIONS", "POST")))
    for method in ("FOO", "M-SEARCH", "get", "PURGE", "G@T", "G!T", "HEAD", "QUERY"):
        yield call(port, method=method)
    for target in ("*", "*x", "*/a?b"):
        # where absolute targets are not read, the codec takes whatever the parser takes
        for method in ("GET", "OPTIONS", "POST"):
            yield call(port, path=target, method=method)


def _of_paths() -> Iterator[dict[str, Any]]:
    for action in ("KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"):
        for normalize in (True, False):
            for merge in (True, False):
                if normalize or merge or action != "KEEP_UNCHANGED":
                    yield {
                        "normalize_path": normalize,
                        "merge_slashes": merge,
                        "path_with_escaped_slashes_action": action,
                    }
    yield {}


def _path_calls(draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    grpc = {"content-type": "application/grpc"}
    for path in draw.sample(ODD_PATHS, 16):
        yield call(port, path=path)
    for _ in range(34):
        pieces = [draw.choice(PIECES if draw.random() < 0.7 else RARE) for _ in range(draw.randint(1, 5))]
        joined = "/" + draw.choice(("/", "/", "/", "")).join(pieces)
        query = draw.choice(("", "", "?x=%2F..//y", "?", "#f"))
        headers = grpc if draw.random() < 0.1 else {"x-forwarded-proto": "http"} if draw.random() < 0.2 else {}
        yield call(port, path=joined + query, headers=headers)
