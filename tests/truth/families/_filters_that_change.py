"""Filters that change requests and responses, or note things of them."""

from itertools import product
from typing import Any

from tests.builders_http import TYPES, http_filter, one_route, table_fields, virtual_host
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import ACTIONS, abort, append, asked, get, mutation, per_route


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
