"""HTTP filters: what each answers, changes, notes for others, and does to every response."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from tests.builders_http import TYPES, http_filter, one_route, table_fields, virtual_host
from tests.realism.upstreams import Upstream
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.setting import Setting

ALWAYS = {"default_value": {"numerator": 100}}
WORLD = [Upstream("0.0.0.0:80", "http", name="any")]
APPEND = "APPEND_IF_EXISTS_OR_ADD"
ACTIONS = (APPEND, "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS", "OVERWRITE_IF_EXISTS_OR_ADD")


HOSTS = {
    "endings": [
        {
            "kind": "HostFacts",
            "pod": "far",
            "interfaces": {"eth0": ["10.94.0.1/24"]},
            "sockets": [{"listen": "0.0.0.0:80", "speaks": "http", "status": 200}],
        }
    ]
}


def settings() -> Iterator[Setting]:
    for name, make in GROUPS.items():
        cases = make()
        yield Setting(
            name=name,
            dump=dump(cases),
            calls=calls(cases),
            configurations=len(cases),
            world=WORLD,
            hosts=HOSTS.get(name, ()),
            marks=[name],
        )


def get(path: str = "/", **headers: Any) -> dict[str, Any]:
    return asked("GET", path, **headers)


def asked(method: str, path: str = "/", **headers: Any) -> dict[str, Any]:
    return {
        "method": method,
        "path": path,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
    }


def per_route(name: str, kind: str, /, **fields: Any) -> dict[str, Any]:
    return one_route(name="r", typed_per_filter_config={name: {"@type": TYPES + kind, **fields}})


def append(key: str, value: str, action: str = APPEND) -> dict[str, Any]:
    return {"append": {"header": {"key": key, "value": value}, "append_action": action}}


def mutation(name: str = "hm", **mutations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return http_filter(name, "header_mutation.v3.HeaderMutation", mutations=mutations)


def abort(status: int = 503) -> dict[str, Any]:
    fields = {"abort": {"http_status": status, "percentage": {"numerator": 100}}}
    return http_filter("fault", "fault.v3.HTTPFault", **fields)


def header_mutations() -> list[Case]:
    seen = [get("/p?x"), get("/p", x_a="0"), get(x_a=["1", "2"]), get(x_b="b"), get(x_a="", x_b="b"), asked("POST")]
    cases: list[Case] = [
        (manager(mutation(request_mutations=[append("x-a", value, action), {"remove": "x-b"}])), seen)
        for action, value in product(ACTIONS, ("v", "%REQ(x-b)%-%REQ(:path)%", ""))
    ]
    cases += [
        (manager(mutation(response_mutations=[append("x-o", "v", action)]), route=one_route(**fields)), seen)
        for action in ACTIONS
        for fields in (
            {"direct_response": {"status": 418, "body": {"inline_string": "tea"}}},
            {
                "redirect": {"host_redirect": "b.test"},
                "response_headers_to_add": [{"header": {"key": "x-o", "value": "r"}}],
            },
        )
    ]
    cases.append((manager(abort(), mutation(response_mutations=[append("x-o", "late")])), seen))
    cases.append((manager(mutation(response_mutations=[append("x-o", "early")]), abort(418)), seen))
    cases.append((manager(mutation(request_mutations=[{"remove_on_match": {"key_matcher": {"prefix": "x-"}}}])), seen))
    kind = "header_mutation.v3.HeaderMutationPerRoute"
    level = {"hm": {"@type": TYPES + kind, "mutations": {"request_mutations": [append("x-l", "level")]}}}
    table = table_fields(
        virtual_host(one_route(name="r", typed_per_filter_config=level), typed_per_filter_config=level),
        typed_per_filter_config=level,
    )
    cases.append((manager(mutation(request_mutations=[append("x-l", "own")]), table=table), seen))
    return cases


def endings() -> list[Case]:
    """Replies of the router's own pass the filters too, with the flags those had raised."""
    delay = {"fixed_delay": "0.001s", "percentage": {"numerator": 100}}
    late = http_filter("fault", "fault.v3.HTTPFault", delay=delay)
    marks = mutation(response_mutations=[append("x-o", "%REQ(x-a)%v")])
    policy = {"allow_origin_string_match": [{"exact": "*"}], "expose_headers": "x-e"}
    cors = {"@type": TYPES + "cors.v3.CorsPolicy", **policy}
    seen = [get(), get(x_a="1"), get(origin="https://o.test"), asked("POST", content_type="application/grpc")]
    routes = [
        one_route(name="r", route={"cluster": name}, typed_per_filter_config={"cors": cors})
        for name in ("c", "dead", "nowhere", "refuses")
    ]
    routes += [one_route(name="r", direct_response={"status": 404}), one_route({"path": "/none"})]
    return [
        (manager(*filters, route=route), seen)
        for filters in ((marks,), (late,), (http_filter("cors", "cors.v3.Cors"), late, marks))
        for route in routes
    ]


