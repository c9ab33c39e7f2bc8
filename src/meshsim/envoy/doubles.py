"""Doubles as Envoy reads them from a text (absl::SimpleAtod) and writes them (std::to_chars)."""

from __future__ import annotations

import re
from decimal import Decimal
from math import copysign, inf, isfinite, nan

_BLANKS = " \t\n\v\f\r"
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_HEXADECIMAL = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+(\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)([pP][+-]?[0-9]+)?")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_NO_NUMBER = re.compile(r"[+-]?nan(\([0-9A-Za-z_]*\))?", re.IGNORECASE)


def read_double(text: str) -> float | None:
    """None: it is no number. "Not a number" is always the same object, equal to itself in a dictionary."""
    text = text.strip(_BLANKS)
    if _DECIMAL.fullmatch(text) or _INFINITE.fullmatch(text):
        return float(text)
    if _NO_NUMBER.fullmatch(text):
        return nan
    if not _HEXADECIMAL.fullmatch(text):
        return None
    try:
        return float.fromhex(text)
    except OverflowError:
        return copysign(inf, -1 if text.startswith("-") else 1)


def written_double(value: float) -> str:
    """In its shortest form: with or without an exponent."""
    try:
        double = float(value)
    except OverflowError:
        double = inf if value > 0 else -inf
    written = repr(double)
    if not isfinite(double):
        return "null" if double != double else written
    plain = f"{Decimal(written):f}" if not double.is_integer() else _whole(double)
    sign, digits, exponent = Decimal(written).normalize().as_tuple()
    assert isinstance(exponent, int)
    rest = "".join(map(str, digits[1:]))
    power = exponent + len(rest)
    scientific = f"{'-' * sign}{digits[0]}{'.' * bool(rest)}{rest}e{'-' if power < 0 else '+'}{abs(power):02}"
    return plain if len(plain) <= len(scientific) else scientific


def _whole(double: float) -> str:
    """Every digit of it, and the sign of a zero."""
    return f"{'-' * (copysign(1, double) < 0)}{abs(int(double))}"
