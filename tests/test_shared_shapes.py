"""Every other published shape of configuration is read too, and calls through it answer.

Bootstraps, xDS of gateways and meshes, istioctl's lists, /clusters. Where the files are absent, nothing is walked.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import meshsim
from meshsim.address import is_loopback, parse_endpoint
from meshsim.facts.call import Call
from meshsim.render.json import document
from tests.schema_check import check_trace
from tests.test_shared_dumps import DATA, calls

KINDS = ("xds", "istioctl-json", "clusters-endpoint-json", "bootstrap")
CALLS_A_FILE = 6


def rows() -> list[dict[str, str]]:
    index = DATA / "INDEX.tsv"
    if not index.exists():
        return []
    header, *lines = index.read_text(encoding="utf-8").splitlines()
    names = header.split("\t")
    found = [dict(zip(names, line.split("\t"), strict=False)) for line in lines]
    return [row for row in found if row["kind"] in KINDS]


ROWS = rows()
GO_JSON = ("mode_none.cds.json", "mode_none.ecds.json", "mode_none.eds.json", "mode_none.lds_tcp.json")
REFUSED = {
    **dict.fromkeys(GO_JSON, "Go prints"),
    "mode_none.rds.json": "Go prints",
    "mode_none.lds_http.json": "expected a comma",
    "productpage-envoy-rev0.bootstrap.json": "comma",
    "foo.httpbin.listener.json": "v2 API",
    "foo.sleep.listener.json": "v2 API",
    **{
        f"hostsem-{name}-expected.json": "no kind"
        for name in ("basic", "cleartextonly", "disjoint-hosts", "hostsel", "minimal")
    },
}
ENVOY_REFUSES = (
    "client-listener-scoped-timeout.yaml",
    "client-timeout.yaml",
    "local-ratelimit-distinct.yaml",
    "multiple-listeners-same-port-max-request-headers-kb.yaml",
    "multiple-listeners-same-port.yaml",
    "multiple-simple-tcp-route-same-port.yaml",
)
"""Two `*` domains in one table, two filter chains alike, or a token bucket that is never filled."""

READ = [row["file"] for row in ROWS if Path(row["file"]).name not in REFUSED]

pytestmark = pytest.mark.skipif(not ROWS, reason="the published files are not beside the project")


def asked(mesh: meshsim.Mesh) -> list[Call]:
    (pod,) = mesh.pods
    found = []
    for call in calls(pod):
        loopback = call.destination is not None and is_loopback(parse_endpoint(call.destination)[0])
        # From outside, nothing comes to a loopback address.
        found.append(call.with_fields(direction="outbound", pod=None) if loopback else call)
    somewhere = Call(destination="10.0.0.5:80", direction="inbound", pod=pod.name)
    return found[:: max(1, len(found) // CALLS_A_FILE)] or [somewhere]


@pytest.mark.parametrize("file", READ)
def test_a_file_is_read_and_answers(file: str) -> None:
    mesh = meshsim.load(DATA / file)
    try:
        for call in asked(mesh):
            trace = mesh.trace(call)
            check_trace(document(trace.report(decisions=True), depth=2))
            assert trace.outcome.why.code != "hook.no-configuration"
    except meshsim.Rejected:
        assert file.endswith(ENVOY_REFUSES)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["file"]) for row in ROWS if row["file"] not in READ])
def test_what_is_not_read_is_refused_with_its_reason(row: dict[str, str]) -> None:
    with pytest.raises(meshsim.MeshsimError) as caught:
        meshsim.load(DATA / row["file"])
    assert REFUSED[Path(row["file"]).name] in caught.value.message
    assert caught.value.place is not None
    assert caught.value.hint


PAIR = {
    "gateway": "config_dumps/unlicensed/openshift-ingressgateway.json",
    "app": "config_dumps/unlicensed/openshift-app-sidecar.json",
}
FROM_OUTSIDE = Call(from_="outside", destination="10.130.0.29:8080", authority="x.example", path="/dani")
CLUSTER = "outbound|8080||hello-openshift.vanilla-playground.svc.cluster.local"
STATUSES = """{"cluster_statuses": [{"name": "%s", "host_statuses": [
  {"address": {"socket_address": {"address": "10.129.0.60", "port_value": 8080}},
   "health_status": {"eds_health_status": "HEALTHY"}, "weight": 1,
   "locality": {"region": "eu-west-1", "zone": "eu-west-1c"}}]}]}
"""


def pair(*more: str) -> meshsim.Mesh:
    return meshsim.load(*(f"{pod}={DATA / file}" for pod, file in PAIR.items()), *more)


def test_without_endpoints_the_gateway_says_that_they_are_missing() -> None:
    trace = pair().trace(FROM_OUTSIDE)
    assert trace.outcome.kind == "forwarded"
    assert trace.outcome.destination is None
    assert "endpoints-not-in-dump" in [reason.code for reason in trace.assumptions]
    (hop,) = trace.hops
    assert (hop.cluster, hop.endpoint, hop.attempts) == (CLUSTER, None, ())


def test_with_clusters_output_the_gateway_reaches_the_sidecar_by_mutual_tls(tmp_path: Path) -> None:
    (tmp_path / "clusters.json").write_text(STATUSES % CLUSTER)
    trace = pair(f"gateway={tmp_path / 'clusters.json'}").trace(FROM_OUTSIDE)
    assert (trace.outcome.kind, trace.outcome.pod) == ("delivered", "app")
    gateway, app = trace.hops
    assert gateway.endpoint == "10.129.0.60:8080"
    assert gateway.tls is not None
    assert (gateway.tls.mode, gateway.tls.transport_socket_match) == ("mtls", "tlsMode-istio")
    assert gateway.origin == {"route": "VirtualService vanilla-playground/external-traffic-vs"}
    assert (app.from_hop, app.cluster, app.listener) == (0, "inbound|8080||", "virtualInbound")
    assert app.downstream is not None
    assert app.downstream.tls is not None
    assert app.downstream.tls.peer is not None
    assert app.downstream.tls.peer.validated
    assert {reason.code for reason in trace.assumptions} == {"hook.application-assumed"}


def test_istioctls_four_files_are_one_pod() -> None:
    folder = DATA / "config_dumps/unlicensed/security-istioctl"
    parts = [folder / f"foo.sleep.{part}.json" for part in ("bootstrap", "cluster", "endpoint", "route")]
    (pod,) = meshsim.load(*parts).pods
    assert pod.name == "sleep-5df446886-5k588.foo"
    assert pod.proxy is not None
    assert pod.proxy.document.sections == {"bootstrap", "clusters", "routes"}
    assignment = pod.proxy.assignment("outbound|9901||istio-galley.istio-system.svc.cluster.local")
    assert assignment is not None
    assert assignment.endpoints
