"""What ext_authz makes of its service's answers: denials, failures and permissions, over HTTP and over gRPC."""

from typing import Any

from tests.builders_http import http_filter, one_route, table_fields, virtual_host
from tests.realism import verdicts
from tests.truth.families._answers import DENIALS, DENIED, FAILURES, MANAGERS, MUCH, WRITES
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import abort, asked, get, mutation, per_route
from tests.truth.families._matcher_edges import COMPOSITE, marks, running, tree, within

SAID = [get(), asked("HEAD"), asked("POST", content_type="application/grpc"), {**get(), "protocol": "http2"}]
SHOWN = mutation("shown", response_mutations=[{"append": {"header": {"key": "x-details", "value": "%RESPONSE_CODE%"}}}])


def _patterns(*names: str) -> dict[str, Any]:
    return {"patterns": [{"exact": name} for name in names]}


OPTIONS = (
    {},
    {"failure_mode_allow": True},
    {"status_on_error": {"code": 503}},
    {"clear_route_cache": True},
    {"max_denied_response_body_bytes": 3},
)
NOTING = {"dynamic_metadata_from_headers": _patterns("x-why", "x-many")}
TAKING = ({}, {"enable_dynamic_metadata_ingestion": False})
NOTED = {
    "header": {
        "key": "x-noted",
        "value": "%DYNAMIC_METADATA(envoy.filters.http.ext_authz)%",
    }
}
SHOWS_NOTES = mutation("notes", response_mutations=[{"append": {"header": {**NOTED["header"], "key": "x-seen"}}}])
OFF = {
    "filter_enabled": {"default_value": {"numerator": 0}},
    "deny_at_disable": {"default_value": True, "runtime_key": "x"},
}
"""It denies what has a route."""
ON_ERROR = (
    {},
    {"status_on_error": {"code": 502}},
    {"failure_mode_allow": True},
    {"failure_mode_allow": True, "failure_mode_allow_header_add": True},
)
SHARED = (
    (None, {}),
    (None, WRITES),
    ({}, {}),
    ({"allowed_client_headers": _patterns("x-why")}, {}),
    ({"allowed_client_headers": {"patterns": [{"prefix": "X-M", "ignore_case": True}, {"suffix": "-time"}]}}, WRITES),
)


