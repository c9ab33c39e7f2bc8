"""What a TLS handshake at the far end tells the proxy that dialled, and what it makes of the far certificate."""

from __future__ import annotations

from attrs import evolve

from ..envoy.peer_validation import PeerValidation, named
from ..envoy.upstream_hello import wanted_name
from ..facts.conversation import ClientCertificate, Conversation
from ..report import Draft
from ..states import Frame


def describe_handshake(frames: Frame | None, draft: Draft, alpn: str | None, *, certificate_requested: bool) -> None:
    """Fill what the near proxy's own configuration cannot say; nothing where it spoke no TLS of its own."""
    if frames is None or frames.tls is None:
        return
    near = draft.hop(frames.hop, frames.pod.name)
    if near.tls is not None:
        near.tls = evolve(near.tls, alpn=alpn, certificate_requested=certificate_requested)


def fault_of_server(frames: Frame | None, said: Conversation, shown: ClientCertificate) -> str | None:
    """Why the proxy that dialled refuses the certificate it is shown; None: it takes it, or speaks no TLS."""
    if frames is None or frames.tls is None or said.tls is None:
        return None
    validation = validation_of(frames, said)
    return validation.fault(shown) if validation is not None else None


def validation_of(frames: Frame, said: Conversation) -> PeerValidation | None:
    """What it asks of that certificate; a name known only per connection replaces the configured list."""
    tls = frames.tls
    if tls is None or said.tls is None:
        return None
    protocol = frames.dialled.cluster.protocol if frames.dialled is not None else None
    name = wanted_name(tls, protocol, said.tls.sni, said.request)
    return tls.validation if name is None else named(tls.validation, name)
