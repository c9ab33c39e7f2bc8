"""The matches that the packet does not decide: statistic and limit."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from . import values
from .options import Given, Occurrence, Option, chance, modifier
from .rules import Match

_ALL_BITS = 0xFFFFFFFF
_UNITS = ("second", "minute", "hour", "day")
_SAVED_UNITS = {"second": "sec", "minute": "min", "hour": "hour", "day": "day"}
_DEFAULT_BURST = 5
_WHOLE = 1 << 31
"""What the kernel takes for a probability of 1."""


def whole_statistic(at: Occurrence, given: Mapping[str, Given]) -> Match:
    """linux net/netfilter/xt_statistic.c: `nth` holds once in every N packets, `random` with its probability."""
    words: tuple[str, ...]
    mode = given["--mode"].values[0] if "--mode" in given else ""
    if mode == "random" and "--probability" in given:
        probability = given["--probability"]
        text = probability.values[0]
        try:
            share = Fraction(text)
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"{text!r} is not a probability") from None
        if not 0 <= share <= 1 or len(text) > 40:
            raise ValueError(f"{text!r} is not a probability from 0 to 1")
        share = Fraction(round(share * _WHOLE), _WHOLE)
        negation = ("!",) if probability.negated else ()
        words = ("--mode", "random", *negation, "--probability", f"{float(share):.11f}")
        share = 1 - share if probability.negated else share
    elif mode == "nth" and "--every" in given:
        every = values.decimal(given["--every"].values[0], _ALL_BITS)
        start = values.decimal(given["--packet"].values[0], _ALL_BITS) if "--packet" in given else 0
        if not every or start >= every:
            raise ValueError("--every must be at least 1, and --packet less than it")
        negated = given["--every"].negated
        negation = ("!",) if negated else ()
        words = ("--mode", "nth", *negation, "--every", str(every), "--packet", str(start))
        share = Fraction(1, every)
        share = 1 - share if negated else share
    else:
        raise ValueError("-m statistic needs --mode random with --probability, or --mode nth with --every")
    return chance(" ".join((at.what, *words)), f"{float(share):.4g}", words, share)


def whole_limit(at: Occurrence, given: Mapping[str, Given]) -> Match:
    """A first packet finds the bucket full, as a rule."""
    rate = given["--limit"].values[0] if "--limit" in given else "3/hour"
    number_text, slash, unit_text = rate.partition("/")
    number = values.decimal(number_text, _ALL_BITS)
    named = (unit for unit in _UNITS if unit_text and unit.startswith(unit_text))
    unit = next(named, "") if slash else "second"
    if not unit or not number:
        raise ValueError(f"{rate!r} is not a rate such as 5/min")
    burst = values.decimal(given["--limit-burst"].values[0], 10000) if "--limit-burst" in given else _DEFAULT_BURST
    burst_words = ("--limit-burst", str(burst)) if burst != _DEFAULT_BURST else ()
    words = ("--limit", f"{number}/{_SAVED_UNITS[unit]}", *burst_words)
    return chance(" ".join((at.what, *words)), words[1], words, None, usual=True)


STATISTIC = {
    "--mode": Option(modifier, negatable=False),
    "--probability": Option(modifier),
    "--every": Option(modifier),
    "--packet": Option(modifier),
}
LIMIT = {"--limit": Option(modifier, negatable=False), "--limit-burst": Option(modifier, negatable=False)}
