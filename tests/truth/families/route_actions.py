"""What routes do: clusters by name, header and weight, rewrites of path and host, mutations, redirects, own answers.

What the upstream received is compared whole, header by header.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.truth.families import _route_tables as made
from tests.truth.setting import Setting

CALLS = 34
A_SETTING = 12
ACTIONS = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS")
TYPES = "type.googleapis.com/envoy.extensions."

Fields = dict[str, Any]
Draw = random.Random


def settings() -> Iterator[Setting]:
    drawn = [(name, kind, seed) for seed in range(SEEDS) for name, kind in KINDS.items()]
    for start in range(0, len(drawn), A_SETTING):
        batch = drawn[start : start + A_SETTING]
        yield made.setting(f"tables from {start}", [_table(*each) for each in batch], clusters=NAMED)


SEEDS = 4
NAMED = [
    made.static("named", "10.93.1.9", endpoint={"hostname": "endpoint.test"}),
    made.static("bare", "10.93.1.8"),
    {"name": "empty", "type": "STATIC", "load_assignment": {"cluster_name": "empty"}},
]
"""A cluster whose endpoint has a hostname, one whose endpoint has none, one without endpoints."""


def _table(name: str, kind: Callable[[Draw], tuple[Fields, Fields]], seed: int) -> tuple[Fields, list[Fields]]:
    draw = random.Random(f"{name} {seed}")
    routes = []
    for _ in range(draw.randint(4, 7)):
        match = _match(draw)
        routes.append({"match": match, **kind(draw, match)})
    table: Fields = {"vhost": _maybe(draw, 0.3, "include_request_attempt_count", True)}
    if draw.random() < 0.2:
        table["ignore_path_parameters_in_path_matching"] = True
    if "mutations" in name:
        table |= _maybe(draw, 0.5, "most_specific_header_mutations_wins", True)
        table |= _mutations(draw, 0.5)
        table["vhost"] |= _mutations(draw, 0.5)
    return made.table(*routes, **table), [_call(draw) for _ in range(CALLS)]


def _maybe(draw: Draw, share: float, name: str, value: Any) -> Fields:
    return {name: value} if draw.random() < share else {}


def _match(draw: Draw) -> Fields:
    return dict(
        draw.choice(
            (
                {"prefix": "/"}, {"prefix": "/a"}, {"prefix": "/a/"}, {"path": "/a/b"}, {"path_separated_prefix": "/a"},
                {"safe_regex": {"regex": "/[ab]/.*"}}, {"prefix": "/B", "case_sensitive": False}, {"prefix": "/b"},
                {"path": "/B/c", "case_sensitive": False}, {"prefix": "/", "headers": [{"name": "x-a"}]},
                {"prefix": "/a/b", "query_parameters": [{"name": "q"}]}, {"prefix": "/c;d"}, {"prefix": "/c"},
            )
        )
    )  # fmt: skip


def _call(draw: Draw) -> Fields:
    pieces = ("/", "a", "b", "c", "//", ";d", "?", "%20", "B")
    path = draw.choice(
        (
            "/",
            "/a",
            "/a/",
            "/a/b",
            "/a/b/c",
            "/A/b",
            "/b",
            "/b/c",
            "/B/C",
            "/c",
            "/c;d",
            "/c;d/e;f",
            "/ab",
            "//a",
            "/a//b",
        )
    )
    if draw.random() < 0.2:
        path = "/" + "".join(draw.choice(pieces) for _ in range(draw.randint(0, 4)))
    headers: Fields = {}
    for name, values in HEADERS.items():
        if draw.random() < 0.25:
            headers[name] = draw.choice(values)
        elif draw.random() < 0.07 and name != "x-weight":
            headers[name] = draw.sample(values, min(2, len(values)))
    return {
        "path": path + draw.choice(("", "", "?q=1", "?q=/a&r=%2F", "?")),
        "method": draw.choice(("GET", "GET", "DELETE")),
        "authority": draw.choice(
            ("a.test", "a.test", "A.test:8080", "a.test:80", "a.test:443", "[::1]:80", "10.0.0.1")
        ),
        "headers": headers,
    }


HEADERS = {
    "x-a": ("one", "two", "", "missing", "new.test"),
    "x-b": ("b", "c,d", "three"),
    "x-weight": ("0", "1", "7", "99", "-1", "x", " 5 ", "18446744073709551616", "4294967296"),
    "x-forwarded-host": ("old.test", "a.test", "x,a.test"),
    "x-forwarded-proto": ("https", "http", "ftp"),
    "content-type": ("application/grpc", "text/plain"),
    "grpc-timeout": ("1S", "20m", "x", "5000000u"),
    "x-envoy-upstream-rq-timeout-ms": ("700",),
    "x-envoy-original-path": ("/was",),
    "x-envoy-attempt-count": ("4",),
    "user-agent": ("test/1",),
    "cookie": ("k=v", "k=w; l=x"),
}


def _addition(draw: Draw, side: str) -> Fields:
    values = (
        "1", "", "plain text", "a%%b", "%REQ(x-a)%", "%REQ(:path)%-%PROTOCOL%", "%REQ(no?x-b):2%", "%REQ(x-b)%",
        "%REQ(X-A?:AUTHORITY)%", "%ROUTE_NAME%", "[%REQ(nope)%]", "%UPSTREAM_CLUSTER%", "%DOWNSTREAM_LOCAL_PORT%",
        "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "%REQ(:METHOD)%",
        "%DOWNSTREAM_LOCAL_ADDRESS%", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "%PATH(NQ)%", "%PATH(WQ)%",
        "%QUERY_PARAM(q)%", "%QUERY_PARAMS(ORIG)%", "%QUERY_PARAMS(DECODED)%", "%REQUEST_HEADER(x-b)%",
        "%REQ(:SCHEME)%", "%HOSTNAME%",
        "%REQUESTED_SERVER_NAME%", "%DYNAMIC_METADATA(a:b)%", "%FILTER_STATE(a)%", "%FILTER_CHAIN_NAME%",
        "%PATH(NQ):3%",
        "%UPSTREAM_METADATA(a:b)%", "%CLUSTER_METADATA(a:b)%", "%DOWNSTREAM_PEER_SUBJECT%", "%DOWNSTREAM_TLS_VERSION%",
        "%RESPONSE_FLAGS%", "%METADATA(ROUTE:a:b)%", "%UPSTREAM_HOST%", "%UPSTREAM_REMOTE_ADDRESS%", "%CONNECTION_ID%",
        "%START_TIME%", "%STREAM_ID%", "%BYTES_RECEIVED%", "%UNIQUE_ID%", "%PER_REQUEST_STATE(a)%",
        "%UPSTREAM_PROTOCOL%",
        "%REQ(x-a)% and %REQ(x-b)%", "%REQ(x-forwarded-host)%", "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%",
        "%ENVIRONMENT(HOME2)%",
        "%METADATA(LISTENER:a:b)%", "%UPSTREAM_LOCAL_ADDRESS%", "%RESP(x)%", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "%DOWNSTREAM_REMOTE_PORT%", "%TLS_JA3_FINGERPRINT%", "%REQUEST_HEADERS_BYTES%", "%UPSTREAM_CLUSTER_RAW%",
    )  # fmt: skip
    if side == "response":
        values = tuple(value for value in values if "BYTES" not in value)
    name = draw.choice(("x-a", "x-b", "x-m", "X-N", "x-o", "user-agent", "x-forwarded-host"))
    return {
        "header": {"key": name, "value": draw.choice(values)},
        "append_action": draw.choice(ACTIONS),
        **_maybe(draw, 0.25, "keep_empty_value", True),
    }


def _mutations(draw: Draw, share: float) -> Fields:
    made_: Fields = {}
    for side in ("request", "response"):
        if draw.random() < share:
            made_[f"{side}_headers_to_add"] = [_addition(draw, side) for _ in range(draw.randint(1, 4))]
        if draw.random() < share / 2:
            made_[f"{side}_headers_to_remove"] = draw.sample(
                ("x-a", "x-m", "User-Agent", "x-forwarded-proto", "location"), 1
            )
    return made_


def _regex(draw: Draw) -> Fields:
    """A rewrite whose substitution has no group that its pattern lacks."""
    pattern = draw.choice(("a", "[ab]*", "^/", "z", ".*", "(.)/", "/b(/.*)?$", r"^/(\w+)/(\w+)"))
    groups = pattern.count("(") - pattern.count("(?")
    choices = (
        ["Z", "", r"\0\0", "/x", "/n?z=1", "x"]
        + ([r"\1", r"/\1/y"] if groups else [])
        + ([r"/\2/\1"] if groups > 1 else [])
    )
    return {"pattern": {"regex": pattern}, "substitution": draw.choice(choices)}


def _rewrites(draw: Draw, match: Fields) -> Fields:
    action: Fields = {"cluster": draw.choice(("one", "two", "named", "bare"))}
    path = draw.random()
    if path < 0.4:
        action["prefix_rewrite"] = draw.choice(("/", "/new", "/new/", "/n?z=1", "n"))
    elif path < 0.7:
        action["regex_rewrite"] = _regex(draw)
    elif path < 0.8:
        action["path_rewrite"] = draw.choice(
            ("/n/%REQ(x-a)%", "/p%PATH(NQ)%", "/p?%REQ(x-b)%", "%REQ(x-a)%", "/%ROUTE_NAME%")
        )
    host = draw.random()
    if host < 0.2:
        action["host_rewrite_literal"] = draw.choice(("new.test", "new.test:81"))
    elif host < 0.35:
        action["host_rewrite_header"] = draw.choice(("x-a", "X-B", ":path", "host"))
    elif host < 0.5:
        action["host_rewrite_path_regex"] = {
            "pattern": {"regex": r"^/(\w+).*"},
            "substitution": draw.choice((r"\1.h", "")),
        }
    elif host < 0.65:
        action["auto_host_rewrite"] = True
    elif host < 0.75:
        action["host_rewrite"] = draw.choice(("%REQ(x-a)%.test", "x-%REQ(x-b)%", "h.test", "%REQ(nope)%"))
    return {"route": action | _maybe(draw, 0.4, "append_x_forwarded_host", True)} | _mutations(draw, 0.1)


def _clusters(draw: Draw, match: Fields) -> Fields:
    """By weight only where a header or a single weight above zero decides."""

    def entry(name: str, weight: int) -> Fields:
        target = {"cluster_header": draw.choice(("x-a", "x-b"))} if draw.random() < 0.2 else {"name": name}
        own = _maybe(draw, 0.3, "host_rewrite_literal", f"{name}.test")
        return {**target, "weight": weight, **own, **_mutations(draw, 0.25)}

    total = _maybe(draw, 0.3, "total_weight", 100)
    kind = draw.random()
    target: Fields
    if kind < 0.2:
        target = {"cluster": draw.choice(("one", "two", "missing", "empty"))}
    elif kind < 0.4:
        target = {"cluster_header": draw.choice(("x-a", "X-B", ":method", ":authority", "x-absent", "host"))}
    elif kind < 0.6:
        target = {"weighted_clusters": {"clusters": [entry("one", 0), entry("two", 3), entry("three", 0)], **total}}
    else:
        weights = [entry(name, draw.choice((0, 1, 5, 20))) for name in ("one", "two", "three", "missing")]
        weights[1]["weight"] += 1
        target = {"weighted_clusters": {"clusters": weights, "header_name": "x-weight", **total}}
    if "weighted_clusters" in target and "header_name" in target["weighted_clusters"]:
        match["headers"] = [{"name": "x-weight", "string_match": {"safe_regex": {"regex": " *[0-9]{1,19} *"}}}]
    code = draw.choice(("NOT_FOUND", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"))
    action = target | _maybe(draw, 0.4, "cluster_not_found_response_code", code)
    action |= _maybe(draw, 0.3, "timeout", draw.choice(("0s", "3s", "0.5s"))) | _maybe(
        draw, 0.3, "max_grpc_timeout", "2s"
    )
    action |= _maybe(draw, 0.2, "host_rewrite_literal", "route.test") | _maybe(
        draw, 0.2, "append_x_forwarded_host", True
    )
    action |= _maybe(draw, 0.2, "max_stream_duration", draw.choice(_STREAMS))
    return {"route": action} | _mutations(draw, 0.2)


_STREAMS = (
    {"max_stream_duration": "9s"},
    {"max_stream_duration": "9s", "grpc_timeout_header_max": "3s"},
    {"grpc_timeout_header_max": "0s", "grpc_timeout_header_offset": "0.005s"},
    {"grpc_timeout_header_max": "0.5s"},
)


def _mutating(draw: Draw, match: Fields) -> Fields:
    return {"route": {"cluster": draw.choice(("one", "two", "missing", "empty"))}} | _mutations(draw, 0.8)


def _redirects(draw: Draw, match: Fields) -> Fields:
    redirect: Fields = {}
    redirect |= _maybe(draw, 0.4, "host_redirect", draw.choice(("h.test", "h.test:81")))
    scheme = draw.random()
    if scheme < 0.3:
        redirect["https_redirect"] = True
    elif scheme < 0.5:
        redirect["scheme_redirect"] = draw.choice(("https", "http", "ftp", "HTTPS"))
    redirect |= _maybe(draw, 0.3, "port_redirect", draw.choice((80, 443, 8443)))
    path = draw.random()
    if path < 0.25:
        redirect["path_redirect"] = draw.choice(("/moved", "/moved?z=1", "moved", "/m#f"))
    elif path < 0.5:
        redirect["prefix_rewrite"] = draw.choice(("/moved/", "/new?z=1", "/", "n"))
    elif path < 0.7:
        redirect["regex_rewrite"] = _regex(draw)
    elif path < 0.8:
        redirect["path_rewrite"] = draw.choice(("/n/%REQ(x-a)%", "/p%PATH(NQ)%", "/p?%REQ(x-b)%", "n", "%REQ(x-a)%"))
    redirect |= _maybe(draw, 0.3, "strip_query", True)
    codes = ("FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT")
    return {"redirect": redirect | _maybe(draw, 0.4, "response_code", draw.choice(codes))} | _mutations(draw, 0.2)


def _answers(draw: Draw, match: Fields) -> Fields:
    body = draw.choice(
        (None, {"inline_string": "hey"}, {"inline_string": ""}, {"inline_string": "é\n"}, {"inline_bytes": "aGV5"},
         {"inline_string": '{"a": 1}'})
    )  # fmt: skip
    kind = draw.random()
    if kind < 0.1:
        return {"non_forwarding_action": {}}
    response: Fields = {"status": draw.choice((200, 204, 204, 301, 404, 418, 503, 304))} | (
        {"body": body} if body else {}
    )
    if draw.random() < 0.3:
        text = "at %REQ(:path)% %RESPONSE_CODE% [%REQ(nope)%] %LOCAL_REPLY_BODY%"
        formats = ({"text_format_source": {"inline_string": text}},
                   {"json_format": {"path": "%REQ(:path)%", "body": "%LOCAL_REPLY_BODY%"}},
                   {"text_format_source": {"inline_string": "x"}, "content_type": "text/html"})  # fmt: skip
        response["body_format"] = draw.choice(formats)
    return {"direct_response": response} | _mutations(draw, 0.3)


def _templates(draw: Draw, match: Fields) -> Fields:
    patterns = {
        "/a/{x}": ("x",),
        "/a/{x}/{y=**}": ("x", "y"),
        "/{x=**}": ("x",),
        "/{p}/b": ("p",),
        "/b/*": (),
        "/{x=a/*}/c": ("x",),
    }
    pattern = draw.choice(tuple(patterns))
    match.clear()
    kind = f"{TYPES}path.match.uri_template.v3.UriTemplateMatchConfig"
    match["path_match_policy"] = {"name": "m", "typed_config": {"@type": kind, "path_template": pattern}}
    names = patterns[pattern]
    rewrite = draw.choice(["/new", "/n/", *(f"/{{{name}}}" for name in names), *(f"/n/{{{name}}}-x" for name in names)])
    if len(names) > 1:
        rewrite = draw.choice((rewrite, "/{y}/{x}", "/{x}{y}"))
    kind = f"{TYPES}path.rewrite.uri_template.v3.UriTemplateRewriteConfig"
    action: Fields = {"cluster": "one"}
    if draw.random() < 0.8:
        action["path_rewrite_policy"] = {"name": "w", "typed_config": {"@type": kind, "path_template_rewrite": rewrite}}
    elif draw.random() < 0.5:
        action["regex_rewrite"] = _regex(draw)
    return {"route": action}


KINDS: dict[str, Callable[[Draw, Fields], Fields]] = {
    "rewrites": _rewrites,
    "more rewrites": _rewrites,
    "yet more rewrites": _rewrites,
    "clusters": _clusters,
    "more clusters": _clusters,
    "mutations": _mutating,
    "more mutations": _mutating,
    "yet more mutations": _mutating,
    "redirects": _redirects,
    "more redirects": _redirects,
    "answers": _answers,
    "templates": _templates,
}
