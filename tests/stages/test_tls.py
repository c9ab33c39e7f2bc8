"""The tls stage: the proxy's own packet, what it says upstream, and the frame that waits."""

from typing import Any

import pytest
from attrs import evolve

from meshsim.address import format_ip
from meshsim.envoy.clusters import Cluster
from meshsim.envoy.endpoints import InternalAddress, PipeAddress
from meshsim.facts.conversation import ClientTls, Conversation
from meshsim.report import Draft
from meshsim.stages import cluster as cluster_stage
from meshsim.stages import returning
from meshsim.stages import tls as stage
from meshsim.states import AtHook, AtReturn
from tests.builders_upstream import (
    MESH,
    SLEEP,
    at_cluster,
    at_tls,
    cluster,
    decided,
    described,
    dump,
    endpoint,
    http_options,
    http_via,
    locality,
    pod,
    said,
    static_cluster,
    tcp_via,
    tls_socket,
)

MTLS = {
    "tls_certificate_sds_secret_configs": [{"name": "default"}],
    "alpn_protocols": ["istio-peer-exchange", "istio"],
    "combined_validation_context": {
        "default_validation_context": {"match_subject_alt_names": [{"exact": "spiffe://td/ns/a/sa/b"}]},
        "validation_context_sds_secret_config": {"name": "ROOTCA"},
    },
}
SNI = "outbound_.9080_._.reviews.default.svc.cluster.local"
MATCHES = [
    {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}, "transport_socket": tls_socket(SNI, **MTLS)},
    {"name": "tlsMode-disabled", "match": {}, "transport_socket": {"name": "envoy.transport_sockets.raw_buffer"}},
]
OVERRIDE = ("istio-http/1.1", "istio", "http/1.1")


def meshed(address: str = "10.0.0.1:9080", labels: Any = None, **fields: Any) -> Cluster:
    labels = {"tlsMode": "istio"} if labels is None else labels
    return cluster(
        static_cluster(locality(endpoint(address, labels=labels)), transport_socket_matches=MATCHES, **fields)
    )


def plain(address: str = "10.0.0.1:9080", **fields: Any) -> Cluster:
    return cluster(static_cluster(locality(address), **fields))


def test_the_proxys_packet_and_the_frame_that_waits() -> None:
    at = at_tls(plain())
    picked, after, chooser = decided(stage.STAGE, at)
    assert isinstance(after, AtHook) and picked.kind == "raw_buffer" and chooser.taken == []
    assert (after.way, after.sender, after.hop, after.pod) == ("out", "proxy", 1, at.pod)
    packet = after.packet
    assert (packet.source_text(), packet.destination_text()) == (f"{SLEEP}:0", "10.0.0.1:9080")
    assert (packet.protocol, packet.uid, packet.gid) == ("tcp", 1337, 1337)
    frame = after.frames
    assert frame is not None and frame.below is None and frame.via is at.via
    assert (frame.hop, frame.cluster, frame.endpoint) == (0, "a", "10.0.0.1:9080")
    assert at.conversation.request is not None
    sent = evolve(at.conversation.request, patience_ms=15000)
    assert after.conversation.tls is None and after.conversation.request == sent
    hop = described(stage.STAGE, at, picked)
    assert (hop.tls.mode, hop.tls.sni, hop.tls.alpn_offered, hop.tls.transport_socket_match) == (
        "plaintext",
        None,
        (),
        None,
    )


@pytest.mark.parametrize(
    ("address", "bind", "addresses", "wanted"),
    [
        ("10.0.0.1:80", [], (SLEEP,), SLEEP),
        ("127.0.0.1:80", [], (SLEEP,), "127.0.0.1"),
        ("[::1]:80", [], (SLEEP, "fd00::5"), "::1"),
        (f"{SLEEP}:80", [], ("10.80.0.1", SLEEP), SLEEP),
        ("[fd00::1]:80", [], (SLEEP, "fd00::5"), "fd00::5"),
        (f"{SLEEP}:80", ["127.0.0.6"], (SLEEP,), "127.0.0.6"),
        ("[fd00::1]:80", ["127.0.0.6", "::6"], (SLEEP,), "::6"),
        (f"{SLEEP}:80", ["::6", "127.0.0.6"], (SLEEP,), "127.0.0.6"),
    ],
)
def test_source_address(address: str, bind: list[str], addresses: tuple[str, ...], wanted: str) -> None:
    fields: dict[str, Any] = {}
    if bind:
        first, *rest = ({"address": each, "port_value": 0} for each in bind)
        extra = [{"address": each} for each in rest]
        fields["upstream_bind_config"] = {"source_address": first, "extra_source_addresses": extra}
    at = at_tls(plain(address, **fields), owner=pod(addresses=addresses))
    assert format_ip(decided(stage.STAGE, at)[1].packet.source) == wanted


BIND_127 = {"source_address": {"address": "127.0.0.6", "port_value": 0}}


