"""How an answer shows itself in a notebook: hooks in IPython's own table of displays, so data classes stay data.

IPython is never imported from here: whoever installs the hooks found it running.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from ..report import Report
from .html import html
from .options import Options
from .text import text

Shown = Callable[[Any], tuple[Report, Options]]
"""What is displayed for an object of some type."""


def bundle(report: Report, options: Options) -> dict[str, str]:
    """The answer for consoles and for browsers; the text is the short one, the HTML unfolds."""
    return {"text/plain": text(report, evolve(options, depth=0)), "text/html": html(report, options)}


def install(shown: Mapping[type, Shown]) -> None:
    """Let the running IPython show objects of these types."""
    shell = sys.modules["IPython"].get_ipython()
    if shell is None:  # imported, but not running
        return
    for kind, find in shown.items():
        shell.display_formatter.mimebundle_formatter.for_type(kind, _shower(find))


def _shower(find: Shown) -> Callable[[Any], dict[str, str]]:
    return lambda given: bundle(*find(given))
