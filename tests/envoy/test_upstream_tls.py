"""Which transport socket an endpoint gets, and what its TLS says."""

from typing import Any

import pytest

from meshsim.envoy.clusters import Cluster
from meshsim.envoy.upstream_hello import offered_alpn, server_name, wanted_san
from meshsim.envoy.upstream_protocol import UpstreamProtocol, pool_alpn
from meshsim.envoy.upstream_tls import UpstreamTls
from meshsim.explanation import Fate
from tests.builders_upstream import cluster, endpoint, http_options, locality, request, static_cluster, tls_socket

ISTIO = {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}, "transport_socket": tls_socket("x")}
PLAIN = {
    "name": "tlsMode-disabled",
    "match": {},
    "transport_socket": {
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"},
    },
}


def labelled(labels: Any, locality_labels: Any = None, **fields: Any) -> Cluster:
    place: dict[str, Any] = {}
    if locality_labels is not None:
        place["metadata"] = {"filter_metadata": {"envoy.transport_socket_match": locality_labels}}
    return cluster(static_cluster(locality(endpoint("10.0.0.1:80", labels=labels), **place), **fields))


def picked(found: Cluster) -> str:
    assert found.assignment is not None
    host = found.assignment.endpoints[0]
    socket = found.transport.pick(host)
    explained, candidates = found.transport.explain(host)
    assert explained is socket
    assert sum(each.fate is Fate.CHOSEN for each in candidates) == 1
    return socket.name


def row(name: str, match: Any) -> dict[str, Any]:
    return {"name": name, "match": match, "transport_socket": tls_socket(name)}


@pytest.mark.parametrize(
    ("labels", "locality_labels", "rows", "wanted"),
    [
        ({"tlsMode": "istio"}, None, [ISTIO, PLAIN], "tlsMode-istio"),
        ({"tlsMode": "disabled"}, None, [ISTIO, PLAIN], "tlsMode-disabled"),
        (None, None, [ISTIO, PLAIN], "tlsMode-disabled"),
        ({"tlsMode": "istio"}, None, [PLAIN, ISTIO], "tlsMode-disabled"),
        (None, {"tlsMode": "istio"}, [ISTIO], "tlsMode-istio"),
        (None, {"tlsMode": "istio"}, [ISTIO, PLAIN], "tlsMode-disabled"),
        ({"a": "1", "b": "2"}, None, [row("both", {"a": "1", "b": "2"})], "both"),
        ({"a": "1"}, None, [row("both", {"a": "1", "b": "2"})], "raw_buffer"),
        ({"a": 1}, None, [row("text", {"a": "1"})], "raw_buffer"),
        ({"a": "1"}, None, [row("number", {"a": 1})], "raw_buffer"),
        ({"a": 1.0}, None, [row("number", {"a": 1})], "number"),
        ({"a": True}, None, [row("number", {"a": 1})], "raw_buffer"),
        ({"a": ["1"]}, None, [row("text", {"a": "1"})], "raw_buffer"),
        ({"a": ["1"]}, None, [row("list", {"a": ["1"]})], "raw_buffer"),
        ({"a": "1"}, None, [], "raw_buffer"),
    ],
)
def test_the_first_row_whose_labels_all_hold(
    labels: Any, locality_labels: Any, rows: list[dict[str, Any]], wanted: str
) -> None:
    assert picked(labelled(labels, locality_labels, transport_socket_matches=rows)) == wanted


def test_a_match_beats_the_clusters_own_socket_and_none_falls_back_to_it() -> None:
    own = tls_socket("own")
    assert (
        picked(labelled({"tlsMode": "istio"}, transport_socket_matches=[ISTIO], transport_socket=own)) == ISTIO["name"]
    )
    assert picked(labelled(None, transport_socket_matches=[ISTIO], transport_socket=own)) == "transport_socket"


def test_modes() -> None:
    certificate = tls_socket("x", tls_certificate_sds_secret_configs=[{"name": "default"}])
    modes = [
        labelled(None, **({"transport_socket": socket} if socket else {})).transport.default.mode
        for socket in (None, tls_socket("x"), certificate)
    ]
    assert modes == ["plaintext", "tls", "mtls"]


def test_the_tls_context_of_old_clusters() -> None:
    own = labelled(None, tls_context={"sni": "old", "common_tls_context": {"alpn_protocols": ["h2"]}}).transport.default
    assert own.tls is not None and (own.tls.sni, own.tls.alpn) == ("old", ("h2",))


