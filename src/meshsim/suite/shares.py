"""Shares as people write them, `90 %` or `1/3`, and how exact what is written is."""

from __future__ import annotations

import re
from fractions import Fraction

from .model import HOP_ROLES, TRACE, Share
from .source import Node, nearest
from .trace_fields import names, roles

_NUMBER = r"[0-9]{1,3}(?:\.[0-9]{1,9})?"
_PERCENT = re.compile(rf"({_NUMBER}) ?%(?: ?(?:±|\+-|\+/-) ?({_NUMBER}) ?%)?")
_RATIO = re.compile(r"([0-9]{1,9}) ?/ ?([1-9][0-9]{0,8})")


def percent(node: Node) -> tuple[Fraction, Fraction]:
    """(share, tolerance). `33 %` is what rounds to it; `33 % ± 2 %` says itself how exact; `1/3` is exact."""
    text = node.data if isinstance(node.data, str) else ""
    ratio = _RATIO.fullmatch(text)
    if ratio is not None:
        share, tolerance = Fraction(int(ratio[1]), int(ratio[2])), Fraction(0)
    else:
        found = _PERCENT.fullmatch(text)
        if found is None:
            raise node.refuse("suite-bad-share", f"{node.what} is no share", "such as 90 %, 33.3 %, 90 % ± 2 % or 1/3")
        share = Fraction(found[1]) / 100
        digits = len(found[1].partition(".")[2])
        tolerance = Fraction(found[2]) / 100 if found[2] else Fraction(1, 2 * 10 ** (digits + 2))
        if not found[2] and share in (0, 1):
            tolerance = Fraction(0)  # all and nothing are meant as they stand
    if share > 1:
        raise node.refuse("suite-bad-share", f"{node.what} is more than the whole", "shares go from 0 % to 100 %")
    return share, tolerance


def read_shares(node: Node) -> tuple[Share, ...]:
    """`{client.subset: {v1: 90 %, v2: 10 %}}`; values that are not named are not checked."""
    read = []
    for path_text, values in node.entries().items():
        role, path = _path(values, path_text)
        entries = values.entries()
        if not entries:
            raise values.refuse("suite-empty-shares", f"{path_text}: no value has a share", "such as {v1: 90 %}")
        told = []
        for value, part in entries.items():
            share, tolerance = percent(part)
            told.append(Share(role, path, value, share, tolerance, str(part.data), part.place))
        if sum(each.share for each in told) > 1 + sum(each.tolerance for each in told):
            raise values.refuse(
                "suite-bad-share", f"the shares of {path_text} are more than 100 %", "check the numbers"
            )
        read += told
    return tuple(read)


def _path(node: Node, text: str) -> tuple[str, tuple[str, ...]]:
    first, *rest = text.split(".")
    known = roles()
    single = [role for role in HOP_ROLES if role not in ("any_hop", "every_hop")]
    if first in single and rest:
        role, steps = first, rest
    else:
        role, steps = TRACE, [first, *rest]
    field = known[role]
    for position, step in enumerate(steps):
        if field.free:
            return role, (*steps[:position], ".".join(steps[position:]).lower())
        below = field.below(step)
        if below is None:
            valid = [*(field.parts or ()), *(single if role == TRACE and position == 0 else ())]
            raise node.refuse(
                "suite-unknown-key",
                f"shares: a trace has no field {text!r}",
                nearest(step, valid) or "fields: " + names(valid),
            )
        field = below
    return role, tuple(steps)
