"""ExtensionWithMatcher and composite: a matcher tree says whether a filter is skipped, or which one runs.

envoyproxy/envoy source/common/http/match_delegate/config.cc and source/extensions/filters/http/composite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from ...config.view import TypedConfig, View
from ...place import Place
from ...reasons import because
from ..match_tree import CompiledMatcher, Vocabulary, compile_matcher
from ..network_inputs import NETWORK_INPUTS
from ..per_filter import PerFilter
from .base import ActsOnResponses, Behaviour, FilterFacts, Open, Option, Verdict
from .opaque import Opaque
from .response import Response

WITH_MATCHER = "envoy.extensions.common.matching.v3.ExtensionWithMatcher"
COMPOSITE = "envoy.extensions.filters.http.composite.v3.Composite"
_SKIP = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter"
_EXECUTE = "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction"
_HEADER = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_PER_ROUTE = "envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute"

Compile = Callable[[View], Behaviour | None]
"""Of an entry `{name, typed_config}`."""


@frozen(eq=False)
class Way:
    """Where a tree leads: the filter that runs, or None where none does."""

    behaviour: Behaviour | None


SKIPPED = Way(None)


def _header_input(view: View) -> tuple[str, Callable[[FilterFacts], Any]]:
    """Many values are one text, joined by commas."""
    name = view.text("header_name", "").lower()

    def read(facts: FilterFacts) -> str | None:
        values = facts.request.values(name)
        return ",".join(values) if values or name in facts.request.headers else None

    return f"header {name}", read


def _of_connection(make: Callable[[View], Any]) -> Callable[[View], tuple[str, Callable[[FilterFacts], Any]]]:
    def made(view: View) -> tuple[str, Callable[[FilterFacts], Any]]:
        what, read = make(view)
        return what, lambda facts: read(facts.connection)

    return made


_INPUTS = {_HEADER: _header_input, **{name: _of_connection(make) for name, make in NETWORK_INPUTS.items()}}


@frozen(eq=False)
class WithMatcher:
    name: str
    place: Place
    tree: CompiledMatcher[FilterFacts, Way]
    unmatched: Way
    """What runs where no action is found."""
    of_route: Callable[[PerFilter], CompiledMatcher[FilterFacts, Way] | None]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        asked: list[object] = []

        def note(row: object) -> bool:
            asked.append(row)
            return False

        way = self._way(facts, own, note)
        below = None if own is not None and self.of_route(own) is not None else own
        verdict = _verdict(way, facts, below)
        if not asked:
            return verdict
        other = _verdict(self._way(facts, own, lambda _row: True), facts, below)
        if isinstance(verdict, Open) or isinstance(other, Open):
            return verdict
        what = because("filter.matcher-open", self.place, filter=self.name)
        return Open(what, (Option("no-match", None, verdict), Option("match", None, other)), default=0)

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        behaviour = self._way(facts, own, lambda _row: False).behaviour
        if not isinstance(behaviour, ActsOnResponses):
            return response
        return behaviour.respond(facts, own, response, seen=seen)

    def _way(self, facts: FilterFacts, own: PerFilter | None, ask: Callable[[Any], bool]) -> Way:
        compiled = self.of_route(own) if own is not None else None
        return (compiled or self.tree).tree.pick(facts, ask) or self.unmatched


def _verdict(way: Way, facts: FilterFacts, own: PerFilter | None) -> Verdict:
    return way.behaviour.ask(facts, own) if way.behaviour is not None else None


def compile_with_matcher(view: View, name: str, compile_entry: Compile) -> Behaviour | None:
    wrapped = view.view("extension_config")
    typed = wrapped.extension() if wrapped is not None else None
    matcher = view.view("xds_matcher") or view.view("matcher")
    if wrapped is None or typed is None:
        return Opaque(name, WITH_MATCHER, view.place)
    inner = compile_entry(wrapped) if typed.type_name != COMPOSITE else None
    vocabulary: Vocabulary[FilterFacts, Way] = Vocabulary("filter_action", _INPUTS, _action(compile_entry))
    made: dict[PerFilter, CompiledMatcher[FilterFacts, Way] | None] = {}

    def of_route(own: PerFilter) -> CompiledMatcher[FilterFacts, Way] | None:
        if own not in made:
            config = own.in_force()
            below = config.view.view("xds_matcher") if config is not None and config.type_name == _PER_ROUTE else None
            made[own] = compile_matcher(below, vocabulary) if below is not None else None
        return made[own]

    tree = compile_matcher(matcher if matcher is not None else View({}, view.place), vocabulary)
    return WithMatcher(name, view.place, tree, Way(inner), of_route)


def _action(compile_entry: Compile) -> Callable[[TypedConfig], tuple[str, Way]]:
    def read(typed: TypedConfig) -> tuple[str, Way]:
        if typed.type_name == _SKIP:
            return "skip", SKIPPED
        entry = typed.view.view("typed_config")
        if typed.type_name == _EXECUTE and entry is not None and not typed.view.has("sample_percent"):
            return entry.text("name", ""), Way(compile_entry(entry))
        label = typed.type_name.rpartition(".")[2]
        return label, Way(Opaque(label, typed.type_name, typed.view.place))

    return read
