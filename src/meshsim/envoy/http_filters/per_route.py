"""A filter's own configuration and those that routes, virtual hosts and route tables give it, compiled on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import define, field

from ...config.view import View
from ..per_filter import PerFilter

C = TypeVar("C")


@define(eq=False)
class PerRoute(Generic[C]):
    own: C
    """The filter's own configuration."""
    compiler: Callable[[View], C]
    """Of what a level may say in its stead."""
    _made: dict[PerFilter, C] = field(factory=dict, init=False)
    _levels: dict[PerFilter, tuple[C, ...]] = field(factory=dict, init=False)

    def of(self, level: PerFilter | None) -> C:
        """The most specific configuration."""
        if level is None:
            return self.own
        made = self._made.get(level)
        if made is None:
            config = level.in_force()
            made = self._made[level] = self.own if config is None else self.compiler(config.view)
        return made

    def levels(self, level: PerFilter | None) -> tuple[C, ...]:
        """Those of every level besides the filter's own, most specific first."""
        if level is None:
            return ()
        made = self._levels.get(level)
        if made is None:
            made = self._levels[level] = tuple(self.compiler(each.view) for each in level.levels())
        return made