def queries() -> list[Case]:
    seen = [
        get(path)
        for path in (
            "/p",
            "/p?a=1",
            "/p?b=1&a=1&a=2",
            "/p?a",
            "/p?c=%41+x&b",
            "/p?a=%2F&z=a%3Db",
            "/?",
            "/p?=1",
            "/p?a=1&&b=2",
        )
    ]
    changes: list[dict[str, Any]] = [{"remove": "a"}]
    changes += [
        {"append": {"record": {"key": "a", "value": value}, "action": action}}
        for action in ACTIONS
        for value in ("v", "x y&=", "%REQ(:method)%")
    ]
    return [(manager(mutation(query_parameter_mutations=[each])), seen) for each in changes]


def noting() -> list[Case]:
    """Dynamic metadata and filter state, shown by a header made of them."""
    space = "envoy.filters.http.header_to_metadata"
    show = mutation(
        request_mutations=[
            append("x-k", "%DYNAMIC_METADATA(ns:k)%"),
            append("x-all", "%DYNAMIC_METADATA(ns)%"),
            append("x-own", f"%DYNAMIC_METADATA({space}:k)%"),
            append("x-state", "%FILTER_STATE(k:PLAIN)%"),
        ]
    )
    seen = [
        get(),
        get(x_h="v"),
        get(x_h=["a", "b"]),
        get(x_h=""),
        get(cookie="x-h=c; k=2"),
        get(x_h="4.5"),
        get(x_h="dg=="),
    ]
    rules: list[dict[str, Any]] = [
        {"header": "x-h", "on_header_present": {"metadata_namespace": "ns", "key": "k"}},
        {"header": "x-h", "on_header_present": {"key": "k"}, "remove": True},
        {"header": "x-h", "on_header_present": {"metadata_namespace": "ns", "key": "k", "value": "fixed"}},
        {"header": "x-h", "on_header_missing": {"metadata_namespace": "ns", "key": "k", "value": "none"}},
        {"header": "x-h", "on_header_present": {"metadata_namespace": "ns", "key": "k", "type": "NUMBER"}},
        {"header": "x-h", "on_header_present": {"metadata_namespace": "ns", "key": "k", "encode": "BASE64"}},
        {"cookie": "k", "on_header_present": {"metadata_namespace": "ns", "key": "k"}},
        {
            "header": "x-h",
            "on_header_present": {
                "metadata_namespace": "ns",
                "key": "k",
                "regex_value_rewrite": {"pattern": {"regex": "([a-z])"}, "substitution": "<\\1>"},
            },
        },
    ]
    kind = "header_to_metadata.v3.Config"
    cases: list[Case] = [(manager(http_filter("h", kind, request_rules=[rule]), show), seen) for rule in rules]
    cases.append(
        (
            manager(
                http_filter("h", kind, request_rules=[rules[3]]),
                show,
                route=per_route("h", kind, request_rules=[rules[0]]),
            ),
            seen,
        )
    )
    table = table_fields(
        virtual_host(
            one_route({"prefix": "/", "headers": [{"name": "x-k", "string_match": {"exact": "v"}}]}, name="by header"),
            one_route(name="other"),
        )
    )
    cases.append((manager(http_filter("h", kind, request_rules=[rules[0]]), show, table=table), seen))
    metadata = {"metadata_namespace": "ns", "value": {"k": "v", "n": {"a": 1}}}
    again = {"metadata_namespace": "ns", "value": {"k": "w", "n": {"b": 2}}}
    for extra in ([], [again], [{**again, "allow_overwrite": True}]):
        cases.append((manager(http_filter("s", "set_metadata.v3.Config", metadata=[metadata, *extra]), show), seen))
    for skip in (False, True):
        source = {"text_format_source": {"inline_string": "%REQ(x-h)%"}}
        entry = {"object_key": "k", "factory_key": "envoy.string", "format_string": source, "skip_if_empty": skip}
        cases.append((manager(http_filter("f", "set_filter_state.v3.Config", on_request_headers=[entry]), show), seen))
    return cases


