"""Connection managers that Envoy does not load are refused with a place, the others are not. It is asked about each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshsim.envoy.network_filters.hcm import compile_hcm
from meshsim.errors import InputError, Rejected
from tests.builders_http import ROUTER, manager_fields, one_route, table_fields, view, virtual_host
from tests.envoy_validates import asks_envoy, refusal_of_managers

CORS = {"name": "c", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors"}}
HEADER_INPUT = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
QUERY_INPUT = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestQueryParamMatchInput"
EARLY = "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
LEAF = {"@type": "type.googleapis.com/envoy.config.route.v3.Route", **one_route()}
ACTION = {"action": {"name": "a", "typed_config": LEAF}}


def hosts(*made: Any, **fields: Any) -> dict[str, Any]:
    return {"table": table_fields(*made, **fields)}


def host(**fields: Any) -> dict[str, Any]:
    return hosts(virtual_host(one_route(), **fields))


def asked(header: str = "x", name: str = "x", kind: str = HEADER_INPUT) -> dict[str, Any]:
    field = "query_param" if kind == QUERY_INPUT else "header_name"
    return {"name": name, "typed_config": {"@type": kind, field: header}}


def tree(matcher: dict[str, Any]) -> dict[str, Any]:
    return hosts({"name": "v", "domains": ["*"], "matcher": matcher})


def keyed(given: dict[str, Any], action: dict[str, Any] = ACTION) -> dict[str, Any]:
    return tree({"matcher_tree": {"input": given, "exact_match_map": {"map": {"a": action}}}})


def listed(value: dict[str, Any]) -> dict[str, Any]:
    predicate = {"single_predicate": {"input": asked(), "value_match": value}}
    return tree({"matcher_list": {"matchers": [{"predicate": predicate, "on_match": ACTION}]}})


def part(**fields: Any) -> dict[str, Any]:
    return {"header_value_extractor": {"name": "x", **fields}}


def scope(**fields: Any) -> dict[str, Any]:
    made = {"name": "a", "key": {"fragments": [{"string_key": "k"}]}, "route_configuration": table_fields()}
    return {key: value for key, value in {**made, **fields}.items() if value is not None}


def scoped(*fragments: dict[str, Any], scopes: list[dict[str, Any]] | None = None, name: str = "s") -> dict[str, Any]:
    listing = {"scoped_route_configurations": [scope()] if scopes is None else scopes}
    builder = {"fragments": list(fragments)}
    made = {"name": name, "scope_key_builder": builder, "scoped_route_configurations_list": listing}
    return {"scoped_routes": made, "route_config": None}


def early(*mutations: dict[str, Any]) -> dict[str, Any]:
    config = {"@type": EARLY, "mutations": list(mutations)}
    return {"early_header_mutation_extensions": [{"name": "e", "typed_config": config}]}


def common(**fields: Any) -> dict[str, Any]:
    return {"common_http_protocol_options": fields}


def http2(**fields: Any) -> dict[str, Any]:
    return {"http2_protocol_options": fields}


def mapped(**fields: Any) -> dict[str, Any]:
    return {"local_reply_config": {"mappers": [fields]}}


def compared(**fields: Any) -> dict[str, Any]:
    value = {"default_value": 400, "runtime_key": "x"}
    return {"status_code_filter": {"comparison": {"value": value, **fields}}}


ANY = {"not_health_check_filter": {}}
REFUSED: dict[str, dict[str, Any]] = {
    "no way to routes": {"route_config": None},
    "two ways to routes": {"rds": {"route_config_name": "x", "config_source": {"ads": {}}}},
    "no prefix of statistics": {"stat_prefix": ""},
    "via of two lines": {"via": "a\nb"},
    "a server's name of two lines": {"server_name": "a\nb"},
    "trusted hops below zero": {"xff_num_trusted_hops": -1},
    "no kilobytes of headers": {"max_request_headers_kb": 0},
    "too many kilobytes of headers": {"max_request_headers_kb": 8193},
    "no headers": common(max_headers_count=0),
    "a negative idle timeout": common(idle_timeout="-1s"),
    "a negative duration": {"stream_idle_timeout": "-1s"},
    "no codec": {"codec_type": "NOPE"},
    "no way with slashes": {"path_with_escaped_slashes_action": "NOPE"},
    "no way with underscores": common(headers_with_underscores_action="NOPE"),
    "no way with certificates": {"forward_client_cert_details": "NOPE"},
    "no way with the server's name": {"server_header_transformation": "NOPE"},
    "another scheme": {"scheme_header_transformation": {"scheme_to_overwrite": "ftp"}},
    "a scheme in capitals": {"scheme_header_transformation": {"scheme_to_overwrite": "HTTPS"}},
    "a prefix of 129 bits": {"internal_address_config": {"cidr_ranges": [{"address_prefix": "::", "prefix_len": 129}]}},
    "a nameless filter": {"http_filters": [{"typed_config": ROUTER["typed_config"]}]},
    "two routers": {"http_filters": [ROUTER, ROUTER]},
    "the router before the end": {"http_filters": [ROUTER, CORS]},
    "no router": {"http_filters": [CORS]},
    "a mapper without a filter": mapped(status_code=500),
    "a mapper to 199": mapped(filter=ANY, status_code=199),
    "a mapper to 600": mapped(filter=ANY, status_code=600),
    "a comparison of no kind": mapped(filter=compared(op="NOPE")),
    "a comparison beyond the last kind": mapped(filter=compared(op=9)),
    "a comparison with nothing": mapped(filter={"status_code_filter": {"comparison": {"op": "GE"}}}),
    "no comparison": mapped(filter={"status_code_filter": {}}),
    "a filter of no kind": mapped(filter={}),
    "a filter of two kinds": mapped(filter={**ANY, "traceable_filter": {}}),
    "one filter of two": mapped(filter={"and_filter": {"filters": [ANY]}}),
    "no filter among two": mapped(filter={"or_filter": {"filters": [ANY, {}]}}),
    "no header": mapped(filter={"header_filter": {}}),
    "no flag": mapped(filter={"response_flag_filter": {"flags": ["NOPE"]}}),
    "no grpc status": mapped(filter={"grpc_status_filter": {"statuses": ["NOPE"]}}),
    "a grpc status beyond the last": mapped(filter={"grpc_status_filter": {"statuses": [17]}}),
    "a share of no key": mapped(filter={"runtime_filter": {}}),
    "a small window": http2(initial_stream_window_size=1),
    "no streams": http2(max_concurrent_streams=0),
    "early mutations of nothing": early(),
    "a nameless virtual host": host(name=""),
    "a virtual host for nobody": host(domains=()),
    "a domain of two lines": host(domains=("a\nb",)),
    "no way with tls": host(require_tls="NOPE"),
    "a way with tls beyond the last": host(require_tls=3),
    "a nameless virtual cluster": host(virtual_clusters=[{"headers": [{"name": ":path"}]}]),
    "a virtual cluster of everything": host(virtual_clusters=[{"name": "x"}]),
    "a virtual cluster's pattern": host(
        virtual_clusters=[{"name": "x", "headers": [{"name": ":path", "string_match": {"safe_regex": {"regex": "("}}}]}]
    ),
    "hedging without a request": host(hedge_policy={"initial_requests": 0}),
    "internal headers of two lines": hosts(virtual_host(one_route()), internal_only_headers=["a\n"]),
    "a host's header of two lines": hosts(virtual_host(one_route()), vhost_header="a\nb"),
    "a nameless input": keyed(asked(name="")),
    "an input of two lines": keyed(asked("a\nb")),
    "an input of the query": keyed(asked(kind=QUERY_INPUT)),
    "a nameless action": keyed(asked(), {"action": {"typed_config": LEAF}}),
    "a pattern without an engine": listed({"safe_regex": {"regex": "a"}}),
    "an empty prefix": listed({"prefix": ""}),
    "no parts of a key": scoped(),
    "a part of nothing": scoped({}),
    "a part of no header": scoped(part(name="", index=0)),
    "a part of a header of two lines": scoped(part(name="a\nb", index=0)),
    "a part without its kind": scoped(part()),
    "a part of two kinds": scoped(part(index=0, element={"separator": "=", "key": "k"})),
    "an element without a separator": scoped(part(element={"key": "k"})),
    "an element without a key": scoped(part(element={"separator": "="})),
    "nameless scopes": scoped(part(index=0), name=""),
    "no scopes": scoped(part(index=0), scopes=[]),
    "a nameless scope": scoped(part(index=0), scopes=[scope(name="")]),
    "a scope without a key": scoped(part(index=0), scopes=[scope(key=None)]),
    "a scope without parts": scoped(part(index=0), scopes=[scope(key={"fragments": []})]),
    "a scope with an empty part": scoped(part(index=0), scopes=[scope(key={"fragments": [{}]})]),
    "a scope without routes": scoped(part(index=0), scopes=[scope(route_configuration=None)]),
    "a scope of two tables": scoped(part(index=0), scopes=[scope(route_configuration_name="y")]),
}
LOADED: dict[str, dict[str, Any]] = {
    "most kilobytes of headers": {"max_request_headers_kb": 8192},
    "one header": common(max_headers_count=1),
    "no idle timeout": common(idle_timeout="0s"),
    "a way with slashes beyond the last": {"path_with_escaped_slashes_action": 5},
    "a way with underscores beyond the last": common(headers_with_underscores_action=7),
    "no overwriting": {"scheme_header_transformation": {}},
    "a comparison by number": mapped(filter=compared(op=3)),
    "grpc statuses": mapped(filter={"grpc_status_filter": {"statuses": [14, "ok"]}}),
    "flags": mapped(filter={"response_flag_filter": {"flags": ["NR", "UDO"]}}),
    "two filters": mapped(filter={"and_filter": {"filters": [ANY, ANY]}}),
    "a mapper to 200": mapped(filter=ANY, status_code=200),
    "a way with tls by its number": host(require_tls=2),
    "an empty domain": host(domains=("",)),
    "a virtual cluster": host(virtual_clusters=[{"name": "x", "headers": [{"name": ":path"}]}]),
    "a pattern with its engine": listed({"safe_regex": {"google_re2": {}, "regex": "a"}}),
    "scopes": scoped(part(index=0)),
    "scopes by element": scoped(part(element={"separator": "=", "key": "k"})),
    "a scope of nothing": scoped(part(index=0), scopes=[scope(key={"fragments": [{"string_key": ""}]})]),
    "two scopes of a key": scoped(part(index=0), scopes=[scope(), scope(name="b")]),
}


def manager(fields: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in fields.items() if key != "table"}
    made = {**manager_fields(one_route(), table=fields.get("table")), **rest}
    return {key: value for key, value in made.items() if value is not None}


def ours(fields: dict[str, Any]) -> bool:
    try:
        made = compile_hcm(view(manager(fields)), "hcm")
        assert made.http_filters
        listing = made.scoped.listed if made.scoped is not None else None
        tables = [each.inline for each in listing] if listing is not None else [made.table(None)]
        for each in tables:
            assert each is not None
            for found in each.vhosts:
                assert found.route_lists()
    except (Rejected, InputError) as refused:
        assert refused.place is not None
        return False
    return True


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    assert not ours(REFUSED[name])


@pytest.mark.parametrize("name", LOADED)
def test_loaded(name: str) -> None:
    assert ours(LOADED[name])


@asks_envoy
@pytest.mark.parametrize("name", [*REFUSED, *LOADED])
def test_envoy_says_the_same(name: str, tmp_path: Path) -> None:
    said = refusal_of_managers([manager({**REFUSED, **LOADED}[name])], tmp_path)
    assert (said is None) == (name in LOADED), said
