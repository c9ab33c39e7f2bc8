"""What an index is worth where a virtual host holds thousands of routes, against going through them one by one."""

from __future__ import annotations

from meshsim.config.view import View
from meshsim.envoy.route_matches import RouteFacts
from meshsim.envoy.routes import Route
from meshsim.envoy.vhosts import compile_route_table
from meshsim.facts.connection import Connection
from meshsim.facts.request import Request
from meshsim.match.first import FirstMatch
from meshsim.place import Place

from .figures import Table
from .timing import best

SIZES = (100, 1_000, 5_000, 20_000)
LOOKUPS = 20
_KINDS = ("path", "prefix", "path_separated_prefix", "safe_regex")


def measure() -> Table:
    rows, ratios = [], {}
    for size in SIZES:
        indexed, facts = _table(size)
        linear: FirstMatch[Route, RouteFacts] = FirstMatch("route", indexed.rows)
        by_index, one_by_one = _seconds(indexed, facts), _seconds(linear, facts)
        ratios[f"route by index, {size} routes"] = by_index / one_by_one
        rows.append((size, one_by_one * 1e6, by_index * 1e6, by_index / one_by_one))
    return Table(
        "one route out of many", ("routes", "one by one, us", "by index, us", "in linear ones"), tuple(rows), ratios
    )


def _table(size: int) -> tuple[FirstMatch[Route, RouteFacts], list[RouteFacts]]:
    routes = [
        {"match": _match(_KINDS[number % 4], f"/service-{number}/v{number % 7}"), "route": {"cluster": f"c{number}"}}
        for number in range(size)
    ]
    host = {"name": "many", "domains": ["*"], "routes": routes}
    table = compile_route_table(View({"name": "big", "virtual_hosts": [host]}, Place("big")))
    connection = Connection(1, 80, 2, 40000, 2, 40000)
    asked = [size * step // LOOKUPS for step in range(LOOKUPS)]
    facts = [
        RouteFacts(Request("GET", "http", "a", path, {}), path, connection)
        for path in (f"/service-{number}/v{number % 7}" for number in asked)
    ]
    return table.vhosts[0].routes, facts


def _match(kind: str, path: str) -> dict[str, object]:
    return {kind: {"regex": path + "(/.*)?"} if kind == "safe_regex" else path}


def _seconds(routes: FirstMatch[Route, RouteFacts], facts: list[RouteFacts]) -> float:
    """Of one look-up."""
    return best(lambda: [routes.pick(each, lambda _route: False) for each in facts]) / len(facts)
