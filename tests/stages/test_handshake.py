"""What a chain makes of the client's TLS, or of the lack of it."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.explanation import Fate
from meshsim.outcome import Ending
from meshsim.stages import handshake
from meshsim.states import AtNetwork
from tests.builders_connection import SILENT, chain, hello, http, tcp, tls_socket
from tests.stages.steps import Step, at_handshake


def refused_with(step: Step) -> Ending:
    """What the client of a failed handshake gets; behind tcp_proxy only after the upstream was dialled for nothing."""
    assert isinstance(step.after, AtNetwork)
    assert step.after.conversation.server_first and step.after.conversation.tls is None
    assert step.after.frames is not None and step.after.frames.refused is not None
    return step.after.frames.refused


def test_a_plaintext_chain_takes_bytes_as_they_come() -> None:
    step = Step(handshake.STAGE, at_handshake(tcp(tls=hello("a")), chain("c")))
    assert isinstance(step.after, AtNetwork)
    assert step.after.conversation.tls is not None and step.after.connection.tls is None
    assert step.decision.trivial and step.decision.reason.code == "handshake.tls-not-terminated"
    assert step.hop.downstream is None


def test_tls_is_terminated() -> None:
    made = chain("c", transport_socket=tls_socket(alpn=("h2", "http/1.1")))
    step = Step(handshake.STAGE, at_handshake(http(tls=hello("a", "http/1.1", "h2")), made))
    assert isinstance(step.after, AtNetwork)
    assert step.after.conversation.tls is None and step.after.conversation.request is not None
    assert step.after.connection.tls is not None and step.after.connection.tls.alpn == "h2"
    tls = step.hop.downstream.tls if step.hop.downstream is not None else None
    assert tls is not None
    assert (tls.terminated, tls.sni, tls.alpn, tls.failure) == (True, "a", "h2", None)
    assert tls.peer is not None and not tls.peer.presented


def test_plaintext_to_a_tls_chain_is_closed() -> None:
    step = Step(handshake.STAGE, at_handshake(http(), chain("c", transport_socket=tls_socket())))
    ending = refused_with(step)
    assert (ending.kind, ending.client_sees) == ("closed", "closed")
    assert step.hop.downstream_transport_failure_reason is not None
    assert "HTTP_REQUEST" in step.hop.downstream_transport_failure_reason
    assert step.hop.response_flags == ()
    assert step.decision.deciding and step.fates == {"c": Fate.FAILED}


def test_a_missing_certificate_is_an_alert() -> None:
    made = chain("c", transport_socket=tls_socket(require=True, ca=True))
    step = Step(handshake.STAGE, at_handshake(tcp(tls=hello("a")), made))
    assert refused_with(step).client_sees == "tls_alert"


@pytest.mark.parametrize(
    ("rest", "kind", "after", "local"),
    [
        ({}, "hanging", None, None),
        ({"transport_socket_connect_timeout": "0.5s"}, "closed", "0.5s", "transport_socket_timeout"),
    ],
)
def test_a_client_that_never_begins(rest: dict[str, Any], kind: str, after: str | None, local: str | None) -> None:
    step = Step(handshake.STAGE, at_handshake(SILENT, chain("c", transport_socket=tls_socket(), **rest)))
    ending = refused_with(step)
    assert (ending.kind, ending.after) == (kind, after)
    assert step.hop.downstream_local_close_reason == local


def test_a_transport_socket_nobody_models_is_an_assumption() -> None:
    step = Step(handshake.STAGE, at_handshake(tcp(), chain("c", transport_socket={"name": "alts"})))
    assert isinstance(step.after, AtNetwork)
    assert step.assumed == ["chain.transport-socket-not-modelled"]