def origins() -> list[Case]:
    """csrf and cors."""
    said = [
        asked(method, **headers)
        for method in ("GET", "POST", "DELETE", "PATCH", "OPTIONS")
        for headers in (
            {},
            {"origin": "http://a.test"},
            {"origin": "https://x.o.test"},
            {"origin": "https://o.test:8443"},
            {"origin": "null"},
            {"referer": "http://a.test/x"},
            {"origin": "null", "referer": "http://a.test/x"},
            {
                "origin": "https://x.o.test",
                "access_control_request_method": "PUT",
                "access_control_request_headers": "x-a",
            },
            {"origin": "https://bad", "access_control_request_method": "PUT"},
        )
    ]
    policy = {"filter_enabled": ALWAYS, "additional_origins": [{"suffix": ".o.test"}]}
    off = {"filter_enabled": {"default_value": {"numerator": 0}}}
    kind = "csrf.v3.CsrfPolicy"
    cases: list[Case] = [
        (manager(http_filter("csrf", kind, **policy)), said),
        (manager(http_filter("csrf", kind, **policy), route=per_route("csrf", kind, **off)), said),
        (manager(http_filter("csrf", kind, **off), route=per_route("csrf", kind, **policy)), said),
    ]
    cors = http_filter("cors", "cors.v3.Cors")
    kind = "cors.v3.CorsPolicy"
    origin: dict[str, Any] = {"allow_origin_string_match": [{"suffix": "o.test"}]}
    for fields in (
        origin,
        {**origin, "allow_methods": "*", "allow_headers": "*", "max_age": "60"},
        {**origin, "allow_credentials": True, "expose_headers": "x-e", "allow_methods": "GET"},
        {**origin, "forward_not_matching_preflights": False},
        {"allow_origin_string_match": [{"exact": "*"}]},
        {**origin, **off},
    ):
        cases.append((manager(cors, route=per_route("cors", kind, **fields)), said))
    cases.append((manager(cors, abort(), route=per_route("cors", kind, **origin, expose_headers="x-e")), said))
    cases.append((manager(abort(), cors, route=per_route("cors", kind, **origin)), said))
    answer = one_route(
        direct_response={"status": 204}, typed_per_filter_config={"cors": {"@type": TYPES + kind, **origin}}
    )
    cases.append((manager(cors, route=answer), said))
    marked = per_route("cors", kind, **origin)
    marked["response_headers_to_add"] = [{"header": {"key": "x-o", "value": "%REQ(origin)%"}}]
    cases.append((manager(cors, mutation(response_mutations=[append("x-m", "v")]), route=marked), said))
    outer = {"cors": {"@type": TYPES + kind, **origin, "allow_methods": "GET"}}
    inner = {"cors": {"@type": TYPES + kind, "allow_headers": "x-a"}}
    table = table_fields(
        virtual_host(one_route(name="r", typed_per_filter_config=inner), typed_per_filter_config=outer)
    )
    cases.append((manager(cors, table=table), said))
    return cases