def test_wrappers_are_looked_through_and_unknown_sockets_named() -> None:
    base = "type.googleapis.com/envoy.extensions.transport_sockets."
    wrapped = {
        "name": "w",
        "typed_config": {
            "@type": base + "proxy_protocol.v3.ProxyProtocolUpstreamTransport",
            "transport_socket": tls_socket("inner"),
        },
    }
    own = labelled(None, transport_socket=wrapped).transport.default
    assert own.kind == "tls" and own.sends_proxy_protocol and own.tls is not None and own.tls.sni == "inner"
    context = {"@type": base + "quic.v3.QuicUpstreamTransport", "upstream_tls_context": {}}
    quic = {"name": "q", "typed_config": context}
    unknown = labelled(None, transport_socket=quic).transport.default
    assert unknown.kind == "envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport"


def context(**common: Any) -> UpstreamTls:
    tls = labelled(None, transport_socket=tls_socket("sni.example", **common)).transport.default.tls
    assert tls is not None
    return tls


def test_subject_alternative_names_and_secrets() -> None:
    names = [{"exact": "spiffe://td/ns/a/sa/b"}, {"prefix": "spiffe://td/"}, {"safe_regex": {"regex": ".*"}}]
    combined = {
        "default_validation_context": {"match_subject_alt_names": names},
        "validation_context_sds_secret_config": {"name": "ROOTCA"},
    }
    tls = context(combined_validation_context=combined, tls_certificate_sds_secret_configs=[{"name": "default"}])
    assert tls.san == ("spiffe://td/ns/a/sa/b", "prefix:spiffe://td/", "regex:.*")
    assert tls.secrets == ("default", "ROOTCA") and tls.client_certificate and tls.validates
    typed = [{"san_type": "DNS", "matcher": {"exact": "a.example"}}]
    assert context(validation_context={"match_typed_subject_alt_names": typed}).san == ("a.example",)
    assert not context().validates


def host(hostname: str) -> Any:
    found = cluster(static_cluster(locality(endpoint("10.0.0.1:80", hostname=hostname)))).assignment
    assert found is not None
    return found.endpoints[0]


AUTO = UpstreamProtocol(auto_sni=True)


@pytest.mark.parametrize(
    ("protocol", "auto_host", "hostname", "authority", "wanted"),
    [
        (UpstreamProtocol(), False, "h.example", "a.example:80", "sni.example"),
        (UpstreamProtocol(), True, "h.example", "a.example", "h.example"),
        (UpstreamProtocol(), True, "", "a.example", "sni.example"),
        (AUTO, True, "h.example", "a.example:80", "a.example"),
        (AUTO, True, "h.example", "10.0.0.1:80", "h.example"),
        (AUTO, False, "", "[::1]:80", "sni.example"),
        (AUTO, False, "", None, "sni.example"),
        (UpstreamProtocol(auto_sni=True, auto_sni_header="x-host"), False, "", "a.example", "from.header"),
    ],
)
def test_server_name(
    protocol: UpstreamProtocol, auto_host: bool, hostname: str, authority: str | None, wanted: str
) -> None:
    tls = context()
    tls.auto_host_sni = auto_host
    sent = request(authority=authority, headers={"x-host": ("from.header:1",)})
    assert server_name(tls, protocol, host(hostname), sent) == wanted


def test_without_http_the_authority_has_no_say_and_no_sni_may_be_sent() -> None:
    tls = context()
    assert server_name(tls, AUTO, host(""), None) == "sni.example"
    tls.sni = ""
    assert server_name(tls, AUTO, host(""), None) is None


def test_auto_san_validation_replaces_the_configured_names() -> None:
    matchers = [{"exact": "spiffe://td/x"}]
    tls = context(validation_context={"match_subject_alt_names": matchers})
    strict = UpstreamProtocol(auto_sni=True, auto_san_validation=True)
    assert wanted_san(tls, strict, "a.example", request(authority="a.example:80")) == ("a.example",)
    assert wanted_san(tls, strict, "a.example", None) == ("spiffe://td/x",)


def test_alpn_is_the_override_then_the_list_then_the_pool() -> None:
    tls = context(alpn_protocols=["istio"])
    assert offered_alpn(tls, ("istio-h2", "h2"), ("h2",)) == ("istio-h2", "h2")
    assert offered_alpn(tls, (), ("h2",)) == ("istio",)
    assert offered_alpn(context(), (), pool_alpn(("http2", "http/1.1"))) == ("h2", "http/1.1")


def test_http_options_are_read_for_sni() -> None:
    options = http_options(
        explicit_http_config={"http_protocol_options": {}},
        upstream_http_protocol_options={"auto_sni": True, "override_auto_sni_header": "X-Host"},
    )
    protocol = cluster({"name": "a", "typed_extension_protocol_options": options}).protocol
    assert protocol.auto_sni and protocol.auto_sni_header == "x-host"
