"""Every file that others published: read with the counts of the index, or refused by name and reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshsim.config.bootstrap import read_bootstrap
from meshsim.config.capture import load_capture
from meshsim.config.cluster_statuses import read_cluster_statuses
from meshsim.config.config_dump import read_config_dump
from meshsim.config.detect import recognise
from meshsim.config.documents import Kind, Library, locate, read_text
from meshsim.config.resources import read_resources
from meshsim.errors import InputError, MeshsimError, Rejected, Unsupported

DATA = Path(__file__).parents[3] / "shared" / "data"
INDEX = DATA / "INDEX.tsv"

pytestmark = pytest.mark.skipif(not INDEX.exists(), reason="../shared/data is not beside this checkout")


def rows(kind: str = "") -> list[dict[str, str]]:
    if not INDEX.exists():
        return []
    header, *lines = INDEX.read_text().splitlines()
    found = [dict(zip(header.split("\t"), line.split("\t"), strict=False)) for line in lines]
    return [row for row in found if not kind or row["kind"] == kind]


def dumps(api: str) -> list[Any]:
    return [pytest.param(row, id=row["file"]) for row in rows("config_dump") if row["envoy_api"] == api]


SECTION_LETTERS = {
    "bootstrap": "B", "clusters": "C", "listeners": "L", "routes": "R", "endpoints": "E", "secrets": "S", "ecds": "X",
}  # fmt: skip


def route_tables(value: Any) -> Iterator[dict[str, Any]]:
    """Route configurations written inline in a listener."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("route_config", "routeConfig") and ("virtual_hosts" in below or "virtualHosts" in below):
                yield below
            else:
                yield from route_tables(below)
    elif isinstance(value, list):
        for below in value:
            yield from route_tables(below)


@pytest.mark.parametrize("row", dumps("v3"))
def test_v3_dumps_have_the_counts_of_the_index(row: dict[str, str]) -> None:
    proxy = read_config_dump(recognise(read_text(DATA / row["file"])))
    assert proxy.sections, row["file"]
    stated = {SECTION_LETTERS[name] for name in proxy.sections if name in SECTION_LETTERS}
    assert set(row["sections"]) <= stated
    listeners = [state for state in proxy.listeners.values() if state.view is not None]
    assert len(listeners) == int(row["listeners"])
    assert len(proxy.clusters) == int(row["clusters"])
    refused = [error.failed for state in proxy.listeners.values() for error in state.errors]
    held = [state.view for state in listeners] + refused
    inline = [table for view in held if view is not None for table in route_tables(view.data)]
    assert len(proxy.route_configs) + len(proxy.static_route_configs) + len(inline) == int(row["route_configs"])
    hosts = [
        table.get("virtual_hosts", table.get("virtualHosts", []))
        for table in [
            *inline,
            *(state.view.data for state in (*proxy.route_configs.values(), *proxy.static_route_configs) if state.view),
        ]
    ]
    assert sum(map(len, hosts)) == int(row["vhosts"])


@pytest.mark.parametrize("row", dumps("v2"))
def test_v2_dumps_are_refused_by_name(row: dict[str, str]) -> None:
    with pytest.raises(Unsupported, match="v2 API") as caught:
        recognise(read_text(DATA / row["file"]))
    assert caught.value.place is not None
    assert caught.value.place.path
    assert "1.8" in caught.value.hint


@pytest.mark.parametrize("row", [pytest.param(row, id=row["file"]) for row in rows("ztunnel-dump")])
def test_other_kinds_are_refused_by_name(row: dict[str, str]) -> None:
    with pytest.raises(Unsupported) as caught:
        recognise(read_text(DATA / row["file"]))
    assert caught.value.hint


PARTIAL = {
    Kind.BOOTSTRAP: read_bootstrap,
    Kind.RESOURCES: read_resources,
    Kind.CLUSTER_STATUSES: read_cluster_statuses,
}
SHAPED = [
    pytest.param(row, id=row["file"])
    for kind in ("xds", "istioctl-json", "clusters-endpoint-json", "route-config", "bootstrap")
    for row in rows(kind)
]