def credentials() -> list[Case]:
    basic = "basic_auth.v3.BasicAuth"
    users = {"inline_string": "u:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}
    others = {"inline_string": "v:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="}
    said = [
        get("/p?q"),
        get(authorization="Basic dTpwYXNzd29yZA=="),
        get(authorization="Basic djpwYXNzd29yZA=="),
        get(authorization="Basic dTpwYXNz"),
        get(authorization="basic dTpwYXNzd29yZA=="),
        get(authorization="Bearer x"),
        get(authorization="Basic dXBhc3N3b3Jk"),
        get(authorization="Basic !!"),
        get(x_auth="Basic dTpwYXNzd29yZA=="),
        {**asked("POST", content_type="application/grpc"), "protocol": "http"},
    ]
    cases: list[Case] = [
        (manager(http_filter("b", basic, users=users)), said),
        (manager(http_filter("b", basic, users=users, forward_username_header="x-user")), said),
        (manager(http_filter("b", basic, users=users, authentication_header="x-auth")), said),
        (
            manager(
                http_filter("b", basic, users=users),
                route=per_route("b", "basic_auth.v3.BasicAuthPerRoute", users=others),
            ),
            said,
        ),
    ]
    key = "api_key_auth.v3.ApiKeyAuth"
    known = [{"key": "k1", "client": "one"}, {"key": "k2", "client": "two"}]
    sources = [{"header": "x-key"}, {"query": "key"}, {"cookie": "ck"}]
    said = [
        get(),
        get(x_key="k1"),
        get(x_key="Bearer k2"),
        get(x_key="bad"),
        get("/?a=1&key=k1&b=2"),
        get("/?key=k1"),
        get("/?key=%6b1"),
        get(cookie="ck=k1"),
        get(cookie="a=1; ck=k2; b=2"),
        get("/?key=k1", x_key="bad"),
        get("/?key=bad", cookie="ck=k2"),
        get(x_key=""),
    ]
    cases += [
        (manager(http_filter("k", key, credentials=known, key_sources=sources)), said),
        (
            manager(
                http_filter("k", key, credentials=known, key_sources=sources[:1], forwarding={"header": "x-client"})
            ),
            said,
        ),
        (
            manager(
                http_filter(
                    "k",
                    key,
                    credentials=known,
                    key_sources=sources,
                    forwarding={"header": "x-c", "hide_credentials": True},
                )
            ),
            said,
        ),
        (
            manager(
                http_filter("k", key, credentials=known, key_sources=sources),
                route=per_route("k", "api_key_auth.v3.ApiKeyAuthPerRoute", allowed_clients=["two"]),
            ),
            said,
        ),
    ]
    return cases


def limits() -> list[Case]:
    """buffer, cdn_loop, and services that are not there."""
    sizes = [asked("POST"), get()]
    cases: list[Case] = [
        (manager(http_filter("b", "buffer.v3.Buffer", max_request_bytes=5)), sizes),
        (
            manager(
                http_filter("b", "buffer.v3.Buffer", max_request_bytes=5),
                route=per_route("b", "buffer.v3.BufferPerRoute", disabled=True),
            ),
            sizes,
        ),
    ]
    loops = [get()] + [
        get(cdn_loop=value)
        for value in (
            "id",
            "ID",
            "id, id",
            "x, id",
            "x,, y",
            "id;v=1",
            'id; v="a b" ',
            "id:80",
            "[::1]:8",
            ",",
        )
    ]
    cases += [
        (manager(http_filter("c", "cdn_loop.v3.CdnLoopConfig", cdn_id="id", max_allowed_occurrences=most)), loops)
        for most in (0, 1)
    ]
    authz = "ext_authz.v3.ExtAuthz"
    server = {"http_service": {"server_uri": {"uri": "http://x", "cluster": "missing", "timeout": "1s"}}}
    for fields in (
        {},
        {"status_on_error": {"code": "ServiceUnavailable"}},
        {"status_on_error": {"code": 504}},
        {"failure_mode_allow": True},
        {"failure_mode_allow": True, "failure_mode_allow_header_add": True},
        {"filter_enabled": {"default_value": {"numerator": 0}}},
        {
            "filter_enabled": {"default_value": {"numerator": 0}},
            "deny_at_disable": {"default_value": True, "runtime_key": "x"},
        },
        {
            "filter_enabled_metadata": {
                "filter": "ns",
                "path": [{"key": "k"}],
                "value": {"string_match": {"exact": "v"}},
            }
        },
    ):
        cases.append(
            (
                manager(http_filter("e", authz, **server, **fields)),
                [get(), get(x_h="v"), asked("POST", content_type="application/grpc")],
            )
        )
        note = http_filter(
            "s",
            "header_to_metadata.v3.Config",
            request_rules=[{"header": "x-h", "on_header_present": {"metadata_namespace": "ns", "key": "k"}}],
        )
        cases.append((manager(note, http_filter("e", authz, **server, **fields)), [get(), get(x_h="v"), get(x_h="w")]))
    cases.append(
        (
            manager(
                http_filter("e", authz, **server), route=per_route("e", "ext_authz.v3.ExtAuthzPerRoute", disabled=True)
            ),
            [get()],
        )
    )
    return cases


def faults() -> list[Case]:
    whole = {"numerator": 100}
    delay = {"fixed_delay": "0.001s", "percentage": whole}
    kind = "fault.v3.HTTPFault"
    said = [
        get(),
        asked("POST", content_type="application/grpc"),
        get(x_user="jason"),
        get(x_envoy_fault_abort_request="429"),
        get(x_envoy_fault_abort_request="429", x_envoy_fault_abort_request_percentage="0"),
        get(x_envoy_fault_abort_request="9"),
        get(x_envoy_fault_delay_request="1"),
        get(x_envoy_fault_delay_request="0"),
        get(x_envoy_downstream_service_node="n"),
        get(x_envoy_fault_abort_grpc_request="5"),
    ]
    cases: list[Case] = []
    for fields in (
        {"abort": {"http_status": 503, "percentage": whole}},
        {"abort": {"grpc_status": 14, "percentage": whole}},
        {"abort": {"http_status": 503}},
        {"delay": delay},
        {"delay": delay, "abort": {"http_status": 418, "percentage": whole}},
        {"delay": delay, "headers": [{"name": "x-user", "string_match": {"exact": "jason"}}]},
        {"delay": delay, "upstream_cluster": "c"},
        {"delay": delay, "upstream_cluster": "other"},
        {"delay": delay, "downstream_nodes": ["n"]},
        {"delay": delay, "max_active_faults": 0},
        {"abort": {"header_abort": {}, "percentage": whole}},
        {"delay": {"header_delay": {}, "percentage": whole}},
    ):
        cases.append((manager(http_filter("f", kind, **fields)), said))
        cases.append((manager(http_filter("f", kind), route=per_route("f", kind, **fields)), said))
        cases.append(
            (
                manager(http_filter("f", kind, **fields), route=one_route(name="r", direct_response={"status": 202})),
                said,
            )
        )
        cases.append(
            (manager(http_filter("f", kind, **fields), route=one_route(name="r", route={"cluster": "dead"})), said)
        )
        cases.append((manager(http_filter("f", kind, **fields), route=one_route({"path": "/none"}, name="r")), said))
    return cases


def health() -> list[Case]:
    kind = "health_check.v3.HealthCheck"
    path = [{"name": ":path", "string_match": {"exact": "/hz"}}]
    said = [get("/hz"), get("/"), asked("POST", "/hz"), asked("POST", "/hz", content_type="application/grpc")]
    return [
        (manager(http_filter("h", kind, headers=path, **fields), route=route), said)
        for route in (one_route(name="r"), one_route(name="r", direct_response={"status": 202}))
        for fields in (
            {"pass_through_mode": False},
            {"pass_through_mode": True},
            {"pass_through_mode": False, "cluster_min_healthy_percentages": {"nope": {"value": 10}}},
        )
    ]


def switched() -> list[Case]:
    """`disabled`, and what routes, virtual hosts and route configurations make of it."""
    switch = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
    off: dict[str, Any] = {"@type": switch, "disabled": True}
    on: dict[str, Any] = {"@type": switch, "config": {}}
    own = {"@type": TYPES + "fault.v3.HTTPFault", "abort": {"http_status": 429, "percentage": {"numerator": 100}}}
    said = [get(), asked("POST")]
    cases: list[Case] = []
    for disabled, route, host, table in product((False, True), (None, off, on, own), (None, off, on), (None, off, own)):
        levels = [{"fault": level} if level is not None else {} for level in (route, host, table)]
        made = table_fields(
            virtual_host(one_route(name="r", typed_per_filter_config=levels[0]), typed_per_filter_config=levels[1]),
            typed_per_filter_config=levels[2],
        )
        cases.append((manager({**abort(), "disabled": disabled}, table=made), said))
    return cases


def weighted() -> list[Case]:
    """Entries of weighted clusters configure filters too, more specifically than their route."""
    own = {"@type": TYPES + "fault.v3.HTTPFault", "abort": {"http_status": 429, "percentage": {"numerator": 100}}}
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    levels = {"@type": TYPES + "header_mutation.v3.HeaderMutationPerRoute"}
    entry = {**levels, "mutations": {"request_mutations": [append("x-l", "entry")]}}
    route = {**levels, "mutations": {"request_mutations": [append("x-l", "route")]}}
    cases: list[Case] = []
    for first, second, outer in product((None, own, off), (None, own, off), (None, own)):
        clusters = [
            {"name": name, "weight": 1, **({} if level is None else {"typed_per_filter_config": {"fault": level}})}
            for name, level in (("c", first), ("d", second))
        ]
        fields = {} if outer is None else {"typed_per_filter_config": {"fault": outer}}
        made = one_route(name="r", route={"weighted_clusters": {"clusters": clusters}}, **fields)
        cases.append((manager(abort(418), route=made), [get()] * 4))
    named = one_route(name="r", route={"cluster_header": "x-to"})
    to = [get(), get(x_to="c"), get(x_to="d"), get(x_to="none")]
    cases += [
        (manager(each, route=named), to)
        for each in (abort(), mutation(request_mutations=[append("x-to", "d", "OVERWRITE_IF_EXISTS_OR_ADD")]))
    ]
    alone = [{"name": "c", "weight": 1, "typed_per_filter_config": {"hm": entry}}]
    made = one_route(name="r", route={"weighted_clusters": {"clusters": alone}}, typed_per_filter_config={"hm": route})
    cases.append((manager(mutation(), route=made), [get(), asked("POST")]))
    return cases


def sessions() -> list[Case]:
    kind = "stateful_session.v3.StatefulSession"
    base = "type.googleapis.com/envoy.extensions.http.stateful_session."
    header = {
        "name": "envoy.http.stateful_session.header",
        "typed_config": {"@type": base + "header.v3.HeaderBasedSessionState", "name": "x-s"},
    }
    cookie = {
        "name": "envoy.http.stateful_session.cookie",
        "typed_config": {
            "@type": base + "cookie.v3.CookieBasedSessionState",
            "cookie": {"name": "s", "path": "/p", "ttl": "60s"},
        },
    }
    here, gone = "MTAuOTQuMC4xOjgw", "MTAuOTQuMC45OjgwMDA="
    said = [
        asked_
        for value in (here, gone, "zz", "!")
        for asked_ in (
            get(x_s=value),
            get("/p", cookie=f"s={value}"),
            get("/pq", cookie=f"s={value}"),
            get("/p/q?x", cookie=f"s={value}"),
        )
    ]
    return [
        (manager(http_filter("s", kind, session_state=state, strict=strict), route=route), said)
        for state in (header, cookie)
        for strict in (False, True)
        for route in (one_route(name="r"), per_route("s", "stateful_session.v3.StatefulSessionPerRoute", disabled=True))
    ]


def encodings() -> list[Case]:
    said = [get(), get(accept_encoding="br"), get(accept_encoding="gzip"), get(accept_encoding=["br", "x"])]
    gzip = "type.googleapis.com/envoy.extensions.compression.gzip."
    unpack = {"name": "g", "typed_config": {"@type": gzip + "decompressor.v3.Gzip"}}
    pack = {"name": "g", "typed_config": {"@type": gzip + "compressor.v3.Gzip"}}
    web = [
        asked("POST", content_type=kind)
        for kind in (
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpc-web-text",
            "application/grpc",
            "application/json",
            "application/grpc-web-text+proto",
            "application/grpc-web+thrift",
        )
    ]
    return [
        (manager(http_filter("d", "decompressor.v3.Decompressor", decompressor_library=unpack)), said),
        (
            manager(
                http_filter(
                    "d",
                    "decompressor.v3.Decompressor",
                    decompressor_library=unpack,
                    request_direction_config={"advertise_accept_encoding": False},
                )
            ),
            said,
        ),
        (manager(http_filter("c", "compressor.v3.Compressor", compressor_library=pack)), said),
        (
            manager(
                http_filter(
                    "c",
                    "compressor.v3.Compressor",
                    compressor_library=pack,
                    response_direction_config={"remove_accept_encoding_header": True},
                )
            ),
            said,
        ),
        (manager(http_filter("w", "grpc_web.v3.GrpcWeb")), web),
        (manager(http_filter("b", "grpc_http1_bridge.v3.Config")), web),
    ]


def matched() -> list[Case]:
    """Filters behind a matcher tree, and composite ones."""
    kind = "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher"
    match = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
    skip = {
        "name": "skip",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.common.matcher.action.v3.SkipFilter"},
    }
    run = {
        "name": "run",
        "typed_config": {"@type": TYPES + "composite.v3.ExecuteFilterAction", "typed_config": abort(418)},
    }
    composite = http_filter("inner", "composite.v3.Composite")

    def header(name: str) -> dict[str, Any]:
        return {"name": "in", "typed_config": {"@type": match, "header_name": name}}

    def single(name: str, **test: Any) -> dict[str, Any]:
        return {"single_predicate": {"input": header(name), "value_match": test}}

    def behind(wrapped: dict[str, Any], tree: dict[str, Any]) -> dict[str, Any]:
        return {"name": "m", "typed_config": {"@type": kind, "extension_config": wrapped, "xds_matcher": tree}}

    said = [
        get(),
        get(x_a="v"),
        get(x_a="vw"),
        get(x_a=["v", "w"]),
        get(x_a="", x_b="b"),
        get(x_a="v", x_b="b"),
        get(x_b="b"),
        get("/p", x_a="longest"),
    ]
    cases: list[Case] = []
    both = {"predicate": [single("x-a", exact="v"), single("x-b", exact="b")]}
    for wrapped, action in ((abort(429), skip), (composite, run)):
        then = {"on_match": {"action": action}}
        asks: list[dict[str, Any]] = [
            single("x-a", exact="v"),
            single("x-a", prefix="v"),
            {"not_matcher": single("x-a", exact="v")},
            {"and_matcher": both},
            {"or_matcher": both},
        ]
        trees: list[dict[str, Any]] = [{"matcher_list": {"matchers": [{"predicate": ask, **then}]}} for ask in asks]
        trees += [
            {"matcher_tree": {"input": header("x-a"), kind_of_map: {"map": {"v": {"action": action}}}}}
            for kind_of_map in ("exact_match_map", "prefix_match_map")
        ]
        trees.append({**trees[0], "on_no_match": {"action": action}})
        cases += [(manager(behind(wrapped, tree)), said) for tree in trees]
        level = {"@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute"}
        route = one_route(name="r", typed_per_filter_config={"m": {**level, "xds_matcher": trees[2]}})
        cases.append((manager(behind(wrapped, trees[0]), route=route), said))
    return cases


def tags() -> list[Case]:
    kind = "ip_tagging.v3.IPTagging"
    ranges = {
        "here": ("10.93.0.0", 16),
        "all": ("0.0.0.0", 0),
        "there": ("10.94.0.0", 16),
        "seven": ("203.0.113.7", 32),
    }
    named = [
        {"ip_tag_name": name, "ip_list": [{"address_prefix": address, "prefix_len": length}]}
        for name, (address, length) in ranges.items()
    ]
    said = [get(), get(x_envoy_ip_tags="forged"), get(x_forwarded_for="203.0.113.7"), get(x_forwarded_for="10.94.1.1")]
    return [
        (manager(http_filter("i", kind, request_type=asks, ip_tags=listed), use_remote_address=remote), said)
        for asks in ("BOTH", "INTERNAL", "EXTERNAL")
        for listed in (named, named[2:3])
        for remote in (False, True)
    ]


GROUPS = {
    "header mutations": header_mutations,
    "endings": endings,
    "query parameters": queries,
    "metadata and filter state": noting,
    "origins": origins,
    "credentials": credentials,
    "limits and services": limits,
    "faults": faults,
    "health checks": health,
    "switched on and off": switched,
    "weighted clusters": weighted,
    "sessions": sessions,
    "encodings": encodings,
    "tags": tags,
    "matcher trees": matched,
}
