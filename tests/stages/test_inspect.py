"""Listener filters: what they learn before any chain is asked, and who keeps waiting for whom."""

from __future__ import annotations

import pytest

from meshsim.choices import Chooser
from meshsim.explanation import Fate
from meshsim.stages import inspect
from meshsim.states import AtChain, AtInspect, AtListener, AtReturn, Frame
from tests.builders_connection import (
    FILTERS,
    HTTP_INSPECTOR,
    SILENT,
    TLS_INSPECTOR,
    chain,
    hello,
    http,
    listener_config,
    pod,
    refused,
    tcp,
    tcp_proxy,
)
from tests.stages.steps import Step, at_inspect, at_network, mesh_pod


def test_a_redirected_call_is_offered_to_another_listener() -> None:
    step = Step(inspect.STAGE, at_inspect("virtualOutbound", mesh_pod(), http(), original="10.0.0.5:80"))
    assert isinstance(step.after, AtListener)
    assert step.after.connection.local_text() == "10.0.0.5:80"
    assert step.decision.trivial and not step.decision.deciding
    hop = step.hop
    assert (hop.received_by, hop.listener, hop.direction) == ("virtualOutbound", "virtualOutbound", "outbound")
    assert (hop.original_destination, hop.from_hop) == ("10.0.0.5:80", None)
    assert hop.downstream is not None and hop.downstream.tls is None
    assert (hop.downstream.protocol, hop.downstream.remote) == ("http/1.1", "10.80.3.109:40000")


def test_without_an_original_destination_the_listener_keeps_it() -> None:
    step = Step(inspect.STAGE, at_inspect("virtualOutbound", mesh_pod(), http()))
    assert isinstance(step.after, AtChain)
    assert step.after.connection.transport == "raw_buffer"


def test_after_a_handoff_there_is_no_second_one() -> None:
    at = at_inspect("virtualOutbound", mesh_pod(), http(), handoff=False, original="10.0.0.5:80")
    step = Step(inspect.STAGE, at)
    assert isinstance(step.after, AtChain)
    assert step.hop.received_by is None


def test_what_the_first_listener_saw_is_not_in_the_log_of_the_second() -> None:
    first = listener_config("first", "0.0.0.0:15001", chain(), use_original_dst=True, listener_filters=[TLS_INSPECTOR])
    on = pod(first, listener_config("second", "0.0.0.0:80", chain(), bind_to_port=False))
    received = Step(inspect.STAGE, at_inspect("first", on, http(), original="10.0.0.5:80"))
    assert "HTTP_REQUEST" in (received.hop.downstream_transport_failure_reason or "")
    handed = at_inspect("second", on, http(), handoff=False, original="10.0.0.5:80")
    step = Step(inspect.STAGE, handed, draft=received.draft)
    assert (step.hop.listener, step.hop.downstream_transport_failure_reason) == ("second", None)


def test_a_kept_source_is_noted() -> None:
    original_src = {"@type": FILTERS + "listener.original_src.v3.OriginalSrc", "mark": 1337}
    entry = {"name": "src", "typed_config": original_src}
    on = pod(listener_config("one", "0.0.0.0:80", chain("c"), listener_filters=[entry]))
    step = Step(inspect.STAGE, at_inspect("one", on, http()))
    assert [note.code for note in step.decision.notes] == ["inspect.source-kept"]


def test_what_tls_says_is_described_before_anybody_terminates_it() -> None:
    on = pod(listener_config("one", "0.0.0.0:80", chain(), listener_filters=[TLS_INSPECTOR]))
    step = Step(inspect.STAGE, at_inspect("one", on, tcp(tls=hello("A.b", "istio"))))
    tls = step.hop.downstream.tls if step.hop.downstream is not None else None
    assert tls is not None
    assert (tls.terminated, tls.sni, tls.alpn_offered, tls.alpn) == (False, "a.b", ("istio",), None)
    assert {change.field for change in step.decision.changes} == {"transport", "sni", "alpn"}


@pytest.mark.parametrize(("timeout", "kind", "after"), [("15s", "closed", "15s"), ("0s", "hanging", None)])
def test_a_client_that_waits_for_the_server(timeout: str, kind: str, after: str | None) -> None:
    on = pod(
        listener_config(
            "one",
            "0.0.0.0:80",
            chain(),
            listener_filters=[TLS_INSPECTOR, HTTP_INSPECTOR],
            listener_filters_timeout=timeout,
        )
    )
    step = Step(inspect.STAGE, at_inspect("one", on, SILENT))
    assert isinstance(step.after, AtReturn)
    assert (step.after.ending.kind, step.after.ending.after) == (kind, after)
    assert step.decision.deciding
    assert step.fates["envoy.filters.listener.http_inspector"] is Fate.NOT_REACHED


def test_an_unknown_filter_is_assumed_to_pass_and_can_be_pinned() -> None:
    strange = {"name": "strange", "typed_config": {"@type": FILTERS + "listener.strange.v3.Strange"}}
    on = pod(listener_config("one", "0.0.0.0:80", chain(), listener_filters=[strange]))
    step = Step(inspect.STAGE, at_inspect("one", on, http()))
    assert isinstance(step.after, AtChain)
    assert step.assumed == ["inspect.opaque-filter"]
    pinned = Step(inspect.STAGE, at_inspect("one", on, http()), Chooser({"0/filter/strange": "blocks"}))
    assert isinstance(pinned.after, AtReturn) and pinned.after.ending.kind == "closed"
    assert pinned.assumed == []


@pytest.mark.parametrize(
    ("node", "traffic", "direction"),
    [
        ("sidecar~1.1.1.1~a.b~c", "OUTBOUND", "outbound"),
        ("sidecar~1.1.1.1~a.b~c", "INBOUND", "inbound"),
        ("sidecar~1.1.1.1~a.b~c", "UNSPECIFIED", "inbound"),
        ("router~1.1.1.1~a.b~c", "OUTBOUND", "gateway"),
        ("some-envoy", "INBOUND", "gateway"),
    ],
)
def test_direction(node: str, traffic: str, direction: str) -> None:
    on = pod(listener_config("one", "0.0.0.0:80", chain(), traffic_direction=traffic), node_id=node)
    assert Step(inspect.STAGE, at_inspect("one", on, http())).hop.direction == direction


def test_where_the_listener_comes_from_and_who_dialled() -> None:
    metadata = {
        "filter_metadata": {
            "istio": {"config": "/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews"}
        }
    }
    on = pod(listener_config("one", "0.0.0.0:80", chain(), metadata=metadata))
    at = at_inspect("one", on, http())
    (proxy,) = at_network(tcp_proxy("c")).chain.filters
    frame = Frame(on, 4, proxy.config, "c", None, None)
    at = AtInspect(on, at.listener, at.connection, at.conversation, 5, frame, handoff=True)
    hop = Step(inspect.STAGE, at).hop
    assert (hop.from_hop, hop.origin) == (4, {"listener": "VirtualService default/reviews"})


def test_an_update_that_envoy_refused_is_noted() -> None:
    config = listener_config("one", "0.0.0.0:80", chain())
    on = pod(refused("one", None, active=config))
    (note,) = Step(inspect.STAGE, at_inspect("one", on, http())).decision.notes
    assert (note.code, note.fact("error")) == ("listener.update-refused", "it is wrong")
