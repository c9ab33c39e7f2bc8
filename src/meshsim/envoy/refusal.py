"""What a connection manager makes of bytes or a request it does not take: data, from which an ending is made."""

from __future__ import annotations

from attrs import frozen

from ..facts.request import Request
from ..reasons import Reason

DRAINED = "deferred_close_on_drained_connection"
"""%DOWNSTREAM_LOCAL_CLOSE_REASON% of a connection that ends with its reply."""


@frozen
class Refusal:
    """`kind` is an outcome kind: replied, closed, hanging or unknown."""

    why: Reason
    kind: str = "replied"
    status: int | None = None
    details: str | None = None
    flags: tuple[str, ...] = ()
    body: str = ""
    location: str | None = None
    after: str | None = None
    """The time that a timer took."""
    request: Request | None = None
    """As it was decoded, where the connection manager refuses it after the codec took it."""
    closes: str | None = None
    """%DOWNSTREAM_LOCAL_CLOSE_REASON%, where the connection ends with it."""
