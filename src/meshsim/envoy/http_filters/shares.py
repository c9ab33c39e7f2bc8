"""What a filter does to a share of the requests only: a runtime fraction as certainty, impossibility or a choice."""

from __future__ import annotations

from fractions import Fraction

from ...config.view import View
from ...reasons import Reason
from .base import Change, Open, Option, Reply, Verdict


def share_of(view: View | None, unset: Fraction) -> Fraction:
    """The default value of a RuntimeFractionalPercent."""
    found = view.fraction("default_value") if view is not None else None
    if view is not None and found is None:
        return Fraction(0)
    return unset if found is None else min(Fraction(*found), Fraction(1))


def in_a_share(share: Fraction, what: Reason, name: str, verdict: Reply | Change | None) -> Verdict:
    """The verdict where it surely or never comes, else a choice between it and passing."""
    if verdict is None or share == 0:
        return None
    if share == 1:
        return verdict
    return Open(what, (Option("pass", 1 - share, None), Option(name, share, verdict)))
