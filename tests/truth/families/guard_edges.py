"""Filters that guard (tokens, policies, limits, sessions, faults, filters within filters) where they surprise."""

from collections.abc import Iterator

from tests.truth.families._fault_edges import FAULT_EDGES
from tests.truth.families._filter_dump import calls, dump
from tests.truth.families._filter_words import WORLD
from tests.truth.families._limit_edges import LIMIT_EDGES
from tests.truth.families._matcher_edges import MATCHER_EDGES
from tests.truth.families._policy_edges import POLICY_EDGES
from tests.truth.families._token_edges import TOKEN_EDGES
from tests.truth.setting import Setting

GROUPS = {**TOKEN_EDGES, **POLICY_EDGES, **LIMIT_EDGES, **MATCHER_EDGES, **FAULT_EDGES}


def settings() -> Iterator[Setting]:
    for name, make in GROUPS.items():
        cases = make()
        yield Setting(
            name=name, dump=dump(cases), calls=calls(cases), configurations=len(cases), world=WORLD, marks=[name]
        )
