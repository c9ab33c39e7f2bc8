"""Filters within matchers, and sessions, where they surprise."""

import base64
from typing import Any

from tests.builders_http import TYPES, http_filter, one_route, table_fields, virtual_host
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import abort, append, get, mutation

_TYPES = "type.googleapis.com/"
_SESSIONS = "envoy.extensions.http.stateful_session."
SKIP = {"typed_config": {"@type": f"{_TYPES}envoy.extensions.filters.common.matcher.action.v3.SkipFilter"}}
COMPOSITE = http_filter("composite", "composite.v3.Composite")
HEADER = {"@type": f"{_TYPES}envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": "x-a"}
PORT = {"@type": f"{_TYPES}envoy.extensions.matching.common_inputs.network.v3.DestinationPortInput"}
SUBJECT = {"@type": f"{_TYPES}envoy.extensions.matching.common_inputs.ssl.v3.SubjectInput"}
SAID = [get(), get(x_a="v"), get(x_a="w")]


def skipping() -> dict[str, Any]:
    return {"action": {"name": "skip", **SKIP}}


def running(**fields: Any) -> dict[str, Any]:
    kind = f"{_TYPES}envoy.extensions.filters.http.composite.v3.ExecuteFilterAction"
    return {"action": {"name": "composite-action", "typed_config": {"@type": kind, **fields}}}


def tree(ways: dict[str, Any], source: dict[str, Any] = HEADER) -> dict[str, Any]:
    named = {"name": "i", "typed_config": source}
    return {"matcher_tree": {"input": named, "exact_match_map": {"map": ways}}}


def within(inner: dict[str, Any], matcher: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    kind = f"{_TYPES}envoy.extensions.common.matching.v3.ExtensionWithMatcher"
    asked = {} if matcher is None else {"xds_matcher": matcher}
    return {"name": "p", "typed_config": {"@type": kind, "extension_config": inner, **asked}, **fields}


def of_route(matcher: dict[str, Any]) -> dict[str, Any]:
    kind = f"{_TYPES}envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute"
    return {"p": {"@type": kind, "xds_matcher": matcher}}


def route(matcher: dict[str, Any]) -> dict[str, Any]:
    return one_route(name="r", typed_per_filter_config=of_route(matcher))


def marks(value: str, name: str = "m") -> dict[str, Any]:
    return mutation(name, request_mutations=[append("x-m", value)], response_mutations=[append("x-rm", value)])


def skipped() -> list[Case]:
    """Surprising: without a matcher of its own a filter never runs, nor where a route's matcher asks the connection."""
    own = within(marks("1"), tree({"v": skipping()}))
    outer = {"p": {"@type": f"{TYPES}header_mutation.v3.HeaderMutationPerRoute", "mutations": {}}}
    outer["p"]["mutations"] = {"request_mutations": [append("x-m", "outer")]}
    levels = table_fields(virtual_host(route(tree({"w": skipping()})), typed_per_filter_config=outer))
    filters = [
        own,
        within(marks("1"), None),
        within(marks("1"), {}),
        within(marks("1"), {"on_no_match": skipping()}),
        within(marks("1"), tree({"z": skipping()}, SUBJECT)),
    ]
    routes = [tree({"w": skipping()}), tree({"z": skipping()}, PORT), tree({"z": skipping()}, SUBJECT)]
    rows = [(manager(each), SAID) for each in filters]
    rows += [(manager(each, route=route(matcher)), SAID) for each in filters[:2] for matcher in routes]
    return [*rows, (manager(own, table=levels), SAID)]


def composed() -> list[Case]:
    """Surprising: a chain of filters runs until one answers; a sample of 0 runs none of them."""
    none, whole = ({"sample_percent": {"default_value": {"numerator": share}}} for share in (0, 100))
    chain = {"typed_config": [marks("1"), marks("2", "n")]}
    broken = {"typed_config": [marks("1"), abort(418), marks("2", "n")]}
    ways: list[dict[str, Any]] = [
        {"v": running(typed_config=marks("1")), "w": running(typed_config=abort(418))},
        {"v": running(filter_chain=chain), "w": running(filter_chain=broken)},
        {"v": running(typed_config=marks("1"), **none), "w": running(typed_config=marks("1"), **whole)},
        {"v": skipping()},
    ]
    rows = [(manager(within(COMPOSITE, tree(each))), SAID) for each in ways]
    off = within(COMPOSITE, tree(ways[0]), disabled=True)
    return [*rows, (manager(off), SAID), (manager(off, route=route(tree({"w": ways[0]["v"]}))), SAID)]


def delayed() -> list[Case]:
    """Surprising: behind a delay the rest of a chain never sees the request, an abort included, but the response."""
    chains = [
        [marks("1"), abort(418)],
        [_delay("0.01s"), abort(418)],
        [NOTES, abort(418)],
        [NOTES, _delay("0.01s"), marks("2"), abort(418), marks("3", "n")],
        [_delay("0.01s"), marks("2")],
        [_delay("0.1s"), {**_delay("0.25s"), "name": "later"}],
        [marks("1"), _delay("5s"), abort(418)],
    ]
    late = _delay("0.2s")
    late["typed_config"] = {**late["typed_config"], **abort(418)["typed_config"]}
    cut = [[marks("1"), NOTES, _delay("0.2s")], [marks("1"), NOTES, late]]
    saw = {"header": {"key": "x-saw", "value": "%REQ(x-m)%-%DYNAMIC_METADATA(ns:k)%-%RESPONSE_FLAGS%"}}
    said = [{**each, "max_time": "0.3s"} for each in (get(x_a="v"), get(x_a="v", content_type="application/grpc"))]
    return [
        (
            manager(
                within(COMPOSITE, tree({"v": running(filter_chain={"typed_config": chain})})),
                route=one_route(name="r", route={"cluster": "c", **more}, response_headers_to_add=[saw]),
            ),
            said,
        )
        for each, more in ((chains, {}), (cut, {"idle_timeout": "0.1s"}))
        for chain in each
    ]


def _delay(lasts: str) -> dict[str, Any]:
    return http_filter("late", "fault.v3.HTTPFault", delay={"fixed_delay": lasts, "percentage": {"numerator": 100}})


NOTES = http_filter("notes", "set_metadata.v3.Config", metadata=[{"metadata_namespace": "ns", "value": {"k": "v"}}])


def sessions() -> list[Case]:
    """Surprising: a session's cookie names when it ends, and counts no longer then."""
    cookie = {"@type": f"{_TYPES}{_SESSIONS}cookie.v3.CookieBasedSessionState", "cookie": {"name": "s"}}
    state = {"name": "envoy.http.stateful_session.cookie", "typed_config": cookie}
    other = "10.94.0.9:80"
    made = [bytes((10, len(other))) + other.encode() + end for end in (b"", b"\x10\x05", b"\x10\x00", b"\x18\x05")]
    values = [base64.b64encode(each).decode() for each in (*made, other.encode())]
    said = [get(cookie=f"s={value}") for value in (*values, other, "x", "")]
    return [
        (manager(http_filter("s", "stateful_session.v3.StatefulSession", session_state=state, strict=strict)), said)
        for strict in (True, False)
    ]


MATCHER_EDGES = {
    "skipped filters": skipped,
    "composed filters": composed,
    "delayed chains": delayed,
    "sessions that ended": sessions,
}
