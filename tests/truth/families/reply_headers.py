"""What stands in the head of a reply: own headers behind the route's, attempts, and what frames the body.

Surprising: whatever a filter or the router adds to its own reply comes after the route's mutations, so that a route
cannot remove it; but a grpc-status that a route wrote stays. `x-envoy-attempt-count` is there from the first attempt
on, without an endpoint too, and overwrites. HTTP/1.0 is told `keep-alive` only where a length is stated, and an empty
reply states none. A request that is refused before any filter saw it, by the codec even, is answered past all of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.builders_http import http_filter, one_route
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import ALWAYS, WORLD, abort, append, asked, get, mutation
from tests.truth.families.content_encodings import responses
from tests.truth.families.http_filters import HOSTS
from tests.truth.setting import Setting

OWN = ("x-envoy-overloaded", "www-authenticate", "x-envoy-ratelimited", "x-l", "grpc-status", "x-envoy-attempt-count")
ACTIONS = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS")
SWITCH = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
DENIES = http_filter("rbac", "rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {}})


def settings() -> Iterator[Setting]:
    groups = {"own headers": own_headers(), "framing": framing(), "refused before any filter": refused()}
    for name, cases in groups.items():
        yield Setting(
            name=name,
            dump=dump(cases),
            calls=calls(cases),
            configurations=len(cases),
            world=WORLD,
            hosts=HOSTS["endings"],
            marks=[name],
        )


def _header(key: str, value: str, action: str) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, "append_action": action}


def _counted(made: dict[str, Any]) -> dict[str, Any]:
    made["route_config"]["virtual_hosts"][0]["include_attempt_count_in_response"] = True
    return made


def own_headers() -> list[Case]:
    users = {"inline_string": "u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}
    keys = '{"keys":[{"kty":"oct","alg":"HS256","k":"c2VjcmV0"}]}'
    provider = {"issuer": "i", "local_jwks": {"inline_string": keys}}
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "p"}}
    refusing = [
        http_filter("b", "basic_auth.v3.BasicAuth", users=users),
        http_filter("j", "jwt_authn.v3.JwtAuthentication", providers={"p": provider}, rules=[rule]),
        DENIES,
    ]
    upstream = {"route": {"cluster": "c"}}
    actions: list[Mapping[str, Any]] = [
        *({"route": {"cluster": name}} for name in ("dead", "refuses", "nope")),
        {"direct_response": {"status": 503, "body": {"inline_string": "x"}}},
        {"redirect": {"host_redirect": "b"}},
    ]
    said = [get(), asked("POST", content_type="application/grpc")]
    cases: list[Case] = []
    for word in ("remove", *ACTIONS):
        changes: dict[str, Any] = (
            {"response_headers_to_remove": list(OWN)}
            if word == "remove"
            else {"response_headers_to_add": [_header(name, "7", word) for name in OWN]}
        )
        route = one_route(name="r", **upstream, **changes)
        cases += [(_counted(manager(each, route=route)), said) for each in refusing]
        cases += [(_counted(manager(route=one_route(name="r", **each, **changes))), said) for each in actions]
        for action in ACTIONS:
            bucket = {"max_tokens": 1, "fill_interval": "600s"}
            limit = http_filter(
                "l",
                "local_ratelimit.v3.LocalRateLimit",
                stat_prefix="l",
                token_bucket=bucket,
                filter_enabled=ALWAYS,
                filter_enforced=ALWAYS,
                response_headers_to_add=[_header("x-l", "own", action)],
            )
            taken = [{**get(), "choices": {"0/filter/l": option}} for option in ("pass", "limited", "limited")]
            cases.append((_counted(manager(limit, route=route)), taken))
    return cases


def framing() -> list[Case]:
    said: list[dict[str, Any]] = []
    for version in ("http/1.0", "http"):
        for headers in ({}, {"connection": "keep-alive"}, {"connection": "close"}, {"proxy_connection": "keep-alive"}):
            said += [{**asked(method, **headers), "protocol": version} for method in ("GET", "HEAD", "POST")]
    said += [
        {**get(connection=value), "protocol": "http/1.0"}
        for value in ("Keep-Alive", "x, keep-alive", "keep-alive, close", "")
    ]
    no_length = mutation("m", response_mutations=[{"remove": "content-length"}])
    body = {"body": {"inline_string": "hello"}}
    old = {"http_protocol_options": {"accept_http_10": True}}
    routes = [
        one_route(name="r", direct_response={"status": 200, **body}),
        one_route(name="r", direct_response={"status": 200}),
        one_route(name="r", direct_response={"status": 204, **body}),
        one_route(name="r", direct_response={"status": 400, **body}),
        one_route(name="r", redirect={"host_redirect": "b"}),
        one_route(name="r", route={"cluster": "dead"}),
    ]
    return [
        *((manager(route=route, **old), said) for route in routes),
        *((manager(no_length, route=route, **old), said) for route in routes[:2]),
        (manager(abort(503), **old), said),
        (manager(DENIES, **old), said),
    ]


def refused() -> list[Case]:
    seen = "%RESPONSE_CODE%|%RESPONSE_CODE_DETAILS%|%REQ(:path)%|%ROUTE_NAME%|%RESPONSE_FLAGS%|%PROTOCOL%"
    shows = mutation("hm", response_mutations=[append("x-own", seen)])
    own = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute",
        "mutations": {"response_mutations": [append("x-route", "1")]},
    }
    route, off, on = (
        one_route(name="r", typed_per_filter_config={"hm": each})
        for each in (own, {"@type": SWITCH, "disabled": True}, {"@type": SWITCH, "config": own})
    )
    short = responses(common_config={"min_content_length": 1})
    others = [http_filter("w", "grpc_web.v3.GrpcWeb"), shows, http_filter("cors", "cors.v3.Cors")]
    rejects = {"normalize_path": True, "path_with_escaped_slashes_action": "REJECT_REQUEST"}
    said = [
        *(get(path) for path in ("/x#f", "x", "/a%00b", "/a%2fb", "/é", ":foo", "/none")),
        *({**get(path), "protocol": "http2"} for path in ("/x#f", "x")),
        {**get(), "protocol": "http/1.0"},
        {**get(), "authority": None},
        {**get(), "authority": "a.test:x y"},
        get(x_a="x" * 70000),
        get(**{f"h{number}": "1" for number in range(110)}),
        get(transfer_encoding="gzip"),
        get(content_length="x"),
        get(**{"a b": "1"}),
        get(connection="upgrade", upgrade="websocket"),
        get("/a%00b", origin="http://a"),
        asked("CONNECT"),
        asked("POST", "/x#f", content_type="application/grpc"),
        asked("HEAD", "/x#f", accept_encoding="gzip"),
    ]
    disabled = {**shows, "disabled": True}
    return [
        (each, said)
        for each in (
            manager(shows, route=route, **rejects),
            manager(shows, route=off, **rejects),
            manager(disabled, route=on, **rejects),
            manager(disabled, route=route, **rejects),
            manager(short, shows, route=route, **rejects),
            manager(*others, route=route, **rejects),
            manager(shows, route=route, path_with_escaped_slashes_action="UNESCAPE_AND_REDIRECT"),
        )
    ]
