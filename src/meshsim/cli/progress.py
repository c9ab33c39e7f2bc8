"""One line that grows while a long run is under way; only where a person watches a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType

WIDTH = 30
SHOWN_AFTER = 1.0
"""Seconds: what is done before needs no bar."""
EVERY = 0.1


class Progress:
    """`with Progress(total) as progress: … progress.more(3)`."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._begun = self._shown = time.monotonic()
        self._active = sys.stderr.isatty() and total > 0
        self._written = False

    def __enter__(self) -> Progress:
        return self

    def more(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        now = time.monotonic()
        if not self._active or now - self._begun < SHOWN_AFTER or now - self._shown < EVERY:
            return
        self._shown, self._written = now, True
        full = WIDTH * self._done // self._total
        sys.stderr.write(f"\r[{'#' * full}{' ' * (WIDTH - full)}] {self._done}/{self._total}")
        sys.stderr.flush()

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._written:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
