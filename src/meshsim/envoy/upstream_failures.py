"""How a proxy names the ways in which an attempt to reach its upstream can fail, over HTTP and over TCP.

Texts as Envoy 1.40 gives them; envoyproxy/envoy source/common/router/router.cc (onUpstreamReset, onResponseTimeout),
source/common/http/utility.cc (resetReasonToString) and source/common/tcp_proxy/tcp_proxy.cc.
"""

from __future__ import annotations

from attrs import evolve, frozen

_TLS_ERROR = "TLS_error:|{}:SSL_routines:OPENSSL_internal:{}:TLS_error_end"
WRONG_VERSION = _TLS_ERROR.format(268435703, "WRONG_VERSION_NUMBER")
_NOTHING_SHARED = _TLS_ERROR.format(
    268436496,
    "SSLV3_ALERT_HANDSHAKE_FAILURE|268435610:SSL_routines:OPENSSL_internal:HANDSHAKE_FAILURE_ON_CLIENT_HELLO",
)
ALERTS = {
    "no-certificate": _TLS_ERROR.format(268436496, "SSLV3_ALERT_HANDSHAKE_FAILURE"),
    "other-version": _TLS_ERROR.format(268436526, "TLSV1_ALERT_PROTOCOL_VERSION"),
    "other-curve": _NOTHING_SHARED,
    "no-shared-curve": _NOTHING_SHARED,
    "no-shared-cipher": _NOTHING_SHARED,
    "untrusted-certificate": _TLS_ERROR.format(268436504, "TLSV1_ALERT_UNKNOWN_CA"),
    "expired-certificate": _TLS_ERROR.format(268436501, "SSLV3_ALERT_CERTIFICATE_EXPIRED"),
    "other-name": _TLS_ERROR.format(268436502, "SSLV3_ALERT_CERTIFICATE_UNKNOWN"),
}
"""Why the far side refused our handshake -> what its alert is written as here."""
_RESET_IN_HANDSHAKE = "TLS_error:|33554536:system_library:OPENSSL_internal:Connection_reset_by_peer:TLS_error_end"


_DEADLINE_EXCEEDED = 4
_TIMER_BODIES = {"stream_idle_timeout": "stream timeout", "max_duration_timeout": "downstream duration timeout"}


@frozen
class Failure:
    """One way an attempt failed before any response."""

    result: str
    """INTERFACE's attempt result."""
    reset: str
    """Envoy's reason for the reset, as details write it; for time-outs that answer by themselves, the details."""
    flag: str
    """Of HTTP."""
    status: int = 503
    text: str | None = None
    """Envoy's %UPSTREAM_TRANSPORT_FAILURE_REASON%."""
    tcp_flags: tuple[str, ...] = ("UF", "URX")
    connecting: bool = False
    """It failed before the connection stood, so nothing of the request was sent."""
    waited_ms: int | float = 0
    """How long the attempt took until a timer ended it."""
    grpc_status: int | None = None
    """None: what the status comes to."""
    unsendable: str = ""
    """What the codec has against the request; empty: nothing."""

    def details(self) -> str:
        """%RESPONSE_CODE_DETAILS% of HTTP."""
        if self.unsendable:
            return f"{self.reset}{{{self.unsendable.replace(' ', '_')}}}"
        if self.status == 504:
            return self.reset
        text = "" if self.text is None else f"|{self.text}"
        return f"upstream_reset_before_response_started{{{self.reset}{text}}}"

    def body(self, *, retried: bool) -> str:
        if self.unsendable:
            return self.unsendable
        if self.status == 504:
            return _TIMER_BODIES.get(self.reset, "upstream request timeout")
        latest = "retried and the latest " if retried else ""
        reason = self.reset.replace("_", " ")
        return f"upstream connect error or disconnect/reset before headers. {latest}reset reason: {reason}"


REFUSED = Failure(
    "refused", "remote_connection_failure", "UF", text="delayed_connect_error:_Connection_refused", connecting=True
)
CONNECT_TIMEOUT = Failure("timeout", "connection_timeout", "UF", connecting=True)
CLOSED = Failure("closed", "connection_termination", "UC", tcp_flags=())
RESET = evolve(CLOSED, result="reset", tcp_flags=("UR",))
NOT_HTTP = Failure("closed", "protocol_error", "UPE", status=502, tcp_flags=())
NOT_BOUND = Failure("refused", "local_connection_failure", "UF", tcp_flags=("URX",), connecting=True)
NOT_CONNECTED = evolve(REFUSED, text=None)
OVERFLOW = Failure("overflow", "overflow", "UO", tcp_flags=("URX",), connecting=True)
NO_ROOM = evolve(OVERFLOW, connecting=False)
"""The connection stands, and no request may go over it."""
UNSENT = Failure("connected", "filter_removed_required_request_headers", "DPE", tcp_flags=())
"""The connection stands, and the request lacks what it needs to go over it."""
TLS_FAILURE = Failure("tls_failure", "remote_connection_failure", "UF", connecting=True)
TLS_RESET = evolve(TLS_FAILURE, text=_RESET_IN_HANDSHAKE)
PER_TRY_TIMEOUT = Failure("timeout", "upstream_per_try_timeout", "UT", status=504, tcp_flags=())
PER_TRY_IDLE = evolve(PER_TRY_TIMEOUT, reset="upstream_per_try_idle_timeout")
RESPONSE_TIMEOUT = Failure("timeout", "response_timeout", "UT", status=504, tcp_flags=())
MAX_DURATION = Failure("timeout", "max_duration_timeout", "", status=504, tcp_flags=(), grpc_status=_DEADLINE_EXCEEDED)
STREAM_IDLE = Failure("timeout", "stream_idle_timeout", "SI", status=504, tcp_flags=())
IDLE = Failure("connected", "tcp_session_idle_timeout", "", tcp_flags=())
"""Of tcp_proxy alone: a connection on which nothing moves."""
LONGEST = Failure("connected", "max_connection_duration_reached", "", tcp_flags=("DT",))
"""Of tcp_proxy alone: the client's connection is as old as it may get, whatever moves on it."""


_BEFORE_ANY_TALK = {
    "refused": REFUSED,
    "not_bound": NOT_BOUND,
    "not_connected": NOT_CONNECTED,
    "tls_failure": TLS_FAILURE,
    "overflow": OVERFLOW,
}


def failure_of(kind: str, *, http: str | None, secured: bool, shaken: bool, sees: str | None) -> Failure | None:
    """What an ending of that kind is to the proxy that dialled; None: it is passed on, or a timer is to decide.

    `http` is the version that was spoken, None for plain bytes; `secured`: we spoke TLS; `shaken`: the far side took
    the handshake; `sees` is what came back before the end.
    """
    if kind in _BEFORE_ANY_TALK:
        return _BEFORE_ANY_TALK[kind]
    if secured and not shaken:
        if kind == "replied" or (kind == "closed" and sees in ("data", "response")):
            return evolve(TLS_FAILURE, text=WRONG_VERSION)
        return {"closed": TLS_FAILURE, "reset": TLS_RESET}.get(kind)
    if kind == "closed":
        # An alert in answer to plaintext: HTTP/1 takes its bytes for a response, HTTP/2 sees only the close.
        garbled = sees == "data" or (sees == "tls_alert" and not secured and http != "http2")
        return NOT_HTTP if http is not None and garbled else CLOSED
    return RESET if kind == "reset" else None
