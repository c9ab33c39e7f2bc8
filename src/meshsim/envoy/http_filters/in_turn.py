"""Several filters that act as one: each sees what the one before it left, and the first that answers ends it.

envoyproxy/envoy source/extensions/filters/http/composite (DelegatedFilterChain).
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..per_filter import PerFilter
from .base import ActsOnResponses, Behaviour, Change, FilterFacts, Open, Option, Reply, Verdict
from .response import Response


@frozen(eq=False)
class InTurn:
    behaviours: tuple[Behaviour, ...]
    doubtful: Behaviour
    """Asked in their stead where two of them leave open what they do."""

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        return self._from(0, facts, own, None)

    def _from(self, index: int, facts: FilterFacts, own: PerFilter | None, done: Change | None) -> Verdict:
        for at in range(index, len(self.behaviours)):
            verdict = self.behaviours[at].ask(facts, own)
            if isinstance(verdict, Reply):
                return verdict if done is None else evolve(verdict, memories={**done.memories, **verdict.memories})
            if isinstance(verdict, Open):
                return self._open(at, verdict, facts, own, done)
            if verdict is not None:
                done, facts = merged(done, verdict), facts.after(verdict)
        return done

    def _open(self, at: int, verdict: Open, facts: FilterFacts, own: PerFilter | None, done: Change | None) -> Verdict:
        options: list[Option] = []
        for option in verdict.options:
            made = option.verdict
            if not isinstance(made, Reply):
                further = facts if made is None else facts.after(made)
                rest = self._from(at + 1, further, own, done if made is None else merged(done, made))
                if isinstance(rest, Open):
                    return self.doubtful.ask(facts, own)
                made = rest
            options.append(evolve(option, verdict=made))
        return Open(verdict.what, tuple(options), verdict.default)

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        for behaviour in reversed(self.behaviours):
            if isinstance(behaviour, ActsOnResponses):
                response = behaviour.respond(facts, own, response, seen=seen)
        return response


def merged(first: Change | None, second: Change) -> Change:
    """Both changes as one."""
    if first is None:
        return second
    return Change(
        second.why or first.why,
        first.request if second.request is None else second.request,
        first.metadata if second.metadata is None else second.metadata,
        first.filter_state if second.filter_state is None else second.filter_state,
        (*first.flags, *second.flags),
        first.clears_route or second.clears_route,
        first.host if second.host is None else second.host,
        first.strict_host if second.host is None else second.strict_host,
        first.body_limit if second.body_limit is None else second.body_limit,
        {**first.memories, **second.memories},
    )
