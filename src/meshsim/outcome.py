"""How a call ended for its client, and how one connection ended for the side that opened it."""

from __future__ import annotations

from attrs import evolve, field, frozen

from .facts.request import Headers
from .reasons import Reason

KINDS = ("delivered", "forwarded", "replied", "closed", "hanging", "refused", "dropped", "loop", "unknown")
"""INTERFACE: the closed list of outcome kinds."""

CLIENT_SEES = {
    "delivered": "data",
    "forwarded": None,
    "replied": "response",
    "closed": "closed",
    "hanging": "nothing",
    "refused": "refused",
    "dropped": "nothing",
    "loop": "nothing",
    "unknown": None,
}


@frozen
class Outcome:
    """The outcome object of the trace document, without the sentence that renderers add."""

    kind: str
    why: Reason
    after: str | None = None
    """The configured time where a timer ended it, such as 15s."""
    status: int | None = None
    grpc_status: int | None = None
    location: str | None = None
    body: str | None = None
    response_headers: Headers = field(factory=dict)
    response_flags: tuple[str, ...] = ()
    response_code_details: str | None = None
    answered_by: int | None = None
    """Index of the hop that answered; None: an application or the kernel."""
    client_sees: str | None = None
    """response | data | closed | tls_alert | refused | nothing; None where nothing is known."""
    destination: str | None = None
    """ip:port (or name:port) that was reached, or dialled last."""
    pod: str | None = None
    """The known pod that owns the destination."""

    def as_unknown(self, why: Reason) -> Outcome:
        """The same course with its end put in doubt (--strict, or an unmodelled terminal filter)."""
        return evolve(self, kind="unknown", why=why, client_sees=None)


@frozen
class Cut:
    """Where a proxy ended a response within its body."""

    at_ms: float
    """Since the proxy sent its request on."""
    lingers_ms: int | float
    """How long its HTTP/1 connection stays open after that."""
    after: str | None
    """The configured time, where a timer of its own ended it."""


@frozen
class Ending:
    """How one upstream connection or stream ended for the side that opened it.

    `kind` is an outcome kind, or what only a proxy can learn of its upstream: reset, tls_failure, and of itself:
    not_bound, not_connected, overflow.
    """

    kind: str
    why: Reason
    after: str | None = None
    status: int | None = None
    grpc_status: int | None = None
    location: str | None = None
    body: str | None = None
    response_headers: Headers = field(factory=dict)
    response_flags: tuple[str, ...] = ()
    response_code_details: str | None = None
    transport_failure_reason: str | None = None
    """Envoy's %UPSTREAM_TRANSPORT_FAILURE_REASON% for the opener."""
    answered_by: int | None = None
    client_sees: str | None = None
    destination: str | None = None
    pod: str | None = None
    cut: Cut | None = None
    """None: the body is complete, or everybody waits for the rest of it."""
    local_close_reason: str | None = None
    """Envoy's %DOWNSTREAM_LOCAL_CLOSE_REASON% where the connection ends with this reply."""
    states_more: bool = False
    """A proxy's reply states a longer body than it has."""
    took_ms: float = 0
    """Since the opener asked, as far as timers and filters that hold requests back say."""

    @property
    def lasts_ms(self) -> float | None:
        """How long until it; None: for ever."""
        if self.kind in ("hanging", "dropped"):
            return None
        return max(self.took_ms, float(self.after[:-1]) * 1000 if self.after is not None else 0)

    def outcome(self) -> Outcome:
        """The same for the client itself: what only a proxy could tell apart is a close to it."""
        kind = {"reset": "closed", "tls_failure": "closed"}.get(self.kind, self.kind)
        sees = self.client_sees or CLIENT_SEES[kind]
        if kind == "delivered" and self.status is not None:
            sees = "response"
        return Outcome(
            kind=kind,
            why=self.why,
            after=self.after if self.cut is None or self.cut.after is None else self.cut.after,
            status=self.status,
            grpc_status=self.grpc_status,
            location=self.location,
            body=self.body,
            response_headers=self.response_headers,
            response_flags=self.response_flags,
            response_code_details=self.response_code_details,
            answered_by=self.answered_by,
            client_sees=sees,
            destination=self.destination,
            pod=self.pod,
        )
