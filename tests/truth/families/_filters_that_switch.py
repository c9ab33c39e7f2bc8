"""Which filters run, and where requests go: switches, matcher trees, weighted clusters, sessions."""

from itertools import product
from typing import Any

from tests.builders_http import TYPES, http_filter, one_route, table_fields, virtual_host
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import abort, append, asked, get, mutation, per_route


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