def answered(site: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The path tells the service what the call says that it answers."""
    return [{**each, "path": verdicts.path_for(answer), "answers": {f"0/{site}": answer}} for each in SAID]


def authorised() -> list[Case]:
    """Over HTTP, where a response is read as a verdict."""
    said = answered("filter/authz", DENIED)
    notes = one_route(name="r", response_headers_to_add=[NOTED])
    mark = {"x-envoy-auth-failure-mode-allowed": "mine"}
    marked = [{**each, "headers": {**each["headers"], **mark}} for each in answered("filter/authz", FAILURES[1])]
    return [
        *((manager(_asks(**more), SHOWN), said) for more in OPTIONS),
        *((manager(_asks(), **fields), said) for fields in MANAGERS),
        *((manager(SHOWN, _asks()), answered("filter/authz", answer)) for answer in DENIALS),
        *((manager(_asks(**more)), answered("filter/authz", answer)) for more in ON_ERROR for answer in FAILURES),
        *(
            (manager(_asks(allowed), route=one_route(name="r", **route)), answered("filter/authz", MUCH))
            for allowed, route in SHARED
        ),
        (manager(_asks(), route=_asks_elsewhere()), answered("filter/authz", MUCH)),
        *(
            (manager(_asks(NOTING, **more), SHOWS_NOTES, route=notes), answered("filter/authz", MUCH))
            for more in TAKING
        ),
        (manager(_asks(failure_mode_allow=True, failure_mode_allow_header_add=True)), marked),
        (manager(_asks(**OFF), route=one_route({"prefix": "/never"})), SAID),
        (manager(_asks(**OFF)), SAID),
    ]


def authorised_over_grpc() -> list[Case]:
    """Where the service says outright what the client is to get."""
    grpc = {"envoy_grpc": {"cluster_name": "authorisation over gRPC"}}
    asks = http_filter("authz", "ext_authz.v3.ExtAuthz", grpc_service=grpc, transport_api_version="V3")
    short = http_filter("authz", "ext_authz.v3.ExtAuthz", grpc_service=grpc, max_denied_response_body_bytes=4)
    return [
        *((manager(asks, SHOWN), answered("filter/authz", answer)) for answer in (*DENIALS, *FAILURES, MUCH)),
        *((manager(asks, **fields), answered("filter/authz", MUCH)) for fields in MANAGERS),
        (manager(short), answered("filter/authz", DENIED)),
    ]


def permitted() -> list[Case]:
    """What a permission changes of the request, and of who answers it."""
    patterns = {
        "allowed_upstream_headers": _patterns("x-many", "x-one"),
        "allowed_upstream_headers_to_append": _patterns("x-more"),
        "allowed_client_headers_on_success": _patterns("x-told"),
        "dynamic_metadata_from_headers": _patterns("x-noted"),
    }
    answer = {
        "status": 200,
        "headers": {
            "x-many": ["1", "2"],
            "x-one": "one",
            "x-more": ["3", "4"],
            "x-told": ["5", "6"],
            "x-noted": "7",
            "x-envoy-auth-headers-to-remove": "x-gone, host,x-out",
        },
    }
    said = [
        {**each, "headers": {**each["headers"], "x-more": "0", "x-one": "0", "x-gone": "1", "x-out": "2"}}
        for each in answered("filter/authz", answer)
    ]
    elsewhere = {**answer, "headers": {**answer["headers"], "host": "elsewhere.test"}}
    to_host = answered("filter/authz", elsewhere)
    by_header = [{"name": "x-one", "string_match": {"exact": "one"}}]
    moved = table_fields(
        virtual_host(
            one_route({"prefix": "/", "headers": by_header}, direct_response={"status": 299}), one_route(name="r")
        )
    )
    noted = {"header": {"key": "x-seen", "value": "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:x-noted)%"}}
    return [
        (manager(_asks(patterns)), said),
        (manager(_asks(patterns), abort()), said),
        (manager(_asks({"allowed_client_headers_on_success": {"patterns": [{"prefix": "x-"}]}}), abort()), said),
        (manager(_asks({"allowed_upstream_headers": {"patterns": [{"prefix": "x-"}, {"exact": "host"}]}})), to_host),
        (manager(_asks({}), abort()), said),
        (manager(_asks(patterns), table=moved), said),
        (manager(_asks(patterns, clear_route_cache=True), table=moved), said),
        (manager(_asks(patterns), mutation(request_mutations=[{"append": noted}])), said),
    ]


def within_chains() -> list[Case]:
    """Surprising: a chain's request goes on behind the whole chain once one of its filters had to wait."""
    allowed = {"status": 200, "headers": {"x-one": "one", "x-told": "told"}}
    lists = {"allowed_upstream_headers": _patterns("x-one"), "allowed_client_headers_on_success": _patterns("x-told")}
    chains = ([_asks(lists), marks("1")], [marks("1"), _asks(lists), marks("2", "n")], [_asks(lists), abort(418)])
    route = one_route(name="r", response_headers_to_add=[{"header": {"key": "x-saw", "value": "%REQ(x-m)%"}}])
    return [
        (
            manager(within(COMPOSITE, tree({"v": running(filter_chain={"typed_config": chain})})), route=route),
            [{**each, "headers": {**each["headers"], "x-a": "v"}} for each in answered("filter/p", answer)],
        )
        for chain in chains
        for answer in (allowed, DENIED)
    ]


def _asks(response: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return http_filter("authz", "ext_authz.v3.ExtAuthz", http_service=_over_http(response), **more)


def _over_http(response: dict[str, Any] | None) -> dict[str, Any]:
    uri = {"uri": "http://authorisation", "cluster": "authorisation", "timeout": "2s"}
    return {"server_uri": uri, **({} if response is None else {"authorization_response": response})}


def _asks_elsewhere() -> dict[str, Any]:
    settings = {"http_service": _over_http({"allowed_client_headers": _patterns("x-why")})}
    return per_route("authz", "ext_authz.v3.ExtAuthzPerRoute", check_settings=settings)
