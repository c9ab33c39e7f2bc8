"""Whole numbers in headers as Envoy reads them: white space around, a plus sign, no more than 64 bits."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"[ \t\n\v\f\r]*\+?([0-9]{1,40})[ \t\n\v\f\r]*")


def whole_number(text: str, bits: int = 64) -> int | None:
    """None for any other text (absl::SimpleAtoi)."""
    found = _WHOLE.fullmatch(text)
    number = int(found.group(1)) if found is not None else 1 << bits
    return number if number < 1 << bits else None
