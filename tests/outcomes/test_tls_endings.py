"""How calls end whose TLS does not fit, told by both sides: who says what, who demands what, who was dialled."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.capture import PodDocuments
from meshsim.trace import Trace
from tests.outcomes.worlds import (
    FAR,
    GATE,
    ask,
    cluster,
    downstream_tls,
    far,
    gate,
    hcm,
    proxy,
    tcp_proxy,
    upstream_tls,
    world,
)

RAW = {"protocol": "tcp", "payload": "hello"}
INSPECTED = {
    "listener_filters": [
        {
            "name": "tls_inspector",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
            },
        }
    ]
}


def strict(**fields: Any) -> PodDocuments:
    return far(held=proxy(hcm(), at=f"{FAR}:80", **downstream_tls(**fields)))


def cause(done: Trace) -> tuple[str, dict[str, Any]]:
    last = [each for each in done.explain() if each.deciding][-1]
    return last.reason.code, dict(last.reason.facts)


@pytest.mark.parametrize(("network_filter", "call"), [(hcm(), {}), (tcp_proxy(), RAW)])
def test_plaintext_to_strict_names_both_places(network_filter: dict[str, Any], call: dict[str, Any]) -> None:
    done = ask(world(gate(network_filter, clusters=[cluster()]), strict()), **call)
    code, facts = cause(done)
    assert code == "handshake.peer-speaks-plaintext"
    assert (facts["near"], facts["cluster"], facts["demand"]) == ("gate", "out", "mTLS")
    assert "static_clusters/0/cluster" in facts["written"]


def test_tls_to_plaintext_names_both_places() -> None:
    plain = far(held=proxy(hcm(), at=f"{FAR}:80"))
    done = ask(world(gate(tcp_proxy(), clusters=[cluster(**upstream_tls())]), plain), **RAW)
    code, facts = cause(done)
    assert code == "http.peer-speaks-tls"
    assert (facts["near"], facts["cluster"], facts["mode"]) == ("gate", "out", "mTLS")
    assert "transport_socket" in facts["written"]
    assert done.hops[0].response_flags == ("UF", "URX")


def test_tls_within_tls() -> None:
    """The application encrypts, the proxy encrypts again, and the far proxy takes off only one of them."""
    done = ask(
        world(gate(tcp_proxy(), clusters=[cluster(**upstream_tls())]), strict()),
        tls={"sni": "a.example", "alpn": []},
    )
    assert cause(done)[0] == "http.tls-within-tls"
    assert done.outcome.client_sees == "closed"


def test_tcp_proxy_dials_before_a_handshake_fails() -> None:
    held = proxy(tcp_proxy(), at=f"{GATE}:8080", clusters=[cluster()], **downstream_tls())
    gated = PodDocuments("gate", proxy=held, host=gate().host)
    behind = far(held=proxy(tcp_proxy("none"), at=f"{FAR}:80"))
    done = ask(world(gated, behind), protocol="tcp", payload="x", tls={"sni": None, "alpn": []})
    near, dialled = done.hops
    assert (near.cluster, near.endpoint, near.response_flags) == ("out", f"{FAR}:80", ())
    assert near.downstream_transport_failure_reason is not None
    assert "PEER_DID_NOT_RETURN" in near.downstream_transport_failure_reason
    assert (dialled.listener, done.outcome.kind, done.outcome.client_sees) == ("front", "closed", "tls_alert")


def test_a_cluster_that_is_not_there_ends_it_before_the_handshake() -> None:
    chain = downstream_tls()
    gated = PodDocuments("gate", proxy=proxy(tcp_proxy("none"), at=f"{GATE}:8080", **chain), host=gate().host)
    done = ask(world(gated), protocol="tcp", payload="x", tls={"sni": None, "alpn": []})
    assert (done.outcome.kind, done.hops[0].response_flags) == ("closed", ("NC",))


@pytest.mark.parametrize(("inspected", "flags"), [(True, ("UR",)), (False, ())])
def test_bytes_left_unread_make_a_reset(inspected: bool, flags: tuple[str, ...]) -> None:
    """Linux answers a close with a reset where bytes lie unread, as those do that an inspector only looked at."""
    held = proxy(tcp_proxy("none"), at=f"{FAR}:80")
    if inspected:
        (listener,) = held.listeners.values()
        assert listener.view is not None
        listener.view.data.update(INSPECTED)
    done = ask(world(gate(tcp_proxy(), clusters=[cluster()]), far(held=held)), **RAW)
    assert done.hops[1].response_flags == ("NC",)
    assert done.hops[0].response_flags == flags
