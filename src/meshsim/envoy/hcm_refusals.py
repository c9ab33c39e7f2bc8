"""Connection managers that Envoy does not load, with its own words for it.

envoyproxy/envoy source/extensions/filters/network/http_connection_manager/config.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..config.view import View
from ..errors import Rejected
from .http_filters.base import HttpFilter
from .http_filters.opaque import Opaque
from .http_filters.with_matcher import WITH_MATCHER
from .message_check import refuse_malformed

_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_EXTENSIONS = "original_ip_detection_extensions"


def refuse_what_envoy_refuses(view: View) -> None:
    """Raises Rejected for the first rule that the connection manager breaks."""
    refuse_malformed(view, _MANAGER)
    for field, broken, words in _RULES:
        if broken(view):
            raise Rejected("bad-connection-manager", words, place=view.place_of(field), hint="Envoy refuses it too")
    seen: set[str] = set()
    for entry in view.views("upgrade_configs"):
        name = entry.text("upgrade_type", "")
        if name.lower() in seen:
            words = f"Error: multiple upgrade configs with the same name: '{name}'"
            raise Rejected("bad-connection-manager", words, place=entry.place, hint="Envoy refuses it too")
        seen.add(name.lower())


def refuse_order(filters: Sequence[HttpFilter]) -> None:
    """The router, and only the router, ends the list; of a filter of an unknown type nobody knows whether it may."""
    for made in filters[:-1]:
        if made.terminal:
            words = f"Error: terminal filter named {made.name} of type {made.type_name} must be the last filter"
            raise _misplaced(made, words)
    last = filters[-1] if filters else None
    unknown = last is None or last.type_name == WITH_MATCHER or isinstance(last.behaviour, Opaque)
    if last is not None and not last.terminal and not unknown:
        raise _misplaced(
            last, f"Error: non-terminal filter named {last.name} of type {last.type_name} is the last filter"
        )


def _misplaced(made: HttpFilter, words: str) -> Rejected:
    words = f"{words} in a http filter chain."
    return Rejected("bad-connection-manager", words, place=made.place, hint="put the router last, once")


def _mixes_remote_address(view: View) -> bool:
    return bool(view.views(_EXTENSIONS)) and view.boolean("use_remote_address", False)


def _mixes_trusted_hops(view: View) -> bool:
    return bool(view.views(_EXTENSIONS)) and view.integer("xff_num_trusted_hops", 0) > 0


def _strips_twice(view: View) -> bool:
    return view.boolean("strip_matching_host_port", False) and view.boolean("strip_any_host_port", False)


def _speaks_quic(view: View) -> bool:
    return view.raw("codec_type") in ("HTTP3", 3)


_RULES: tuple[tuple[str, Callable[[View], bool], str], ...] = (
    ("codec_type", _speaks_quic, "HTTP/3 codec configured on non-QUIC listener."),
    (
        _EXTENSIONS,
        _mixes_remote_address,
        "Original IP detection extensions and use_remote_address may not be mixed",
    ),
    (
        _EXTENSIONS,
        _mixes_trusted_hops,
        "Original IP detection extensions and xff_num_trusted_hops may not be mixed",
    ),
    (
        "strip_any_host_port",
        _strips_twice,
        "Error: Only one of `strip_matching_host_port` or `strip_any_host_port` can be set.",
    ),
)
