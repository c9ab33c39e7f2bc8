"""HTTP filters: what each answers, changes, notes for others, and does to every response."""

from collections.abc import Iterator

from tests.truth.families._filter_dump import calls, dump
from tests.truth.families._filter_words import WORLD
from tests.truth.families._filters_that_change import encodings, endings, header_mutations, noting, queries, tags
from tests.truth.families._filters_that_refuse import credentials, faults, health, limits, origins
from tests.truth.families._filters_that_switch import matched, sessions, switched, weighted
from tests.truth.setting import Setting

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
