"""The engine's packet walk against the kernel's, on rule sets drawn from fixed seeds."""

from pathlib import Path

import pytest
import yaml

import meshsim
from tests.realism import compare, engine, random_rules
from tests.realism.stack import Setup, stack
from tests.realism.upstreams import Upstream

LISTENING = (80, 8080, 15001)


@pytest.mark.real
@pytest.mark.parametrize("seed", range(8))
def test_a_walk_nobody_wrote(seed: int, tmp_path: Path) -> None:
    rules = random_rules.rules(seed)
    setup = Setup(
        dump=None,
        rules=rules,
        pod="here",
        pod_address=random_rules.POD,
        world=[Upstream(f"0.0.0.0:{port}", "tcp", name="world") for port in random_rules.PORTS],
        pod_sockets=[Upstream(f"0.0.0.0:{port}", "tcp", name="app") for port in LISTENING],
    )
    calls = [{**call, "pod": "here"} if call.get("from") else call for call in random_rules.calls()]
    with stack(setup) as live:
        observations = live.observe(calls)
    facts = {
        "kind": "HostFacts",
        "pod": "here",
        "interfaces": {"lo": ["127.0.0.1/8"], "eth0": [f"{random_rules.POD}/24"]},
        "sysctls": {"net.ipv4.ip_forward": 0},
        "routes": [f"default via {random_rules.POD.rpartition('.')[0]}.1 dev eth0"],
        "sockets": [{"listen": f"0.0.0.0:{port}", "protocol": "tcp", "speaks": "tcp"} for port in LISTENING],
    }
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "host.yaml").write_text(yaml.safe_dump(facts))
    (folder / "rules.txt").write_text(rules)
    mesh = meshsim.load(tmp_path)
    found = {
        f"{seen['call']['source']} uid {seen['call']['uid']} -> {seen['call']['destination']}": wrong
        for seen in observations
        if (wrong := compare.passage_differences(seen, engine.document(mesh, seen["call"])))
    }
    assert found == {}, rules
