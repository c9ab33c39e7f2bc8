"""x-forwarded-client-cert: what the connection manager keeps of it, and the element that it writes.

envoyproxy/envoy source/common/http/conn_manager_utility.cc (mutateXfccRequestHeader); the order of an element's parts
and its JSON form as observed on Envoy 1.40. What only the certificate itself says (its hash, its text, its issuer) is
written as `unknown`.
"""

from __future__ import annotations

import json

from attrs import frozen

from ..config.view import View
from ..facts.connection import Connection, DownstreamTls, Peer

XFCC = "x-forwarded-client-cert"
UNKNOWN = "unknown"
MODES = ("SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")
_WRITING = ("APPEND_FORWARD", "SANITIZE_SET")
_DETAILS = ("cert", "chain", "subject", "uri", "dns", "issuer")
"""In the order in which they are written."""


@frozen
class ClientCertificateHeader:
    mode: str = MODES[0]
    """forward_client_cert_details"""
    details: tuple[str, ...] = ()
    """set_current_client_cert_details"""
    as_json: bool = False

    def apply(self, connection: Connection, headers: dict[str, tuple[str, ...]]) -> None:
        """Change the header in place."""
        peer = connection.tls.peer if connection.tls is not None else None
        presented = peer is not None and peer.presented
        if self.mode == "ALWAYS_FORWARD_ONLY" or (self.mode == "FORWARD_ONLY" and presented):
            return
        old = headers.pop(XFCC, None) if self.mode != "APPEND_FORWARD" or not presented else headers.get(XFCC)
        if self.mode not in _WRITING or not presented:
            return
        assert connection.tls is not None and peer is not None
        parts = self._parts(connection.tls, peer)
        headers[XFCC] = (self._joined((old or ("",))[0] if self.mode == "APPEND_FORWARD" else "", parts),)

    def _parts(self, tls: DownstreamTls, peer: Peer) -> list[tuple[str, tuple[str, ...]]]:
        own = (UNKNOWN,) if tls.own_uri_sans is None else tls.own_uri_sans
        values = {
            "cert": (UNKNOWN,),
            "chain": (UNKNOWN,),
            "subject": (peer.subject if peer.names_known else UNKNOWN,),
            "uri": peer.uri_sans if peer.names_known else (UNKNOWN,),
            "dns": peer.dns_sans if peer.names_known else (),
            "issuer": (UNKNOWN,),
        }
        return [("by", own), ("hash", (UNKNOWN,)), *((name, values[name]) for name in self.details)]

    def _joined(self, old: str, parts: list[tuple[str, tuple[str, ...]]]) -> str:
        # what is there already decides the form
        if old.startswith("[") if old else self.as_json:
            made = {name: list(values) if name in _LISTS else values[0] for name, values in parts if any(values)}
            element = json.dumps(made, separators=(",", ":"), ensure_ascii=False)
            return f"[{element}]" if not old else f"{old.removesuffix(']')},{element}]"
        element = ";".join(_TEXT[name].format(value) for name, values in parts for value in _written(name, values))
        return f"{old},{element}" if old else element


_LISTS = ("by", "chain", "uri", "dns")
_TEXT = {
    "by": "By={}",
    "hash": "Hash={}",
    "cert": 'Cert="{}"',
    "chain": 'Chain="{}"',
    "subject": 'Subject="{}"',
    "uri": "URI={}",
    "dns": "DNS={}",
    "issuer": 'Issuer="{}"',
}


def _written(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Without any URI, an empty one."""
    return values or (("",) if name == "uri" else ())


def compile_client_certificate_header(view: View) -> ClientCertificateHeader:
    """Of a connection manager."""
    details = view.view("set_current_client_cert_details")
    if details is None:
        return ClientCertificateHeader(view.enum("forward_client_cert_details", MODES))
    return ClientCertificateHeader(
        view.enum("forward_client_cert_details", MODES),
        tuple(name for name in _DETAILS if details.boolean(name, False)),
        details.enum("format", _FORMATS) == "JSON",
    )


_FORMATS = ("TEXT", "JSON")
