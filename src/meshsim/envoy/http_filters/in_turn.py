"""Several filters that act as one: each sees what the one before it left, and the first that answers ends it.

envoyproxy/envoy source/extensions/filters/http/composite (DelegatedFilterChain). Where one holds the request back, it
goes on behind all of them: those that follow never see it, though they see the response.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...facts.answer import Answer
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
                return evolve(verdict, behind=done)
            if isinstance(verdict, Open):
                return self._open(at, verdict, facts, own, done)
            if verdict is not None:
                done, facts = merged(done, verdict), facts.after(verdict)
                if verdict.held_ms:
                    return done
        return done

    def _open(self, at: int, verdict: Open, facts: FilterFacts, own: PerFilter | None, done: Change | None) -> Verdict:
        def onward(option: Option) -> Option | None:
            """None: a filter behind it leaves something open too."""
            made = option.verdict
            if isinstance(made, Reply):
                return evolve(option, verdict=evolve(made, behind=done))
            changed = done if made is None else merged(done, made)
            if verdict.waits or (made is not None and made.held_ms):
                return evolve(option, verdict=changed)
            rest = self._from(at + 1, facts if made is None else facts.after(made), own, changed)
            return None if isinstance(rest, Open) else evolve(option, verdict=rest)

        ask = verdict.answered

        def answered(answer: Answer) -> Option:
            assert ask is not None
            option = ask(answer)
            # none of the options leads to an open question, so what passes changed hardly does
            return onward(option) or option

        options = [onward(option) for option in verdict.options]
        known = tuple(option for option in options if option is not None)
        if len(known) < len(options):
            return self.doubtful.ask(facts, own)
        return evolve(verdict, options=known, answered=None if ask is None else answered)

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
        first.held_ms + second.held_ms,
    )
