"""Where a pod's packet rules come from: its file, the given flags, the metadata, the default sidecar, in that order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import meshsim
from meshsim.address import parse_prefix
from meshsim.cli.main import entry_point
from meshsim.errors import InputError
from meshsim.istio.iptables import default_sidecar_rules
from meshsim.mesh import Pod
from meshsim.packet_rules import ARGUMENTS_DOCUMENT, DEFAULT_RULES_DOCUMENT, METADATA_DOCUMENT, arguments_by_pod

TRAFFIC = "traffic.sidecar.istio.io/"


def dump(name: str, ip: str = "10.0.0.1", **metadata: Any) -> str:
    node = {"id": f"sidecar~{ip}~{name}.ns~ns.svc.cluster.local", "metadata": metadata}
    section = {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {"node": node}}
    return json.dumps({"configs": [section]})


OUTBOUND = {
    "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
    "name": "virtualOutbound",
    "address": {"socket_address": {"address": "0.0.0.0", "port_value": 15001}},
    "filter_chains": [],
}
LISTENERS = {
    "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
    "dynamic_listeners": [{"name": "virtualOutbound", "active_state": {"listener": OUTBOUND}}],
}


def load(folder: Path, files: dict[str, str], *istio_iptables: str) -> dict[str, Pod]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    made = meshsim.load(*(str(folder / name) for name in files), istio_iptables=istio_iptables)
    return {pod.name: pod for pod in made.pods}


def source(pod: Pod) -> str | None:
    rules = pod.netns.rules_v4
    return next(rules.rules()).place.doc if rules is not None else None


def texts(pod: Pod) -> list[str]:
    assert pod.netns.rules_v4 is not None
    return [rule.text for rule in pod.netns.rules_v4.rules()]


def test_the_rules_file_comes_first(tmp_path: Path) -> None:
    files = {
        "dump.json": dump("a", ANNOTATIONS={TRAFFIC + "includeInboundPorts": "80"}),
        "rules": default_sidecar_rules(),
    }
    (pod,) = load(tmp_path, files, "-b 90").values()
    assert source(pod) not in (ARGUMENTS_DOCUMENT, METADATA_DOCUMENT, DEFAULT_RULES_DOCUMENT)
    assert pod.assumptions == ()


def test_then_the_given_flags(tmp_path: Path) -> None:
    (pod,) = load(
        tmp_path, {"dump.json": dump("a", ANNOTATIONS={TRAFFIC + "includeInboundPorts": "80"})}, "-b 90"
    ).values()
    assert source(pod) == ARGUMENTS_DOCUMENT
    assert any("--dport 90 -j ISTIO_IN_REDIRECT" in text for text in texts(pod))
    assert pod.assumptions == ()


def test_then_the_metadata(tmp_path: Path) -> None:
    (pod,) = load(tmp_path, {"dump.json": dump("a", ANNOTATIONS={TRAFFIC + "includeInboundPorts": "80"})}).values()
    assert source(pod) == METADATA_DOCUMENT
    assert any("--dport 80 -j ISTIO_IN_REDIRECT" in text for text in texts(pod))
    assert pod.assumptions == ()


@pytest.mark.parametrize("metadata", [{}, {"INTERCEPTION_MODE": "REDIRECT"}])
def test_then_the_default_sidecar_as_an_assumption(metadata: dict[str, Any], tmp_path: Path) -> None:
    (pod,) = load(tmp_path, {"dump.json": dump("a", **metadata)}).values()
    assert source(pod) == DEFAULT_RULES_DOCUMENT
    assert pod.netns.rules_v4 is not None
    assert pod.netns.rules_v4.save_text() == default_sidecar_rules()
    assert [reason.code for reason in pod.assumptions] == ["hook.rules-assumed"]


def test_annotations_nobody_can_have_run_with_leave_the_default(tmp_path: Path) -> None:
    (pod,) = load(tmp_path, {"dump.json": dump("a", ANNOTATIONS={TRAFFIC + "includeInboundPorts": "http"})}).values()
    assert source(pod) == DEFAULT_RULES_DOCUMENT
    assert pod.assumptions


def test_a_pod_in_mode_none_has_no_rules(tmp_path: Path) -> None:
    (pod,) = load(tmp_path, {"dump.json": dump("a", INTERCEPTION_MODE="NONE")}).values()
    assert source(pod) is None
    assert pod.assumptions == ()


def test_the_first_address_decides_about_ipv6(tmp_path: Path) -> None:
    files = {"a.json": dump("a", "fd00::1"), "b.json": dump("b", "10.0.0.2")}
    pods = load(tmp_path, files, "-b '*' -i '*'")
    rules = pods["a.ns"].netns.rules_v6
    assert rules is not None
    assert any("::6/128" in rule.text for rule in rules.rules())
    assert parse_prefix("::6/128") in pods["a.ns"].netns.interfaces["lo"]
    assert pods["b.ns"].netns.rules_v6 is None


def test_flags_of_one_pod(tmp_path: Path) -> None:
    pods = load(tmp_path, {"a.json": dump("a"), "b.json": dump("b", "10.0.0.2")}, "a=-b 90", "REDIRECT_DNS=true -b 91")
    assert any("--dport 90 " in text for text in texts(pods["a.ns"]))
    assert any("--dport 91 " in text for text in texts(pods["b.ns"]))


def test_tproxy_brings_its_routes(tmp_path: Path) -> None:
    (pod,) = load(tmp_path, {"dump.json": dump("a")}, "-m TPROXY -b '*'").values()
    (rule,) = pod.netns.routing_rules_v4
    assert (rule.mark, rule.table) == (1337, "133")
    assert [(route.kind, route.table) for route in pod.netns.routes] == [("local", "133")]


def test_resolvers_stand_among_the_flags(tmp_path: Path) -> None:
    (pod,) = load(tmp_path, {"dump.json": dump("a")}, "REDIRECT_DNS=true -i '*' --dns-server 10.96.0.10").values()
    assert any("-d 10.96.0.10/32 -p udp" in text and "15053" in text for text in texts(pod))


@pytest.mark.parametrize(
    "given", [("--dns-server=here",), ("--dns-server",), ("nobody=-b 80",), ("-b http",), ("-b 80", "-b 90")]
)
def test_flags_that_fit_nothing_are_refused(given: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, {"dump.json": dump("a")}, *given)
    assert caught.value.hint


def test_a_variable_is_no_pod() -> None:
    assert arguments_by_pod(["DUAL_STACK=true -p 1", "reviews-v1=-p 2"]) == {
        "": "DUAL_STACK=true -p 1",
        "reviews-v1": "-p 2",
    }


def test_the_trace_command_says_when_flags_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry_point(["trace", "--dst", "10.0.0.5:80", "--istio-iptables", "-b 80"]) == 0
    assert "--istio-iptables has no effect" in capsys.readouterr().err


def test_excluded_ports_let_a_call_pass_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dump.json").write_text(dump("a"), encoding="utf-8")
    command = ["trace", "-c", str(tmp_path / "dump.json"), "--dst", "203.0.113.9:9000", "-o", "json"]
    assert entry_point([*command, "--istio-iptables", "-b '*' -i '*' -o 9000"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["outcome"]["kind"], answer["hops"]) == ("forwarded", [])
    assert answer["netfilter"][0]["rules"][-1] == "nat/ISTIO_OUTPUT/1"


def test_a_trace_names_the_annotation_behind_a_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations = {TRAFFIC + "excludeOutboundIPRanges": "203.0.113.0/24"}
    (tmp_path / "dump.json").write_text(dump("a", ANNOTATIONS=annotations), encoding="utf-8")
    command = ["trace", "-c", str(tmp_path / "dump.json"), "--dst", "203.0.113.9:80", "-v", "-o", "json"]
    assert entry_point(command) == 0
    hook = json.loads(capsys.readouterr().out)["decisions"][0]
    (note,) = [note for note in hook["notes"] if note["code"] == "netfilter.rule-from-annotation"]
    assert TRAFFIC + "excludeOutboundIPRanges" in json.dumps(note)
    assert hook["stage"] == "hook"


@pytest.mark.parametrize("captured", [True, False])
def test_the_agent_answers_captured_dns(captured: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = json.loads(dump("a"))
    whole["configs"].append(LISTENERS)
    (tmp_path / "dump.json").write_text(json.dumps(whole), encoding="utf-8")
    (tmp_path / "host.yaml").write_text("kind: HostFacts\npod: a.ns\nsockets: []\n", encoding="utf-8")
    files = [word for name in ("dump.json", "host.yaml") for word in ("-c", str(tmp_path / name))]
    flags = f"REDIRECT_DNS={str(captured).lower()} -i '*' --dns-server 10.96.0.10"
    command = ["trace", *files, "--dst", "10.96.0.10:53", "--protocol", "udp", "-o", "json", "--istio-iptables", flags]
    assert entry_point(command) == 0
    answer = json.loads(capsys.readouterr().out)
    landing = answer["netfilter"][0]
    assert (landing["result"], landing["socket"]) == (("socket", "127.0.0.1:15053") if captured else ("wire", None))
    assert answer["outcome"]["kind"] == ("delivered" if captured else "forwarded")
