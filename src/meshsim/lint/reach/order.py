"""A list of routes in their order: which of them an earlier one leaves nothing to take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

from ...match.strings import ascii_lower
from .matches import Match

_BY_TEXT = ("path", "prefix", "path_separated_prefix")


def shadowed(matches: Sequence[Match]) -> Iterator[tuple[int, int]]:
    """(index, index of the first one above it that takes all it would).

    A path, or a prefix, can only take what begins with it: the others are not compared.
    """
    by_text: dict[str, list[int]] = {}
    lengths: set[int] = set()
    others: list[int] = []
    for index, match in enumerate(matches):
        for above in _candidates(match, by_text, lengths, others):
            if matches[above].takes_all_of(match):
                yield index, above
                break
        if match.kind in _BY_TEXT and match.paths is not None:
            text = ascii_lower(match.paths.seed)
            by_text.setdefault(text, []).append(index)
            lengths.add(len(text))
        else:
            others.append(index)


def _candidates(match: Match, by_text: dict[str, list[int]], lengths: set[int], others: list[int]) -> Iterator[int]:
    if match.paths is None:
        return merge(others, *by_text.values()) if by_text else iter(others)
    seed = ascii_lower(match.paths.seed)
    found = [by_text[start] for length in lengths if length <= len(seed) and (start := seed[:length]) in by_text]
    return merge(others, *found)
