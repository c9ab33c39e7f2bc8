"""envoy.type.v3.HttpStatus: a number, or the name Envoy's API gives it."""

from __future__ import annotations

from http import HTTPStatus

from ...config.view import View
from ...errors import Rejected

_BY_NAME = {status.name.replace("_", ""): int(status) for status in HTTPStatus}
_OTHER_NAMES = {"PAYLOADTOOLARGE": 413, "URITOOLONG": 414, "RANGENOTSATISFIABLE": 416, "UNPROCESSABLEENTITY": 422}
_KNOWN = frozenset(
    (
        *(100, *range(200, 209), 226, *range(300, 306), 307, 308),
        *(*range(400, 418), *range(421, 425), 426, 428, 429, 431),
        *(*range(500, 509), 510, 511),
    )
)
"""Any other number is none of the enum, and not loaded."""


def http_status(view: View | None, unset: int) -> int:
    """The code under `code`; `unset` where nothing says it, or a name that is not known here."""
    if view is None:
        return unset
    value = view.raw("code")
    if isinstance(value, str):
        name = value.upper()
        value = int(value) if value.isdecimal() else _BY_NAME.get(name, _OTHER_NAMES.get(name, unset))
    if isinstance(value, int) and value in _KNOWN:
        return value
    hint = "give a status that Envoy has a name for; it refuses this filter too"
    raise Rejected("unknown-http-status", f"{value} is no HTTP status", place=view.place, hint=hint)
