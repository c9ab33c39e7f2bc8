"""One base chain, asked about one packet: rules in order, jumps and returns, with an optional log. Knows no hooks.

Upstream: linux net/ipv4/netfilter/ip_tables.c ipt_do_table; jumps push the way back, goto does not.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, evolve

from .frame import Frame
from .rules import Chain, Rule, Verdict

Ask = Callable[[Rule, str], bool]
Log = list["Asked"]


@define(eq=False)
class Asked:
    """A log entry: a rule, the packet as the rule saw it, and whether the rule matched."""

    rule: Rule
    frame: Frame
    matched: bool
    declined: bool = False
    """It would have matched, had somebody answered yes for what the packet does not decide."""


def decline(rule: Rule, what: str) -> bool:
    """The answer that takes what is not modelled as not matching and without effect, and chance as what is likelier."""
    match = rule.doubt(what)
    if match is None:
        return False
    return 2 * match.share > 1 if match.share is not None else match.usual


@define(eq=False)
class Traversal:
    """What the packet has met so far."""

    frame: Frame
    ask: Ask
    log: Log | None
    rules: list[Rule]
    """Those that matched."""
    asked: list[tuple[Rule, str, bool]]

    def verdict(self, chain: Chain) -> tuple[Verdict, Rule | None]:
        """The verdict of a base chain, and the rule that gave it; None where the policy did."""
        frame, log, matched = self.frame, self.log, self.rules
        rules = iter(chain.rules)
        stack = []
        while True:
            for rule in rules:
                for holds in rule.tests:
                    if not holds(frame):
                        if log is not None:
                            log.append(Asked(rule, evolve(frame), matched=False))
                        break
                else:
                    if rule.unknown_matches and not self._answered(rule):
                        if log is not None:
                            log.append(Asked(rule, evolve(frame), matched=False, declined=True))
                        continue
                    if log is not None:
                        log.append(Asked(rule, evolve(frame), matched=True))
                    matched.append(rule)
                    target = rule.target
                    if target is None:
                        continue
                    verdict = target.verdict
                    if verdict is Verdict.JUMP and target.chain is not None:
                        if not rule.goto:
                            stack.append(rules)
                        rules = iter(target.chain.rules)
                        break
                    if verdict is Verdict.RETURN:
                        if not stack:
                            return chain.policy or Verdict.ACCEPT, None
                        rules = stack.pop()
                        break
                    if verdict is Verdict.CHANGE and target.apply is not None:
                        verdict = target.apply(frame)
                    elif verdict is Verdict.UNKNOWN and not self._answer(rule, f"-j {target.name}"):
                        verdict = Verdict.CONTINUE
                    if verdict is not Verdict.CONTINUE:
                        return verdict, rule
            else:
                if not stack:
                    return chain.policy or Verdict.ACCEPT, None
                rules = stack.pop()

    def _answered(self, rule: Rule) -> bool:
        return all(self._answer(rule, what) for what in rule.unknown_matches)

    def _answer(self, rule: Rule, what: str) -> bool:
        answer = self.ask(rule, what)
        self.asked.append((rule, what, answer))
        return answer
