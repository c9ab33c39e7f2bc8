"""/clusters and istioctl's endpoints: hosts by cluster, and by the name EDS has for it."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.cluster_statuses import find_cluster_statuses, read_cluster_statuses
from meshsim.config.documents import Kind
from tests.config.texts import of

HOST = {"address": {"socketAddress": {"address": "10.0.0.7", "portValue": 80}}, "weight": 1}


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"cluster_statuses": [{"name": "c", "host_statuses": [HOST]}]}, "f#/cluster_statuses/0"),
        ({"clusterStatuses": [{"name": "c", "hostStatuses": [HOST]}]}, "f#/clusterStatuses/0"),
        ([{"name": "c", "hostStatuses": [HOST]}, {"name": "empty"}], "f#/0"),
    ],
)
def test_each_shape_gives_the_hosts_of_a_cluster(data: Any, pointer: str) -> None:
    document = of(data)
    assert document.kind is Kind.CLUSTER_STATUSES
    proxy = read_cluster_statuses(document)
    status = proxy.cluster_statuses["c"]
    assert str(status.place) == pointer
    assert len(status.views("host_statuses")) == 1
    assert (proxy.sections, dict(proxy.endpoints)) == (frozenset(), {})


def test_the_eds_name_finds_it_too_unless_a_cluster_has_that_name() -> None:
    listed = [{"name": "a", "eds_service_name": "b"}, {"name": "b"}, {"name": "c", "eds_service_name": "d"}]
    found = read_cluster_statuses(of({"cluster_statuses": listed})).cluster_statuses
    assert {key: view.text("name") for key, view in found.items()} == {"a": "a", "b": "b", "c": "c", "d": "c"}


def test_a_list_of_clusters_without_hosts_is_no_status() -> None:
    assert find_cluster_statuses([{"name": "c", "type": "EDS"}]) is None
    assert find_cluster_statuses([]) is None
