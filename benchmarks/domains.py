"""Choosing among thousands of virtual hosts, against comparing every domain in turn."""

from __future__ import annotations

from meshsim.config.view import View
from meshsim.envoy.vhosts import RouteTable, VirtualHost, compile_route_table
from meshsim.facts.request import Request
from meshsim.place import Place

from .figures import Table
from .timing import best

SIZES = (100, 1000, 10_000)
AGAIN = 20
"""Times that every host is looked up in a round."""


def measure() -> Table:
    rows = []
    for size in SIZES:
        table = _table(size)
        asked = [_request(f"{name}.s{index * size // 16}.test") for index in range(16) for name in ("a", "b.c")]
        fast = best(lambda table=table, asked=asked: _each(table, asked)) / (AGAIN * len(asked))
        slow = best(lambda table=table, asked=asked: [linear(table, one) for one in asked], rounds=3) / len(asked)
        rows.append((size, fast * 1e6, slow * 1e6, fast / slow))
    return Table(
        "virtual hosts",
        ("domains", "indexed µs", "linear µs", "ratio"),
        tuple(rows),
        {"virtual host of 10000, to linear": rows[-1][-1]},
        note="both find the same virtual host; the linear one looks at every domain",
    )


def linear(table: RouteTable, request: Request) -> VirtualHost | None:
    """The same answer from the definition: the strongest domain that matches."""
    host = table.host_of(request) or ""
    matching = [(domain.rank, vhost) for vhost in table.vhosts for domain in vhost.domains if domain.matches(host)]
    return max(matching, key=lambda found: found[0])[1] if matching else None


def _each(table: RouteTable, asked: list[Request]) -> None:
    for _ in range(AGAIN):
        for one in asked:
            table.pick(one)


def _table(size: int) -> RouteTable:
    forms = ("{}.test", "*.{}.test", "a.{}.*", "b.c.{}.test")
    hosts = [
        {"name": f"v{index}", "domains": [forms[index % len(forms)].format(f"s{index}")], "routes": []}
        for index in range(size)
    ]
    return compile_route_table(View({"name": "many", "virtual_hosts": hosts}, Place("made up")))


def _request(host: str) -> Request:
    return Request("GET", "http", host, "/", {})