@pytest.mark.parametrize("row", SHAPED)
def test_other_shapes_have_the_counts_of_the_index(row: dict[str, str]) -> None:
    try:
        document = recognise(read_text(DATA / row["file"]))
    except MeshsimError as error:
        assert row["file"].endswith(UNREADABLE), error
        assert error.hint
        assert error.place is not None
        return
    proxy = PARTIAL[document.kind](document)
    found = sum(len(view.views("host_statuses")) for view in proxy.cluster_statuses.values())
    if document.kind is Kind.CLUSTER_STATUSES:
        assert found == int(row["endpoints"])
    if row["file"].endswith(COUNTED_OTHERWISE):
        return
    assert len(proxy.listeners) == int(row["listeners"])
    assert len(proxy.clusters) == int(row["clusters"])
    if document.kind is Kind.RESOURCES:
        inline = [table for state in proxy.listeners.values() if state.view for table in route_tables(state.view.data)]
        tables = len(proxy.route_configs) + len(proxy.static_route_configs) + len(inline)
        assert tables == int(row["route_configs"]) or row["file"].endswith("route.json")


COUNTED_OTHERWISE = (
    # the index leaves out clusters with no fields but name and type, and tables without virtual hosts
    *("listener-tcp-without-route.yaml", "tcp-multiple-tls-passthrough-no-routes.yaml", "dlb.yaml"),
    *("tcp-route-with-no-routes.yaml", "udp-route-with-no-routes.yaml", "life-of-a-request.yaml"),
    *("gateway-tls-frontend.yaml", "http3.yaml"),
    # and counts what only looks like one
    *("generic_proxy_filter.yaml", "inbound-permissive-rules.test-server.golden.json"),
    "inbound-permissive.test-server.golden.json",
)
UNREADABLE = (
    # xDS as Go prints its structures, one of them with a missing comma
    *("mode_none.cds.json", "mode_none.ecds.json", "mode_none.eds.json", "mode_none.lds_tcp.json"),
    *("mode_none.rds.json", "mode_none.lds_http.json"),
    # a trailing comma
    "productpage-envoy-rev0.bootstrap.json",
    # a summary of routes, no xDS
    *(f"hostsem-{name}-expected.json" for name in ("basic", "cleartextonly", "disjoint-hosts", "hostsel", "minimal")),
    # v2 API
    *("foo.httpbin.listener.json", "foo.sleep.listener.json"),
)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["file"]) for row in rows("iptables-text")])
def test_rules_are_told_by_content(row: dict[str, str]) -> None:
    assert recognise(read_text(DATA / row["file"])).kind is Kind.IPTABLES


def test_malformed_files_name_line_and_remedy() -> None:
    for name, line in (
        ("config_dumps/istio/mode_none.lds_http.json", 222),
        ("router-check/TestRoutes.golden.proto.json", 380),
    ):
        with pytest.raises(InputError) as caught:
            recognise(read_text(DATA / name))
        assert caught.value.place is not None
        assert caught.value.place.line == line
        assert caught.value.hint


def test_no_small_file_raises_anything_else() -> None:
    for row in rows():
        if int(row["bytes"]) > 40_000:
            continue
        try:
            document = recognise(read_text(DATA / row["file"]))
        except (InputError, Unsupported, Rejected) as error:
            assert error.place is not None
            assert error.hint
        else:
            assert document.kind in Kind


def test_the_rejected_inbound_listener_is_told_with_reason_and_time() -> None:
    library = Library()
    (pod,) = load_capture(
        [
            str(DATA / "config_dumps/deathstarbench-geo-sidecar.json"),
            str(DATA / "iptables-captured/istio-sidecar-2022.iptables-save"),
        ],
        library,
    )
    assert pod.name.endswith(".hr2")
    assert pod.rules_v4 is not None
    assert pod.proxy is not None
    inbound = pod.proxy.listeners["virtualInbound"]
    assert inbound.view is None
    error = inbound.error_state
    assert error is not None
    assert "specifier" in error.details
    assert error.last_update_attempt == "2025-02-17T15:17:48.372Z"
    assert library.locate(error.place).line == 60998


def test_lines_of_a_whole_dump() -> None:
    document = recognise(read_text(DATA / "config_dumps/istio/authz.yaml"))
    text = document.source.text().splitlines()
    for state in read_config_dump(document).listeners.values():
        assert state.view is not None
        if not state.view.has("name"):
            continue
        line = locate(document, (*state.view.place.path, "name"))
        assert line is not None
        assert f'"name": "{state.name}"' in text[line - 1]
