"""Every published config dump is read, and calls taken from its own listeners and routes answer.

The dumps lie beside the project; where they are absent there is nothing to walk.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

import meshsim
from meshsim.address import V6_BIT, format_endpoint, parse_ip
from meshsim.envoy.proxy import Proxy
from meshsim.facts.call import Call
from meshsim.facts.conversation import ClientTls
from meshsim.mesh import Pod
from meshsim.render.json import document
from tests.schema_check import check_trace

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SOMEWHERE = {False: parse_ip("10.1.2.3"), True: parse_ip("fd00::3")}
CALLS_A_POD = 10


def rows() -> list[dict[str, str]]:
    index = DATA / "INDEX.tsv"
    if not index.exists():
        return []
    with index.open(encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines, delimiter="\t") if row["file"].startswith("config_dumps/")]


DUMPS = [row for row in rows() if row["kind"] == "config_dump"]
V3 = [row["file"] for row in DUMPS if row["envoy_api"] == "v3"]
REFUSED = {row["file"]: "v2" for row in DUMPS if row["envoy_api"] == "v2"}
REFUSED |= {row["file"]: "ztunnel" for row in rows() if row["kind"] == "ztunnel-dump"}
NOT_JSON = [row["file"] for row in rows() if any("not strict JSON" in str(value) for value in row.values())]

pytestmark = pytest.mark.skipif(not DUMPS, reason="the published dumps are not beside the project")


def hosts(proxy: Proxy, port: int) -> list[str]:
    """Names its own routes know, those of the port first."""
    tables = [(name, proxy.route_table(name)) for name in proxy.document.route_configs]
    tables.sort(key=lambda entry: str(port) not in entry[0])
    found = [vhost.domains[0].text for _name, table in tables if table for vhost in table.vhosts if vhost.domains]
    return [host.replace("*", "any.example") for host in found[:2]] or ["any.example"]


def calls(pod: Pod) -> Iterator[Call]:
    """From inside for a sidecar; from outside to each bound listener for anything else, and to a sidecar's ports."""
    assert pod.proxy is not None
    sidecar = pod.proxy.kind == "sidecar"
    for listener in pod.proxy.listeners.listeners:
        for ip, port in listener.addresses[:1]:
            target = format_endpoint(ip if ip not in (0, V6_BIT) else SOMEWHERE[ip >= V6_BIT], port)
            for host in hosts(pod.proxy, port):
                plain = Call(destination=target, authority=host)
                if not sidecar:
                    plain = plain.with_fields(direction="inbound", pod=pod.name)
                yield plain
                yield plain.with_fields(protocol="tcp", payload="hello\n")
                yield plain.with_fields(tls=ClientTls(sni=host, alpn=("h2", "http/1.1")))


@pytest.mark.parametrize("file", V3)
def test_a_v3_dump_is_read_and_answers(file: str) -> None:
    mesh = meshsim.load(DATA / file)
    for pod in mesh.pods:
        asked = list(calls(pod))
        step = max(1, len(asked) // CALLS_A_POD)
        for call in asked[::step]:
            trace = mesh.trace(call)
            check_trace(document(trace.report(decisions=True), depth=2))
            [again] = mesh.traces([call])
            assert (again.outcome, again.assumptions) == (trace.outcome, trace.assumptions)
        if pod.proxy is not None and pod.proxy.kind == "sidecar":
            inbound = Call(destination=format_endpoint(pod.addresses[0], 8080), direction="inbound", pod=pod.name)
            check_trace(document(mesh.trace(inbound).report()))


@pytest.mark.parametrize("file", [file for file in V3 if "/istio/routes." in file or "/istio/describe." in file])
def test_a_dump_without_listeners_says_what_is_missing(file: str) -> None:
    mesh = meshsim.load(DATA / file)
    trace = mesh.trace(Call(destination="10.0.0.5:80", direction="inbound"))
    assert trace.outcome.kind == "unknown"
    assert trace.outcome.why.code == "hook.no-listeners"


@pytest.mark.parametrize(("file", "name"), REFUSED.items())
def test_what_is_not_read_is_refused_by_name(file: str, name: str) -> None:
    with pytest.raises(meshsim.Unsupported) as caught:
        meshsim.load(DATA / file)
    assert name in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("file", NOT_JSON)
def test_malformed_files_are_refused_with_the_line(file: str) -> None:
    with pytest.raises(meshsim.InputError) as caught:
        meshsim.load(DATA / file)
    assert caught.value.place is not None
    assert caught.value.place.line


def test_an_inbound_call_to_a_rejected_listener_says_so_in_envoys_words() -> None:
    dump = DATA / "config_dumps/deathstarbench-geo-sidecar.json"
    rules = DATA / "iptables-captured/istio-sidecar-2022.iptables-save"
    trace = meshsim.load(dump, rules).trace(Call(destination="172.16.188.31:8083", direction="inbound"))
    assert trace.outcome.kind == "refused"
    assert trace.outcome.why.code == "hook.refused-listener-rejected"
    assert trace.outcome.why.fact("time") == "2025-02-17T15:17:48.372Z"
    assert "LuaValidationError" in trace.outcome.why.fact("error")
