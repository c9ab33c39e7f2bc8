"""Does one route take every request that a later one would? Proven from the two matches, else no.

envoyproxy/envoy source/common/router/config_impl.cc: routes are tried in order, and the first that matches is final.
"""

from __future__ import annotations

from ..config.view import View

_UNDERSTOOD = frozenset(
    {"prefix", "path", "path_separated_prefix", "case_sensitive", "headers", "query_parameters", "grpc"}
)
_LISTS = ("headers", "query_parameters")
_TEXT_KINDS = ("prefix", "path", "path_separated_prefix")


def takes_all_of(earlier: View, later: View) -> bool:
    """Every request that matches `later` is proven to match `earlier`."""
    if earlier.leftovers(_UNDERSTOOD):
        return False
    if earlier.has("grpc") and not later.has("grpc"):
        return False
    for field in _LISTS:
        wanted = [entry.data for entry in later.views(field)]
        if any(entry.data not in wanted for entry in earlier.views(field)):
            return False
    return _wider(earlier, later)


def _wider(earlier: View, later: View) -> bool:
    """The paths of the later match are among those of the earlier one."""
    kind, other = earlier.one_of(_TEXT_KINDS), later.one_of(_TEXT_KINDS)
    if kind is None or other is None:
        return False
    value, inner = earlier.text(kind, ""), later.text(other, "")
    if not value.isascii() or not inner.isascii():
        return False
    if not earlier.boolean("case_sensitive", True):
        value, inner = value.lower(), inner.lower()
    elif not later.boolean("case_sensitive", True) and value.lower() != value.upper():
        return False
    if kind == "path":
        return other == "path" and value == inner
    if kind == "prefix":
        return inner.startswith(value)
    if inner.startswith(value + "/"):
        return True
    return other in ("path", "path_separated_prefix") and inner == value
