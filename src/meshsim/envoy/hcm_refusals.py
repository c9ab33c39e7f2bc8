"""Connection managers that Envoy does not load, with its own words for it.

envoyproxy/envoy source/extensions/filters/network/http_connection_manager/config.cc.
"""

from __future__ import annotations

from collections.abc import Callable

from ..config.view import View
from ..errors import Rejected

_EXTENSIONS = "original_ip_detection_extensions"


def refuse_what_envoy_refuses(view: View) -> None:
    """Raises Rejected for the first rule that the connection manager breaks."""
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


def _mixes_remote_address(view: View) -> bool:
    return bool(view.views(_EXTENSIONS)) and view.boolean("use_remote_address", False)


def _mixes_trusted_hops(view: View) -> bool:
    return bool(view.views(_EXTENSIONS)) and view.integer("xff_num_trusted_hops", 0) > 0


def _strips_twice(view: View) -> bool:
    return view.boolean("strip_matching_host_port", False) and view.boolean("strip_any_host_port", False)


_RULES: tuple[tuple[str, Callable[[View], bool], str], ...] = (
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
