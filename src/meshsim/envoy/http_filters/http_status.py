"""envoy.type.v3.HttpStatus: a number, or the name Envoy's API gives it."""

from __future__ import annotations

from http import HTTPStatus

from ...config.view import View

_BY_NAME = {status.name.replace("_", ""): int(status) for status in HTTPStatus} | {"IMATEAPOT": 418}
_OLD_NAMES = {"REQUESTENTITYTOOLARGE": 413, "PAYLOADTOOLARGE": 413, "URITOOLONG": 414, "RANGENOTSATISFIABLE": 416}


def http_status(view: View | None, unset: int) -> int:
    """The code under `code`; `unset` where nothing, or nothing known, stands there."""
    value = view.raw("code") if view is not None else None
    if isinstance(value, str):
        name = value.upper()
        return int(value) if value.isdecimal() else _BY_NAME.get(name, _OLD_NAMES.get(name, unset))
    return value if isinstance(value, int) and value else unset
