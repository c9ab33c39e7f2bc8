"""Filters that let requests pass or answer them."""

from typing import Any

from tests.builders_http import TYPES, http_filter, one_route, table_fields, virtual_host
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import ALWAYS, abort, append, asked, get, mutation, per_route


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
