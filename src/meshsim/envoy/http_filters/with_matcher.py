"""ExtensionWithMatcher and composite: a matcher tree says whether a filter is skipped, or which one runs.

envoyproxy/envoy source/common/http/match_delegate/config.cc and source/extensions/filters/http/composite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from ...config.view import TypedConfig, View
from ...errors import Rejected
from ...match.tree import Missing
from ...place import Place
from ...reasons import because
from ..match_tree import CompiledMatcher, Vocabulary, compile_matcher
from ..network_inputs import NETWORK_INPUTS
from ..per_filter import PerFilter
from .base import ActsOnResponses, Behaviour, FilterFacts, Open, Option, Verdict
from .in_turn import InTurn
from .opaque import Opaque
from .response import Response
from .shares import ALWAYS, Share, compile_share

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
    share: Share = ALWAYS
    """Of the requests in which it runs."""
    doubtful: Behaviour | None = None
    """What stands for it where only some requests are to take it."""

    def of(self, facts: FilterFacts) -> Behaviour | None:
        share = self.share.of(facts.runtime)
        return self.behaviour if share == 1 else None if share == 0 else self.doubtful


SKIPPED = Way(None)


class Hidden(PerFilter):
    """A level that says which matcher decides: most filters find nothing of theirs, some look at the levels above."""

    def in_force(self) -> TypedConfig | None:
        return None

    def levels(self) -> tuple[TypedConfig, ...]:
        return self.outer.levels() if self.outer is not None else ()


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

        def seen(facts: FilterFacts) -> Any:
            """What asks for a client's certificate finds none over plaintext, and the search goes on."""
            found = read(facts.connection)
            return None if found is Missing.NOT_YET else found

        return what, seen

    return made


def _not_on_routes(name: str) -> Callable[[View], tuple[str, Callable[[FilterFacts], Any]]]:
    return lambda _view: (name.rpartition(".")[2], lambda _facts: Missing.NOT_YET)


_NETWORK = "envoy.extensions.matching.common_inputs.network.v3."
_QUERY = "envoy.type.matcher.v3.HttpRequestQueryParamMatchInput"
_INPUTS = {_HEADER: _header_input, **{name: _of_connection(make) for name, make in NETWORK_INPUTS.items()}}
_UNSEEN = (*(name for name in NETWORK_INPUTS if name.startswith(_NETWORK)), f"{_NETWORK}FilterStateInput", _QUERY)
_OF_ROUTES = {**_INPUTS, **{name: _not_on_routes(name) for name in _UNSEEN}}
"""A route's matcher never gets to see the connection or the query: where it asks for one, the filter is skipped."""


@frozen(eq=False)
class OfRoute:
    """ExtensionWithMatcherPerRoute."""

    matcher: CompiledMatcher[FilterFacts, Way]
    below: PerFilter
    """What the filter within sees of the levels."""


@frozen(eq=False)
class WithMatcher:
    name: str
    place: Place
    tree: CompiledMatcher[FilterFacts, Way] | None
    """None: without a route's matcher the filter never runs."""
    unmatched: Way
    """What runs where no action is found."""
    of_route: Callable[[PerFilter], OfRoute | None]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        asked: list[object] = []

        def note(row: object) -> bool:
            asked.append(row)
            return False

        way = self._way(facts, own, note)
        said = self.of_route(own) if own is not None else None
        below = own if said is None else said.below
        verdict = _verdict(way, facts, below)
        if not asked:
            return verdict
        other = _verdict(self._way(facts, own, lambda _row: True), facts, below)
        if isinstance(verdict, Open) or isinstance(other, Open):
            return verdict
        what = because("filter.matcher-open", self.place, filter=self.name)
        return Open(what, (Option("no-match", None, verdict), Option("match", None, other)), default=0)

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        behaviour = self._way(facts, own, lambda _row: False).of(facts)
        if not isinstance(behaviour, ActsOnResponses):
            return response
        return behaviour.respond(facts, own, response, seen=seen)

    def _way(self, facts: FilterFacts, own: PerFilter | None, ask: Callable[[Any], bool]) -> Way:
        said = self.of_route(own) if own is not None else None
        matcher = said.matcher if said is not None else self.tree
        found = matcher.tree.resolve(facts, ask) if matcher is not None else Missing.NOT_YET
        # what is not yet known, or never asked, leaves the filter skipped
        return SKIPPED if isinstance(found, Missing) else found or self.unmatched


def _verdict(way: Way, facts: FilterFacts, own: PerFilter | None) -> Verdict:
    behaviour = way.of(facts)
    return behaviour.ask(facts, own) if behaviour is not None else None


def compile_with_matcher(view: View, name: str, compile_entry: Compile) -> Behaviour | None:
    wrapped = view.view("extension_config")
    typed = wrapped.extension() if wrapped is not None else None
    matcher = view.view("xds_matcher")
    if matcher is None:
        matcher = view.view("matcher")
    if wrapped is None or typed is None:
        return Opaque(name, WITH_MATCHER, view.place)
    inner = compile_entry(wrapped) if typed.type_name != COMPOSITE else None
    vocabulary: Vocabulary[FilterFacts, Way] = Vocabulary("filter_action", _INPUTS, _action(compile_entry))
    of_routes = evolve(vocabulary, inputs=_OF_ROUTES)
    made: dict[PerFilter, OfRoute | None] = {}

    def of_route(own: PerFilter) -> OfRoute | None:
        if own not in made:
            config = own.in_force()
            below = config.view.view("xds_matcher") if config is not None and config.type_name == _PER_ROUTE else None
            hidden = Hidden(own.disabled, own.config, own.outer)
            made[own] = OfRoute(compile_matcher(below, of_routes), hidden) if below is not None else None
        return made[own]

    tree = compile_matcher(matcher, vocabulary) if matcher is not None else None
    if tree is not None and tree.keeps_matching:
        hint = "leave keep_matching out; Envoy refuses this filter too"
        raise Rejected("matcher-keeps-matching", "keep_matching is nothing here", place=view.place, hint=hint)
    return WithMatcher(name, view.place, tree, Way(inner), of_route)


def _action(compile_entry: Compile) -> Callable[[TypedConfig], tuple[str, Way]]:
    def read(typed: TypedConfig) -> tuple[str, Way]:
        if typed.type_name == _SKIP:
            return "skip", SKIPPED
        label = typed.type_name.rpartition(".")[2]
        opaque = Opaque(label, typed.type_name, typed.view.place)
        entries = _entries(typed.view) if typed.type_name == _EXECUTE else ()
        if typed.view.has("filter_chain") and not entries:
            hint = "list the filters; Envoy refuses this filter too"
            raise Rejected("empty-chain", "filter_chain has no filter", place=typed.view.place, hint=hint)
        if not entries:
            return label, Way(opaque)
        compiled = [compile_entry(each) for each in entries]
        behaviours = tuple(each for each in compiled if each is not None)
        one = behaviours[0] if len(behaviours) == 1 else InTurn(behaviours, opaque)
        share = compile_share(typed.view.view("sample_percent"), ALWAYS)
        return ", ".join(each.text("name", "") for each in entries), Way(one if behaviours else None, share, opaque)

    return read


def _entries(view: View) -> tuple[View, ...]:
    """The filters of an ExecuteFilterAction that stand in it."""
    chain, entry = view.view("filter_chain"), view.view("typed_config")
    if chain is not None:
        return chain.views("typed_config")
    return () if entry is None else (entry,)
