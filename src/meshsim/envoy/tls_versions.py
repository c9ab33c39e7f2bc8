"""Which TLS versions two sides have in common; envoyproxy/envoy source/common/tls/context_config_impl.cc."""

from __future__ import annotations

from attrs import frozen

from ..config.view import View
from .message_rules import Message, among, refuse_broken

_NAMES = ("TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3")
TLS_1_2, TLS_1_3 = 2, 3


@frozen
class Versions:
    """A range of TLS 1.x versions, by x."""

    lowest: int = TLS_1_2
    highest: int = TLS_1_3

    def spoken_with(self, other: Versions) -> int | None:
        """The highest that both speak; None: the handshake fails at once."""
        version = min(self.highest, other.highest)
        return version if version >= max(self.lowest, other.lowest) else None


_PARAMETERS = Message(
    "TlsParameters",
    {"tls_minimum_protocol_version": among(*_NAMES), "tls_maximum_protocol_version": among(*_NAMES)},
)
SERVER = Versions()
"""What Envoy accepts unless told otherwise."""
CLIENT = Versions(TLS_1_2, TLS_1_2)
"""What Envoy offers an upstream unless told otherwise."""


def compile_versions(common: View | None, default: Versions) -> Versions:
    """`tls_params` of a CommonTlsContext."""
    params = common.view("tls_params") if common is not None else None
    if params is None:
        return default
    refuse_broken(_PARAMETERS, params, "tls-version-unknown")
    lowest = _NAMES.index(params.enum("tls_minimum_protocol_version", _NAMES))
    highest = _NAMES.index(params.enum("tls_maximum_protocol_version", _NAMES))
    return Versions(lowest - 1 if lowest else default.lowest, highest - 1 if highest else default.highest)
