"""The tally of fields: each fate is told as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import corpus

LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
CLUSTER: dict[str, Any] = {
    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "name": "c",
    "type": "STATIC",
    "connect_timeout": "1s",
    "lbPolicy": "RING_HASH",
    "metadata": {"filter_metadata": {"istio": {"services": [{"host": "a"}]}}},
    "no_such_field_yet": 1,
}


@pytest.fixture
def found(tmp_path: Path) -> dict[tuple[str, str], str]:
    config = {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "static_clusters": [{"cluster": CLUSTER}],
    }
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"configs": [config]}))
    made = corpus.tally([path])
    return {field: next(each for each in corpus.ORDER if fates[each]) for field, fates in made.items()}


@pytest.mark.parametrize(
    ("field", "fate"),
    [
        ("type", corpus.MODELLED),
        ("lb_policy", corpus.MODELLED),
        ("no_such_field_yet", corpus.REPORTED),
        ("metadata.filter_metadata.istio.services.host", corpus.HARMLESS),
    ],
)
def test_what_became_of_a_field(found: dict[tuple[str, str], str], field: str, fate: str) -> None:
    assert found["envoy.config.cluster.v3.Cluster", field] == fate


def test_a_refused_file_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    assert corpus.tally([tmp_path / "bad.json"]) == {}
