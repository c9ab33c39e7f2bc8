"""Cluster specifier plugins with a matcher: lists, trees, nested ones, what nothing matches, names, optional ones."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families import _route_tables as made
from tests.truth.setting import Setting

Fields = dict[str, Any]
ENVOY = "type.googleapis.com/envoy"
PLUGIN = f"{ENVOY}.extensions.router.cluster_specifiers.matcher.v3"
NAMED = [
    made.static("named", "10.93.1.9"),
    {"name": "empty", "type": "STATIC", "load_assignment": {"cluster_name": "empty"}},
]
CALLS = 24


def settings() -> Iterator[Setting]:
    draw = random.Random("cluster specifiers")
    tables = [made.table({"match": {"prefix": "/"}, "route": _inline(tree) | more}) for tree, more in _single()]
    tables += [_by_name(), _optional(), _changing()]
    calls = [[_call(draw) for _ in range(CALLS)] for _ in tables]
    yield made.setting("matchers", list(zip(tables, calls, strict=True)), clusters=NAMED)
    filters = {"http_filters": [_setting_header(), made.ROUTER]}
    yield made.setting("headers that filters change", _sets(draw), manager=filters, clusters=NAMED)


def _sets(draw: random.Random) -> list[tuple[Fields, list[Fields]]]:
    trees = (LISTED, LISTED | {"on_no_match": _leads("named")})
    routes = [made.table({"match": {"prefix": "/"}, "route": _inline(tree)}) for tree in trees]
    return [(table, [_call(draw) for _ in range(CALLS)]) for table in routes]


def _single() -> Iterator[tuple[Fields, Fields]]:
    for code in ("SERVICE_UNAVAILABLE", "NOT_FOUND", "INTERNAL_SERVER_ERROR"):
        yield LISTED, {"cluster_not_found_response_code": code}
    yield {}, {}
    yield {"on_no_match": _leads("two")}, {}
    yield LISTED | {"on_no_match": _leads("missing")}, {"timeout": "3s", "host_rewrite_literal": "h.test"}
    yield _keyed("exact_match_map", {"one": "one", "two": "two", "": "named"}), {}
    yield _keyed("prefix_match_map", {"t": "one", "two": "two", "o": "missing"}) | {"on_no_match": _leads("named")}, {}
    yield _listed((_is("x-a", prefix="t"), {"matcher": _listed((_is("x-b", exact="b"), _leads("one")))}),
                  (_is("x-a", exact="two"), _leads("two"))), {}  # fmt: skip
    both = {"and_matcher": {"predicate": [_is("x-a", exact="two"), _is("x-b", exact="b")]}}
    either = {"or_matcher": {"predicate": [_is("x-a", exact="one"), _is("x-b", exact="b")]}}
    yield _listed((both, _leads("two")), (either, _leads("one")), ({"not_matcher": either}, _leads("three"))), {}
    yield _listed((_is(":path", contains="q=1"), _leads("one")), (_is(":authority", exact="a.test"), _leads("two"))), {}
    yield _listed((_is("X-A", exact="ONE", ignore_case=True), _leads("one"))), {}
    later = _is("x-a", "HttpResponseHeaderMatchInput", exact="one")
    yield _listed((_is("x-a", exact="two"), _leads("two")), (later, _leads("one")), on_no_match=_leads("named")), {}


def _by_name() -> Fields:
    plugins = [_plugin("p", LISTED), _plugin("q", {"on_no_match": _leads("two")}), _plugin("p", {})]
    paths = {"/a": "p", "/": "q"}
    routes = [{"match": {"prefix": path}, "route": {"cluster_specifier_plugin": name}} for path, name in paths.items()]
    return made.table(*routes, cluster_specifier_plugins=plugins)


def _optional() -> Fields:
    """Of a type that is no extension: its route is passed over."""
    alien = {"name": "alien", "typed_config": {"@type": f"{ENVOY}.config.route.v3.Route"}}
    optional = {"extension": alien, "is_optional": True}
    first = {"match": {"prefix": "/a"}, "route": {"inline_cluster_specifier_plugin": optional}}
    second = {"match": {"prefix": "/a/b"}, "route": {"cluster": "two"}}
    third = {"match": {"prefix": "/"}, "route": {"cluster_specifier_plugin": "alien"}}
    return made.table(first, second, third, cluster_specifier_plugins=[optional])


def _changing() -> Fields:
    """What the route adds comes too late for the matcher."""
    added = [
        {"header": {"key": "x-a", "value": "two"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
        {"header": {"key": "x-c", "value": "%UPSTREAM_CLUSTER%"}},
    ]
    return made.table({"match": {"prefix": "/"}, "request_headers_to_add": added, "route": _inline(LISTED)})


def _setting_header() -> Fields:
    kind = f"{ENVOY}.extensions.filters.http.header_mutation.v3.HeaderMutation"
    append = {"header": {"key": "x-a", "value": "two"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return {"name": "sets", "typed_config": {"@type": kind, "mutations": {"request_mutations": [{"append": append}]}}}


def _call(draw: random.Random) -> Fields:
    headers: Fields = {}
    if draw.random() < 0.85:
        headers["x-a"] = draw.choice(("one", "two", "missing", "empty", "three", "One", "", "t", ["one", "two"]))
    if draw.random() < 0.4:
        headers["x-b"] = draw.choice(("b", "c"))
    return {
        "path": draw.choice(("/", "/a", "/a/b", "/?q=1")),
        "authority": draw.choice(("a.test", "b.test")),
        "headers": headers,
    }


def _plugin(name: str, tree: Mapping[str, Any]) -> Fields:
    config = {"@type": f"{PLUGIN}.MatcherClusterSpecifier", "cluster_matcher": tree}
    return {"extension": {"name": name, "typed_config": config}}


def _inline(tree: Mapping[str, Any]) -> Fields:
    return {"inline_cluster_specifier_plugin": _plugin("inline", tree)}


def _leads(cluster: str) -> Fields:
    return {"action": {"name": "to", "typed_config": {"@type": f"{PLUGIN}.ClusterAction", "cluster": cluster}}}


def _input(header: str, kind: str) -> Fields:
    return {"name": header, "typed_config": {"@type": f"{ENVOY}.type.matcher.v3.{kind}", "header_name": header}}


def _is(header: str, kind: str = "HttpRequestHeaderMatchInput", **value: Any) -> Fields:
    return {"single_predicate": {"input": _input(header, kind), "value_match": value}}


def _listed(*rows: tuple[Fields, Fields], **more: Any) -> Fields:
    return {"matcher_list": {"matchers": [{"predicate": when, "on_match": then} for when, then in rows]}, **more}


def _keyed(kind: str, rows: Mapping[str, str]) -> Fields:
    pairs = {key: _leads(cluster) for key, cluster in rows.items()}
    return {"matcher_tree": {"input": _input("x-a", "HttpRequestHeaderMatchInput"), kind: {"map": pairs}}}


LISTED = _listed(
    *((_is("x-a", exact=name), _leads(name)) for name in ("one", "two", "missing", "empty")),
    (_is("x-a", exact="one,two"), _leads("three")),
)
