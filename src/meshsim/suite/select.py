"""Which cases to run: words of their names, tags, meshes, a shard, those that failed last time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from ..errors import InputError
from ..suite_results import CaseResult
from .model import Case, Suite

Test = Callable[[str], bool]

_TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")
MOST_WORDS = 100


def node_of(suite: Suite, case: Case) -> str:
    """What -k, --last-failed and reports call a case."""
    return CaseResult(suite.name, suite.file, case.id, "", case.place, mesh=case.mesh.name).node


def keyword(expression: str) -> Test:
    """-k as pytest has it: parts of names, joined by `and`, `or`, `not` and parentheses."""
    words = _TOKEN.findall(expression)
    if not words or len(words) > MOST_WORDS:
        raise _bad(expression, "it is empty" if not words else "it is too long")
    position = 0

    def peek() -> str | None:
        return words[position] if position < len(words) else None

    def take() -> str:
        nonlocal position
        word = peek()
        if word is None:
            raise _bad(expression, "it ends too early")
        position += 1
        return word

    def either() -> Test:
        found = both()
        while peek() == "or":
            take()
            found = _or(found, both())
        return found

    def both() -> Test:
        found = one()
        while peek() == "and":
            take()
            found = _and(found, one())
        return found

    def one() -> Test:
        word = take()
        if word == "not":
            inner = one()
            return lambda text: not inner(text)
        if word == "(":
            inner = either()
            if peek() != ")":
                raise _bad(expression, "a ( is never closed")
            take()
            return inner
        if word in (")", "and", "or"):
            raise _bad(expression, f"{word} has nothing before it")
        lowered = word.lower()
        return lambda text: lowered in text.lower()

    found = either()
    if peek() is not None:
        raise _bad(expression, f"{peek()!r} comes without and, or")
    return found


def _or(one: Test, other: Test) -> Test:
    return lambda text: one(text) or other(text)


def _and(one: Test, other: Test) -> Test:
    return lambda text: one(text) and other(text)


def _bad(expression: str, why: str) -> InputError:
    return InputError("bad-keyword", f"-k {expression!r}: {why}", hint="such as -k 'canary and not grpc'")


def tag_names(wanted: Iterable[str]) -> list[str]:
    return [name.strip() for text in wanted for name in text.split(",") if name.strip()]


def tagged(wanted: Iterable[str]) -> Callable[[Case], bool]:
    """--tags: one of those named, none of those with a `!`."""
    names = tag_names(wanted)
    yes = {name for name in names if not name.startswith("!")}
    no = {name[1:] for name in names if name.startswith("!")}
    return lambda case: (not yes or bool(yes & set(case.tags))) and not no & set(case.tags)


def shard(text: str) -> tuple[int, int]:
    """`3/8`: (3, 8)."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})/([1-9][0-9]{0,4})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise InputError("bad-shard", f"--shard {text!r} is no shard", hint="such as 3/8, the third of eight")
    return int(found[1]), int(found[2])


def in_shard(cases: Sequence[tuple[Suite, Case]], number: int, of: int) -> list[tuple[Suite, Case]]:
    """Every `of`-th case: the shards are disjoint, together everything, and equally large."""
    return [each for position, each in enumerate(cases) if position % of == number - 1]