@pytest.mark.parametrize(
    ("address", "details", "reason", "flags"),
    [
        (
            "[::1]:29999",
            "local_connection_failure|failed_to_bind_to_127.0.0.6:0:_Invalid_argument",
            "local connection failure",
            ("URX",),
        ),
        (
            "192.0.2.1:80",
            "remote_connection_failure|immediate_connect_error:_Invalid_argument|remote_address:192.0.2.1:80",
            "remote connection failure",
            ("UF", "URX"),
        ),
    ],
)
def test_a_bound_source_from_which_nothing_can_go_there(
    address: str, details: str, reason: str, flags: tuple[str, ...]
) -> None:
    found = plain(address, upstream_bind_config=BIND_127)
    at = at_tls(found)
    picked, failed, _ = decided(stage.STAGE, at)
    after = decided(returning.STAGE, failed)[1]
    assert isinstance(after, AtReturn) and after.ending.status == 503
    assert after.ending.response_code_details == f"upstream_reset_before_response_started{{{details}}}"
    assert after.ending.body == (f"upstream connect error or disconnect/reset before headers. reset reason: {reason}")
    assert after.ending.response_flags == ("UF",)
    assert stage.explain(MESH, at, picked).deciding
    tcp = at_tls(found, via=tcp_via())
    failed = decided(stage.STAGE, tcp)[1]
    returned, after, _ = decided(returning.STAGE, failed)
    assert (after.ending.kind, after.ending.response_flags) == ("closed", flags)
    draft = Draft()
    returning.describe(MESH, failed, returned, draft)
    (hop,) = draft.hops
    assert hop.upstream_transport_failure_reason == details.partition("|")[2]
    assert hop.downstream_local_close_reason == "tcp_initializion_failure:0"
    assert [each.result for each in hop.attempts] == ["refused"]


def test_mutual_tls_by_the_endpoints_label() -> None:
    metadata = {"MESH_ID": "td", "NAMESPACE": "default", "SERVICE_ACCOUNT": "sleep"}
    at = at_tls(meshed(), owner=pod(dump(metadata=metadata)), alpn_override=OVERRIDE)
    picked, after, _ = decided(stage.STAGE, at)
    tls = after.conversation.tls
    assert picked.name == "tlsMode-istio"
    assert (tls.sni, tls.alpn) == (SNI, OVERRIDE)
    assert tls.client_certificate.uri_sans == ("spiffe://td/ns/default/sa/sleep",)
    hop = described(stage.STAGE, at, picked)
    assert (hop.tls.mode, hop.tls.sni, hop.tls.alpn_offered) == ("mtls", SNI, OVERRIDE)
    assert (hop.tls.san, hop.tls.transport_socket_match) == (("spiffe://td/ns/a/sa/b",), "tlsMode-istio")
    assert hop.tls.alpn is None and hop.tls.certificate_requested is None


def test_an_endpoint_without_the_label_is_spoken_to_in_plaintext() -> None:
    at = at_tls(meshed(labels={}), alpn_override=OVERRIDE)
    picked, after, _ = decided(stage.STAGE, at)
    assert after.conversation.tls is None
    hop = described(stage.STAGE, at, picked)
    assert (hop.tls.mode, hop.tls.transport_socket_match) == ("plaintext", "tlsMode-disabled")
    decision = stage.explain(MESH, at, picked)
    assert [each.label for each in decision.candidates if each.near_miss] == ["tlsMode-istio"]


def test_a_cluster_may_refuse_the_alpn_override() -> None:
    metadata = {"filter_metadata": {"istio": {"alpn_override": "false"}}}
    at = at_tls(meshed(metadata=metadata), alpn_override=OVERRIDE)
    assert decided(stage.STAGE, at)[1].conversation.tls.alpn == ("istio-peer-exchange", "istio")


@pytest.mark.parametrize(
    ("fields", "version", "wanted"),
    [
        ({}, "http/1.1", "http/1.1"),
        ({}, "http2", "http/1.1"),
        ({"http2_protocol_options": {}}, "http/1.1", "http2"),
        ({"protocol_selection": "USE_DOWNSTREAM_PROTOCOL"}, "http2", "http2"),
    ],
)
def test_the_request_leaves_in_the_clusters_version(fields: dict[str, Any], version: str, wanted: str) -> None:
    after = decided(stage.STAGE, at_tls(plain(**fields), conversation=said(version=version)))[1]
    assert after.conversation.protocol == wanted and after.conversation.request.version == wanted


def test_alpn_of_the_pool_where_nothing_is_configured() -> None:
    found = plain(transport_socket=tls_socket("x"), http2_protocol_options={})
    assert decided(stage.STAGE, at_tls(found))[1].conversation.tls.alpn == ("h2",)
    auto = plain(transport_socket=tls_socket("x"), typed_extension_protocol_options=http_options(auto_config={}))
    at = at_tls(auto)
    picked, after, _ = decided(stage.STAGE, at)
    assert after.conversation.tls.alpn == ("h2", "http/1.1")
    assert [each.code for each in stage.explain(MESH, at, picked).notes] == ["tls.version-by-alpn"]


