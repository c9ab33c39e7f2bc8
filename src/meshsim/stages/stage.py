"""A Stage: one decision of the walk, as three functions over one state type.

`decide` picks and names the next state, and builds no explanation; `explain` asks the same question again and
returns every candidate; `describe` writes what was picked into the trace document's fields. Stages never import one
another and never call the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from ..choices import Chooser
from ..errors import Bug
from ..explanation import Decision
from ..mesh import Mesh
from ..report import Draft
from ..states import State

Decide = Callable[[Mesh, Any, Chooser], tuple[Any, State]]
Explain = Callable[[Mesh, Any, Any], Decision]
Describe = Callable[[Mesh, Any, Any, Draft], None]


@frozen
class Stage:
    name: str
    """The word users see: hook, listener, chain, route …"""
    accepts: type
    decide: Decide
    """(mesh, state, chooser) -> (picked, next state). Pure but for what the chooser records."""
    explain: Explain
    """(mesh, state, picked) -> Decision."""
    describe: Describe
    """(mesh, state, picked, draft): fill the hop's fields."""


def nothing_to_describe(_mesh: Mesh, _at: object, _picked: object, _draft: Draft) -> None:
    """For stages that add no field to the document."""


def agree(stage: str, at: object, picked: object, explained: object) -> None:
    """Every explained trace is a self-test: the explained winner must be what was picked."""
    if picked is not explained and picked != explained:
        raise Bug(
            "explanation-disagrees",
            f"stage {stage} picked {picked!r}, its explanation finds {explained!r}",
            note=f"state: {at!r}",
            hint="please report this with the configuration, secrets removed",
        )
