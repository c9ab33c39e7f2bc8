"""What a connection manager makes of bytes or a request it does not take: data, from which an ending is made."""

from __future__ import annotations

from attrs import frozen

from ..reasons import Reason


@frozen
class Refusal:
    """`kind` is an outcome kind: replied, closed or hanging."""

    why: Reason
    kind: str = "replied"
    status: int | None = None
    details: str | None = None
    flags: tuple[str, ...] = ()
    body: str = ""
    location: str | None = None
    close: str | None = None
    """Envoy's %DOWNSTREAM_LOCAL_CLOSE_REASON%; None: the connection stays open."""
