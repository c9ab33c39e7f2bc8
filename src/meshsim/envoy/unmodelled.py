"""The field ledger: a field that is neither modelled nor harmless is named, never dropped."""

from __future__ import annotations

from ..config.view import View
from ..reasons import Reason, because


def unmodelled_fields(view: View, known: frozenset[str], resource: str) -> tuple[Reason, ...]:
    """A reason for each field of the message that is not among the known ones."""
    return tuple(
        because("config.field-not-modelled", view.place_of(field), field=field, resource=resource)
        for field in view.leftovers(known)
    )
