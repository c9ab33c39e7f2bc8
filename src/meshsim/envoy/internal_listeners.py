"""Listeners without an IP address: internal ones, which only endpoints of the same Envoy reach, and those on pipes.

Follows envoyproxy/envoy source/common/listener_manager/listener_impl.cc (validateFilterChains, InternalListener) and
source/extensions/io_socket/user_space. What such a listener is called, what it may not be configured with, and the
connection that its listener filters see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..address import parse_endpoint
from ..config.view import View
from ..errors import Rejected
from ..facts.connection import INTERNAL_CLIENT, Connection, socketless
from .endpoints import InternalAddress, PipeAddress

ORIGINAL_DST = "envoy.filters.listener.original_dst"
"""The metadata namespace in which an endpoint states the destination behind an internal listener."""

_ADDRESSES = ("address", "additional_addresses")
_SOCKET_FIELDS = (
    "freebind",
    "transparent",
    "tcp_backlog_size",
    "enable_reuse_port",
    "enable_mptcp",
    "connection_balance_config",
    "socket_options",
)


def internal_name(view: View) -> str | None:
    """The name an endpoint reaches it by; None: it is no internal listener."""
    if view.has("internal_listener"):
        _check(view)
        return view.text("name", "")
    address = view.view("address")
    # Before Envoy 1.22 an internal listener said its name as its address.
    old = address.view("envoy_internal_address") if address is not None else None
    return old.text("server_listener_name", "") if old is not None else None


def pipe_path(view: View) -> str | None:
    """The path of a listener on a pipe; None for any other."""
    address = view.view("address")
    pipe = address.view("pipe") if address is not None else None
    return pipe.text("path", "") if pipe is not None else None


def _check(view: View) -> None:
    for field in _ADDRESSES:
        if view.has(field) and view.raw(field) != []:
            raise _refused(view, field, "address should not be used when an internal listener config is provided")
    for field in _SOCKET_FIELDS:
        if view.has(field) and view.raw(field) not in ([], {}):
            raise _refused(view, field, "an internal listener has unsupported tcp listener feature")


def _refused(view: View, field: str, message: str) -> Rejected:
    hint = f"drop {field}; Envoy refuses this listener too"
    return Rejected("internal-listener-field", message, place=view.place_of(field), hint=hint)


def connection_to(address: InternalAddress | PipeAddress, original: tuple[int, int] | None) -> Connection:
    """What the listener is told of whoever dials; `original` is the destination that metadata passed on."""
    if isinstance(address, InternalAddress):
        return socketless(str(address), INTERNAL_CLIENT, original)
    return socketless(str(address), str(address))


def stated_destination(metadata: Mapping[str, Any]) -> tuple[int, int] | None:
    """`local` of that metadata; None where it is no ip:port, which Envoy passes over."""
    text = metadata.get("local")
    try:
        return parse_endpoint(text) if isinstance(text, str) else None
    except ValueError:
        return None
