"""What a TLS handshake at the far end tells the proxy that dialled: written into its hop. Not a stage."""

from __future__ import annotations

from attrs import evolve

from ..report import Draft
from ..states import Frame


def describe_handshake(frames: Frame | None, draft: Draft, alpn: str | None, *, certificate_requested: bool) -> None:
    """Fill what the near proxy's own configuration cannot say; nothing where it spoke no TLS of its own."""
    if frames is None or frames.tls is None:
        return
    near = draft.hop(frames.hop, frames.pod.name)
    if near.tls is not None:
        near.tls = evolve(near.tls, alpn=alpn, certificate_requested=certificate_requested)
