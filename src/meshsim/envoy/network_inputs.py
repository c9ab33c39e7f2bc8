"""What a network matcher may ask of a connection: the inputs of envoy.extensions.matching.common_inputs.network.v3.

Follows envoyproxy/envoy source/extensions/matching/network/{common,application_protocol}/. Each reads a Connection;
whoever has one in its facts wraps these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..address import format_ip
from ..config.view import View
from ..facts.connection import Connection
from ..match.tree import Missing
from .filter_chain_match import is_local

_NETWORK = "envoy.extensions.matching.common_inputs.network.v3."
_TLS = "envoy.extensions.matching.common_inputs.ssl.v3."

ReadConnection = Callable[[Connection], Any]


def _ip(ip: int, name: str) -> str | None:
    """Absent where the address is a pipe or an internal one."""
    return None if name else format_ip(ip)


def _port(port: int, name: str) -> str | None:
    return None if name else str(port)


def _protocols(seen: Connection) -> str | None:
    """All of them in one text, each in quotes: 'h2','http/1.1'."""
    return ",".join(f"'{name}'" for name in seen.alpn) or None


def _peer(read: Callable[[Connection], str | None]) -> ReadConnection:
    """Data of a TLS handshake: while a filter chain is being chosen there was none."""
    return lambda seen: Missing.NOT_YET if seen.tls is None else read(seen)


def _uri_sans(seen: Connection) -> str | None:
    peer = seen.tls.peer if seen.tls is not None else None
    return ",".join(peer.uri_sans) or None if peer is not None else None


def _dns_sans(seen: Connection) -> str | None:
    peer = seen.tls.peer if seen.tls is not None else None
    return ",".join(peer.dns_sans) or None if peer is not None else None


def _subject(seen: Connection) -> str | None:
    peer = seen.tls.peer if seen.tls is not None else None
    return peer.subject or None if peer is not None else None


_READ: dict[str, tuple[str, ReadConnection]] = {
    _NETWORK + "DestinationIPInput": ("destination_ip", lambda seen: _ip(seen.local, seen.local_name)),
    _NETWORK + "DestinationPortInput": ("destination_port", lambda seen: _port(seen.local_port, seen.local_name)),
    _NETWORK + "SourceIPInput": ("source_ip", lambda seen: _ip(seen.remote, seen.remote_name)),
    _NETWORK + "SourcePortInput": ("source_port", lambda seen: _port(seen.remote_port, seen.remote_name)),
    _NETWORK + "DirectSourceIPInput": (
        "direct_source_ip",
        lambda at: _ip(at.direct_remote, at.direct_remote_name),
    ),
    _NETWORK + "SourceTypeInput": ("source_type", lambda seen: "local" if is_local(seen) else None),
    _NETWORK + "ServerNameInput": ("server_name", lambda seen: seen.sni or None),
    _NETWORK + "TransportProtocolInput": ("transport_protocol", lambda seen: seen.transport or None),
    _NETWORK + "ApplicationProtocolInput": ("application_protocol", _protocols),
    _NETWORK + "NetworkNamespaceInput": ("network_namespace", lambda _seen: None),
    _TLS + "UriSanInput": ("uri_san", _peer(_uri_sans)),
    _TLS + "DnsSanInput": ("dns_san", _peer(_dns_sans)),
    _TLS + "SubjectInput": ("subject", _peer(_subject)),
}


def _plain(what: str, read: ReadConnection) -> Callable[[View], tuple[str, ReadConnection]]:
    return lambda _view: (what, read)


NETWORK_INPUTS: Mapping[str, Callable[[View], tuple[str, ReadConnection]]] = {
    name: _plain(what, read) for name, (what, read) in _READ.items()
}
"""Type name -> what a Vocabulary wants of it. Filter state is not among them: its writers are not all modelled."""
