"""What Envoy does not load of one permission or principal: the constraints of envoy/config/rbac/v3/rbac.proto."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ...config.view import View
from ...errors import Rejected
from ..match_checks import metadata_refusals

Found = Iterator[tuple[str, View]]
_LONGEST_PREFIX, _LAST_PORT = 128, 65535


def check_rule(view: View, kind: str) -> None:
    """Raises Rejected for the first constraint that it breaks."""
    check = _CHECKS.get(kind)
    for reason, place in check(view, kind) if check is not None else ():
        hint = "Envoy refuses this filter too; take the values it accepts"
        raise Rejected("rbac-rule-refused", f"{kind}: {reason}", place=place.place, hint=hint)


def _header(view: View, kind: str) -> Found:
    below = view.view(kind)
    if below is None or not below.text("name", ""):
        yield "a header matcher needs a name", view


def _path(view: View, kind: str) -> Found:
    below = view.view(kind)
    if below is None or not below.has("path"):
        yield "a path matcher needs a path", view


def _range(view: View, kind: str) -> Found:
    below = view.view(kind)
    if below is not None and below.integer("prefix_len", 0) > _LONGEST_PREFIX:
        yield f"prefix_len is at most {_LONGEST_PREFIX}", below


def _port(view: View, kind: str) -> Found:
    if not 0 <= view.integer(kind, 0) <= _LAST_PORT:
        yield f"a port is at most {_LAST_PORT}", view


def _ports(view: View, kind: str) -> Found:
    below = view.view(kind)
    start, end = (below.integer(each, 0) for each in ("start", "end")) if below is not None else (0, 0)
    if not 0 <= start < end <= _LAST_PORT + 1:
        yield f"a range starts below its end, and ends at {_LAST_PORT + 1} at most", below or view


def _metadata(view: View, kind: str) -> Found:
    below = view.view(kind)
    return metadata_refusals(below if below is not None else view)


def _sourced(view: View, kind: str) -> Found:
    below = view.view(kind)
    matcher = below.view("metadata_matcher") if below is not None else None
    if matcher is None:
        yield "a metadata_matcher is required", view
    else:
        yield from metadata_refusals(matcher)


def _state(view: View, kind: str) -> Found:
    below = view.view(kind)
    if below is None or not below.text("key", ""):
        yield "a filter state matcher needs a key", view
    elif len(below.keys()) == 1:
        yield "a filter state matcher needs something to compare with", below


_ADDRESSES = ("destination_ip", "source_ip", "direct_remote_ip", "remote_ip")
_CHECKS: Mapping[str, Callable[[View, str], Found]] = {
    "header": _header,
    "url_path": _path,
    "destination_port": _port,
    "destination_port_range": _ports,
    "metadata": _metadata,
    "sourced_metadata": _sourced,
    "filter_state": _state,
    **dict.fromkeys(_ADDRESSES, _range),
}
