"""early_header_mutation_extensions: header changes before the connection manager looks at anything but host and path.

envoyproxy/envoy source/extensions/http/early_header_mutation/header_mutation.
"""

from __future__ import annotations

from ..config.view import View
from ..reasons import Reason, because
from .header_mutations import MutationLevel, compiled_addition
from .message_rules import Message, listed, refuse_broken
from .unmodelled import unmodelled_fields

_TYPE = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
_MESSAGE = Message("HeaderMutation", {"mutations": listed(1)})
_FIELDS = frozenset({"append", "remove"})


def compile_early_mutations(view: View, resource: str) -> tuple[tuple[MutationLevel, ...], tuple[Reason, ...]]:
    """One level a mutation, in order; with what is not modelled."""
    levels: list[MutationLevel] = []
    unmodelled: list[Reason] = []
    field = "early_header_mutation_extensions"
    for entry in view.views(field):
        typed = entry.extension()
        if typed is None or typed.type_name != _TYPE:
            unmodelled.append(because("config.field-not-modelled", entry.place, field=field, resource=resource))
            continue
        refuse_broken(_MESSAGE, typed.view, "bad-connection-manager")
        for each in typed.view.views("mutations"):
            unmodelled += unmodelled_fields(each, _FIELDS, resource)
            append = each.view("append")
            removed = each.text("remove", "").lower()
            additions = () if append is None else (compiled_addition(append),)
            levels.append(MutationLevel((removed,) if removed else (), additions))
    return tuple(levels), tuple(unmodelled)
