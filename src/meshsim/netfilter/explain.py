"""Why each rule matched or did not: the walk is done again with its log, and must tell the same story."""

from __future__ import annotations

from ..errors import Bug
from ..explanation import Candidate, Check, Fate
from ..place import Place
from .frame import Frame
from .netns import Netns
from .passage import Passage
from .rules import Match, Rule
from .traverse import Asked
from .walk import walk


def explain(netns: Netns, passage: Passage) -> tuple[Candidate, ...]:
    """A candidate for each rule that was asked, in order. Bug when the second walk differs from the first."""
    answers = iter(passage.asked)

    def answer_again(rule: Rule, what: str) -> bool:
        asked_rule, asked_what, answer = next(answers, (None, "", False))
        if asked_rule is not rule or asked_what != what:
            raise Bug("explanation-disagrees", f"the second walk asks {rule.name} {what}", place=rule.place)
        return answer

    log: list[Asked] = []
    way = "in" if passage.way in ("in", "forward") else "out"
    again = walk(netns, passage.before, way, answer_again, log)
    if again != passage:
        raise Bug("explanation-disagrees", "a second walk through the packet rules ended differently")
    return tuple(_candidate(asked) for asked in log)


def _candidate(asked: Asked) -> Candidate:
    rule = asked.rule
    checks = tuple(_check(match, asked.frame, rule.place) for match in rule.matches)
    lost = next((check for check in checks if check.ok is False), None)
    if (lost is None) is not (asked.matched or asked.declined):
        raise Bug("explanation-disagrees", f"the checks of {rule.name} differ from its verdict", place=rule.place)
    if asked.matched:
        fate, lost_at = Fate.CHOSEN, ""
    elif asked.declined:
        fate, lost_at = Fate.UNKNOWN, rule.unknown_matches[0]
    else:
        fate, lost_at = Fate.FAILED, lost.what if lost is not None else ""
    if asked.matched and len(rule.unmodelled) > len(rule.unknown_matches):
        checks = (*checks, Check(rule.unmodelled[-1], None, None, None, rule.place))
    return Candidate(rule.name, "rule", fate, checks, rule.place, lost_at)


def _check(match: Match, frame: Frame, place: Place) -> Check:
    if match.holds is None:
        return Check(match.what, match.want, None, None, place)
    return Check(match.what, match.want, match.show(match.read(frame)), match.holds(frame), place)
