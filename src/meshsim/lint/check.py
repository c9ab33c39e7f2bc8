"""Check: the codes one file can find, and how it finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from attrs import frozen

from ..findings import Finding

S = TypeVar("S")


@frozen
class Check(Generic[S]):
    """`find` is given its subject, such as one proxy."""

    codes: tuple[str, ...]
    find: Callable[[S], Iterator[Finding]]
