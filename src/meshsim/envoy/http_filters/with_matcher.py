"""ExtensionWithMatcher and composite: a matcher tree says whether a filter is skipped, or which one runs.

envoyproxy/envoy source/extensions/filters/http/match_delegate and .../composite, as observed on Envoy 1.40. A tree that
lacks something skips nothing: the filter within runs, and the tree is asked again once there is a response.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from ...config.view import TypedConfig, View
from ...errors import Rejected
from ...match.tree import Missing
from ...place import Place
from ...reasons import because
from ..match_tree import CompiledMatcher, Vocabulary, compile_matcher
from ..per_filter import PerFilter
from .base import ActsOnResponses, Behaviour, Change, FilterFacts, Open, Option, Reply, Verdict
from .in_turn import InTurn
from .matcher_inputs import ADMITTED_ON_ROUTES, INPUTS, Seen
from .opaque import Opaque
from .response import Memories, Response
from .shares import ALWAYS, Share, compile_share

WITH_MATCHER = "envoy.extensions.common.matching.v3.ExtensionWithMatcher"
COMPOSITE = "envoy.extensions.filters.http.composite.v3.Composite"
_SKIP = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter"
_EXECUTE = "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction"
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


@frozen(eq=False)
class OfRoute:
    """ExtensionWithMatcherPerRoute."""

    matcher: CompiledMatcher[Seen, Way]
    below: PerFilter
    """What the filter within sees of the levels."""


@frozen(eq=False)
class Course:
    """What a filter's matcher came to, and how it answers what only run time knows."""

    way: Way | None
    """None: nothing yet. The filter runs, and its matcher is asked again on the way back."""
    answer: bool


@frozen(eq=False)
class WithMatcher:
    name: str
    place: Place
    matcher: CompiledMatcher[Seen, Way] | None
    """None: without a route's matcher the filter never runs."""
    unmatched: Way
    """What runs where no action is found."""
    of_route: Callable[[PerFilter], OfRoute | None]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        matcher, below = self._asked(own)
        open_rows: list[object] = []
        course = self._course(matcher, Seen(facts, facts.request), answer=False, asked=open_rows)
        verdict = self._verdict(course, facts, below)
        later = course.way is None and matcher is not None and bool(matcher.unmodelled)
        if not open_rows and not later:
            return verdict
        other = self._verdict(self._course(matcher, Seen(facts, facts.request), answer=True), facts, below)
        if isinstance(verdict, Open) or isinstance(other, Open):
            return verdict
        what = because("filter.matcher-open", self.place, filter=self.name)
        return Open(what, (Option("no-match", None, verdict), Option("match", None, other)), default=0)

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        """A matcher that has come to something is not asked again; a filter that is found only now saw no request."""
        matcher, below = self._asked(own)
        course = facts.memories.get(self) if seen else None
        if not isinstance(course, Course):
            # of a filter that was passed over Envoy never asks the route
            matcher, request = (matcher, facts.request) if seen else (self.matcher, None)
            course = self._course(matcher, Seen(facts, request), answer=False)
        way = course.way
        if way is None:
            request = facts.request if facts.answer is None else facts.answer.request
            late = Seen(facts, request if seen else None, response)
            way = self._course(matcher, late, answer=course.answer).way or self.unmatched
            seen = seen and way.behaviour is self.unmatched.behaviour
        behaviour = way.of(facts)
        if not isinstance(behaviour, ActsOnResponses):
            return response
        return behaviour.respond(facts, below, response, seen=seen)

    def _asked(self, own: PerFilter | None) -> tuple[CompiledMatcher[Seen, Way] | None, PerFilter | None]:
        """The matcher in force, and what the filter within sees of the levels."""
        said = self.of_route(own) if own is not None else None
        return (self.matcher, own) if said is None else (said.matcher, said.below)

    def _course(
        self,
        matcher: CompiledMatcher[Seen, Way] | None,
        seen: Seen,
        *,
        answer: bool,
        asked: list[object] | None = None,
    ) -> Course:
        def ask(row: object) -> bool:
            if asked is not None:
                asked.append(row)
            return answer

        if matcher is None:
            return Course(SKIPPED, answer)
        found = matcher.tree.resolve(seen, ask)
        return Course(None if isinstance(found, Missing) else found or self.unmatched, answer)

    def _verdict(self, course: Course, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        behaviour = (course.way or self.unmatched).of(facts)
        verdict = behaviour.ask(facts, own) if behaviour is not None else None
        memories: Memories = {self: course}
        if isinstance(verdict, Open):
            options = tuple(evolve(each, verdict=_remembering(each.verdict, memories)) for each in verdict.options)
            return evolve(verdict, options=options)
        return _remembering(verdict, memories)


def _remembering(verdict: Reply | Change | None, memories: Memories) -> Reply | Change:
    if verdict is None:
        return Change(None, memories=memories)
    return evolve(verdict, memories={**verdict.memories, **memories})


def compile_with_matcher(view: View, name: str, compile_entry: Compile) -> Behaviour | None:
    wrapped = view.view("extension_config")
    typed = wrapped.extension() if wrapped is not None else None
    matcher = view.view("xds_matcher")
    if matcher is None:
        matcher = view.view("matcher")
    if wrapped is None or typed is None:
        return Opaque(name, WITH_MATCHER, view.place)
    composite = typed.type_name == COMPOSITE
    unmatched = Way(None if composite else compile_entry(wrapped))
    action = _action(compile_entry, None if composite else unmatched)
    vocabulary: Vocabulary[Seen, Way] = Vocabulary("filter_action", INPUTS, action)
    of_routes = evolve(vocabulary, admits=ADMITTED_ON_ROUTES, blank=SKIPPED)
    made: dict[PerFilter, OfRoute | None] = {}

    def of_route(own: PerFilter) -> OfRoute | None:
        if own not in made:
            config = own.in_force()
            below = config.view.view("xds_matcher") if config is not None and config.type_name == _PER_ROUTE else None
            hidden = Hidden(own.disabled, own.config, own.outer)
            made[own] = OfRoute(compile_matcher(below, of_routes), hidden) if below is not None else None
        return made[own]

    compiled = compile_matcher(matcher, vocabulary) if matcher is not None else None
    if compiled is not None and compiled.keeps_matching:
        hint = "leave keep_matching out; Envoy refuses this filter too"
        raise Rejected("matcher-keeps-matching", "keep_matching is nothing here", place=view.place, hint=hint)
    return WithMatcher(name, view.place, compiled, unmatched, of_route)


def _action(compile_entry: Compile, only: Way | None) -> Callable[[TypedConfig], tuple[str, Way]]:
    """`only`: the filter within, where it is no composite: it runs whichever filter an action names."""

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
            return label, only or Way(opaque)
        compiled = [compile_entry(each) for each in entries]
        behaviours = tuple(each for each in compiled if each is not None)
        one = behaviours[0] if len(behaviours) == 1 else InTurn(behaviours, opaque)
        share = compile_share(typed.view.view("sample_percent"), ALWAYS)
        named = ", ".join(each.text("name", "") for each in entries)
        return named, only or Way(one if behaviours else None, share, opaque)

    return read


def _entries(view: View) -> tuple[View, ...]:
    """The filters of an ExecuteFilterAction that stand in it."""
    chain, entry = view.view("filter_chain"), view.view("typed_config")
    if chain is not None:
        return chain.views("typed_config")
    return () if entry is None else (entry,)
