"""The engine against Envoy on route tables and filter chains drawn from fixed seeds."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import meshsim
from tests.realism import engine, random_chains, random_routes
from tests.realism.stack import Setup, stack
from tests.realism.upstreams import ServerTls, Upstream

PORTS = (80, 443, 9000)
TLS = ServerTls(dns_sans=("a.test",), alpn=("http/1.1",), client_certificate="none")


@pytest.mark.real
@pytest.mark.parametrize("drawn", [random_routes, random_chains], ids=["routes", "chains"])
@pytest.mark.parametrize("seed", range(5))
def test_configuration_nobody_wrote(drawn: ModuleType, seed: int, tmp_path: Path) -> None:
    dump, calls = drawn.dump(seed), drawn.calls(seed)
    sockets = [Upstream(f"0.0.0.0:{port}", "auto", name="any", tls=TLS) for port in PORTS]
    setup = Setup(
        dump=dump, rules=drawn.RULES, pod=drawn.POD, pod_address=drawn.POD_ADDRESS, world=sockets, pod_sockets=sockets
    )
    with stack(setup) as live:
        observations = live.observe(calls)
        not_comparable = live.not_comparable
    folder = tmp_path / drawn.POD
    folder.mkdir()
    interfaces = {"lo": ["127.0.0.1/8"], "eth0": [f"{drawn.POD_ADDRESS}/24"]}
    (folder / "dump.json").write_text(json.dumps(dump))
    (folder / "rules.txt").write_text(drawn.RULES)
    (folder / "host.yaml").write_text(yaml.safe_dump({"kind": "HostFacts", "pod": drawn.POD, "interfaces": interfaces}))
    mesh = meshsim.load(tmp_path)
    found = [(seen["call"], wrong) for seen in observations if (wrong := engine.judge(mesh, seen, not_comparable))]
    assert found == []
