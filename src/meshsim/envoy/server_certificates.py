"""Which of several certificates a server shows: by the client's server name, then by the kind of key it can take.

Follows envoyproxy/envoy source/common/tls/default_tls_certificate_selector.cc.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from ..config.certificate_names import Certificate, read_certificate
from ..config.view import View
from .tls_parameters import RSA, Parameters
from .tls_versions import TLS_1_3

_ECDSA = "ECDSA"
_OF_KEYS = frozenset(("P-256", "P-384", "P-521"))
_SIGNED_IN_1_3 = frozenset(("P-256", "P-384"))
"""What clients of TLS 1.3 can verify, whatever curves they exchange keys with."""


def read_inline(held: View) -> Certificate | None:
    """Of a TlsCertificate message; None where its chain is elsewhere, or cannot be read."""
    chain = held.view("certificate_chain")
    if chain is None:
        return None
    text = chain.text("inline_string", "")
    try:
        return read_certificate(text.encode() if text else base64.b64decode(chain.text("inline_bytes", "")))
    except ValueError:
        return None


def shown(
    certificates: Sequence[Certificate | None], sni: str, client: Parameters, server: Parameters, *, scans_all: bool
) -> Certificate | None:
    """The one that this client is shown; None: nobody can say. `scans_all`: full_scan_certs_on_sni_mismatch."""
    if len(certificates) == 1:
        return certificates[0]
    known = [each for each in certificates if each is not None]
    if not known or len(known) < len(certificates):
        return None
    curves = _ecdsa_curves(client, server)
    for name in (sni, _starred(sni)):
        found = _of_key((each for each in known if name and name in each.dns_names), curves)
        if found is not None:
            return found
    scanned = _of_key(known, curves) if scans_all or not sni else None
    return scanned or known[0]


def _starred(sni: str) -> str:
    """The name with a star in place of its first label; "" where there is none."""
    dot = sni.find(".", 1)
    return f"*{sni[dot:]}" if 0 < dot < len(sni) - 1 else ""


def _of_key(certificates: Iterable[Certificate], curves: frozenset[str]) -> Certificate | None:
    """The first ECDSA one of these curves, else the first RSA one, which every client is taken to know."""
    first: dict[str, Certificate] = {}
    for each in certificates:
        first.setdefault(RSA if each.key == RSA else _ECDSA, each)
    ecdsa = first.get(_ECDSA)
    return ecdsa if ecdsa is not None and ecdsa.key in curves else first.get(RSA)


def _ecdsa_curves(client: Parameters, server: Parameters) -> frozenset[str]:
    """Of the ECDSA keys that the client can take."""
    if client.versions.highest == TLS_1_3 and server.versions.highest == TLS_1_3:
        return _SIGNED_IN_1_3
    shared = server.ciphers if client.ciphers is None else client.ciphers & (server.ciphers or client.ciphers)
    if shared is not None and not any("-ECDSA-" in each for each in shared):
        return frozenset()
    return _OF_KEYS if client.curves is None else client.curves & _OF_KEYS
