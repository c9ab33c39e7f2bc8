"""early_header_mutation_extensions: header changes before the connection manager looks at anything but host and path.

envoyproxy/envoy source/extensions/http/early_header_mutation/header_mutation.
"""

from __future__ import annotations

from ..config.view import View
from ..reasons import Reason, because
from .mutation_steps import FIELDS, Step, compile_step
from .unmodelled import unmodelled_fields

_TYPE = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"


def compile_early_mutations(view: View, resource: str) -> tuple[tuple[Step, ...], tuple[Reason, ...]]:
    """In order; with what is not modelled."""
    steps: list[Step] = []
    unmodelled: list[Reason] = []
    field = "early_header_mutation_extensions"
    for entry in view.views(field):
        typed = entry.extension()
        if typed is None or typed.type_name != _TYPE:
            unmodelled.append(because("config.field-not-modelled", entry.place, field=field, resource=resource))
            continue
        for each in typed.view.views("mutations"):
            unmodelled += unmodelled_fields(each, FIELDS, resource)
            steps.append(compile_step(each))
    return tuple(steps), tuple(unmodelled)
