"""Istio's names taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.istio.identity import workload_identity
from meshsim.istio.names import ClusterName, parse_cluster_name, parse_config_path, parse_sni

HOST = "reviews.default.svc.cluster.local"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (f"outbound|80|v1|{HOST}", ClusterName("outbound", 80, "v1", HOST)),
        (f"outbound|80||{HOST}", ClusterName("outbound", 80, None, HOST)),
        ("inbound|8080||", ClusterName("inbound", 8080, None, None)),
        (f"inbound|80|http|{HOST}", ClusterName("inbound", 80, None, HOST)),
        ("inbound-vip|80|http|a.b", ClusterName("inbound-vip", 80, "http", "a.b")),
        ("PassthroughCluster", None),
        ("outbound|http||a", None),
        ("outbound|70000||a", None),
        ("sideways|80||a", None),
        ("outbound|80|a", None),
    ],
)
def test_cluster_names(name: str, wanted: ClusterName | None) -> None:
    assert parse_cluster_name(name) == wanted


def test_sni_names_are_cluster_names_in_another_spelling() -> None:
    assert parse_sni(f"outbound_.80_.v1_.{HOST}") == parse_cluster_name(f"outbound|80|v1|{HOST}")
    assert parse_sni("outbound_.9080_._.a_.b") == ClusterName("outbound", 9080, None, "a_.b")
    assert parse_sni("example.com") is None


@given(st.integers(0, 65535), st.from_regex(r"[a-z0-9-]{0,8}", fullmatch=True), st.sampled_from(["a.b", "x"]))
def test_every_outbound_name_comes_back(port: int, subset: str, host: str) -> None:
    found = parse_cluster_name(f"outbound|{port}|{subset}|{host}")
    assert found == ClusterName("outbound", port, subset or None, host)
    assert parse_sni(f"outbound_.{port}_.{subset}_.{host}") == found


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (
            "/apis/networking.istio.io/v1alpha3/namespaces/default/destination-rule/reviews",
            "DestinationRule default/reviews",
        ),
        ("/apis/networking/v1alpha3/namespaces/bookinfo/virtual-service/reviews", "VirtualService bookinfo/reviews"),
        ("/apis/networking.istio.io/v1/destination-rule/reviews", None),
        ("reviews", None),
    ],
)
def test_config_paths(path: str, wanted: str | None) -> None:
    assert parse_config_path(path) == wanted


def test_a_workload_without_all_parts_has_no_identity() -> None:
    metadata = {"MESH_ID": "cluster.local", "NAMESPACE": "default", "SERVICE_ACCOUNT": "sleep"}
    assert workload_identity(metadata) == "spiffe://cluster.local/ns/default/sa/sleep"
    for key in metadata:
        assert workload_identity({**metadata, key: ""}) is None
        assert workload_identity({**metadata, key: 1}) is None
