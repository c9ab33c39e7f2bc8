"""What a filter does to a share of the requests only: a runtime fraction as certainty, impossibility or a choice."""

from __future__ import annotations

from fractions import Fraction

from attrs import frozen

from ...config.view import View
from ...reasons import Reason
from ..runtime import Runtime
from .base import Change, Open, Option, Reply, Verdict


@frozen
class Share:
    """A RuntimeFractionalPercent."""

    key: str
    default: tuple[int, int]

    def of(self, runtime: Runtime) -> Fraction:
        """0 to 1."""
        numerator, denominator = runtime.fraction(self.key, self.default) if self.key else self.default
        return min(Fraction(numerator, denominator), Fraction(1))


NEVER, ALWAYS = Share("", (0, 100)), Share("", (100, 100))


def compile_share(view: View | None, unset: Share) -> Share:
    """`unset`: what the absent message means."""
    if view is None:
        return unset
    return Share(view.text("runtime_key", ""), view.fraction("default_value") or (0, 100))


def in_a_share(share: Fraction, what: Reason, name: str, verdict: Reply | Change | None) -> Verdict:
    """The verdict where it surely or never comes, else a choice between it and passing."""
    if verdict is None or share == 0:
        return None
    if share == 1:
        return verdict
    return Open(what, (Option("pass", 1 - share, None), Option(name, share, verdict)))