def test_tcp_passes_what_the_client_says() -> None:
    opaque = Conversation("http/1.1", ClientTls("a.example", ("h2",)), payload="x")
    after = decided(stage.STAGE, at_tls(plain(), via=tcp_via(), conversation=opaque, alpn_override=OVERRIDE))[1]
    assert after.conversation is opaque


def test_tls_around_tcp_keeps_what_is_inside_unless_that_is_tls() -> None:
    waiting = Conversation("tcp", server_first=True)
    after = decided(stage.STAGE, at_tls(meshed(), via=tcp_via(), conversation=waiting))[1]
    assert after.conversation.server_first and after.conversation.tls.alpn == ("istio-peer-exchange", "istio")
    inside = Conversation("http/1.1", ClientTls("a.example"))
    at = at_tls(meshed(), via=tcp_via(), conversation=inside)
    picked, after, _ = decided(stage.STAGE, at)
    assert (after.conversation.protocol, after.conversation.tls.sni) == ("tcp", SNI)
    assert [each.code for each in stage.explain(MESH, at, picked).notes] == ["tls.around-client-tls"]


def test_auto_host_rewrite_sends_the_endpoints_own_name() -> None:
    found = cluster(static_cluster(locality(endpoint("10.0.0.1:80", hostname="h.example"))))
    at = at_tls(found, via=http_via(auto_host_rewrite=True, append_x_forwarded_host=True))
    picked, after, _ = decided(stage.STAGE, at)
    assert after.conversation.request.authority == "h.example"
    assert after.conversation.request.headers["x-forwarded-host"] == ("example.com",)
    draft = Draft()
    before = at_cluster("a", pod(dump(static_cluster())), via=at.via)
    cluster_stage.describe(MESH, before, found, draft)
    stage.describe(MESH, at, picked, draft)
    assert draft.hops[0].upstream is not None and draft.hops[0].upstream.authority == "h.example"


def test_the_proxy_protocol_header_carries_the_connections_addresses() -> None:
    kind = "type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
    raw = {"name": "envoy.transport_sockets.raw_buffer"}
    socket = {"name": "p", "typed_config": {"@type": kind, "transport_socket": raw}}
    for via in (http_via(), tcp_via()):
        header = decided(stage.STAGE, at_tls(plain(transport_socket=socket), via=via))[1].conversation.proxy_protocol
        assert (header.source, header.destination) == (f"{SLEEP}:40000", "10.0.0.5:80")


def test_an_unknown_socket_ends_unknown() -> None:
    quic = "type.googleapis.com/envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport"
    odd = at_tls(plain(transport_socket={"name": "q", "typed_config": {"@type": quic, "upstream_tls_context": {}}}))
    picked, after, chooser = decided(stage.STAGE, odd)
    assert isinstance(after, AtReturn) and after.ending.kind == "unknown" and after.frames is None
    assert stage.explain(MESH, odd, picked).deciding
    assert [assumed.code for assumed in chooser.assumptions] == ["upstream.transport-not-modelled"]
    assert described(stage.STAGE, odd, odd.cluster.transport.default).tls is None


def test_an_internal_listener_that_is_not_there_takes_no_connection() -> None:
    at = at_tls(plain())
    inside = evolve(at, endpoint=evolve(at.endpoint, name="envoy://x/", address=InternalAddress("x")))
    picked, after, _chooser = decided(stage.STAGE, inside)
    assert isinstance(after, AtReturn) and after.ending.kind == "not_connected"
    assert (
        after.ending.transport_failure_reason == "immediate_connect_error:_Invalid_argument|remote_address:envoy://x/"
    )
    assert stage.explain(MESH, inside, picked).reason.code == "upstream.no-internal-listener"


def test_a_pipe_leaves_what_is_modelled() -> None:
    at = at_tls(plain())
    pipe = evolve(at, endpoint=evolve(at.endpoint, name="./x", address=PipeAddress("./x")))
    _, after, chooser = decided(stage.STAGE, pipe)
    assert (after.ending.kind, after.ending.destination) == ("forwarded", "./x")
    assert [each.code for each in chooser.assumptions] == ["upstream.pipe-assumed"]


def test_the_pipe_of_istios_agent_is_not_in_doubt() -> None:
    at, path = at_tls(plain()), "./etc/istio/proxy/XDS"
    pipe = evolve(at, endpoint=evolve(at.endpoint, name=path, address=PipeAddress(path)))
    _, after, chooser = decided(stage.STAGE, pipe)
    assert (after.ending.kind, after.ending.destination, chooser.assumptions) == ("forwarded", path, [])
