"""Internal listeners and pipes: every hop as a real Envoy logs it, for HTTP and TCP in front of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

import meshsim
from tests.envoy.test_chains_against_envoy import running
from tests.outcomes.loopback import Upstreams, free_ports
from tests.outcomes.socketless import World
from tests.realism import access_log, client_program, compare, engine
from tests.realism.prerequisites import envoy_binary
from tests.truth.setting import NO_RULES

QUIET_SECONDS, LIMIT_SECONDS = 0.15, 10.0


def call_of(port: int) -> dict[str, Any]:
    request = {"protocol": "http", "authority": "a", "method": "GET", "path": "/", "headers": {}, "tls": None}
    return {"from": "here", "uid": 1000, "destination": f"127.0.0.1:{port}", **request}


def asked(call: dict[str, Any], log: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the client saw, and the hops in the order in which they were dialled."""
    start = log.stat().st_size if log.exists() else 0
    host, _, port = call["destination"].rpartition(":")
    seen = client_program.answer({**call, "destination": [host, int(port)], "source": ["127.0.0.1", 0], "timeout": 4.0})
    deadline, size, since = time.monotonic() + LIMIT_SECONDS, -1, time.monotonic()
    while time.monotonic() < deadline and (size <= start or time.monotonic() - since < QUIET_SECONDS):
        now = log.stat().st_size if log.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.02)
    hops = access_log.read(access_log.written(log, start))
    ordered, address = [], call["destination"]
    while found := [hop for hop in hops if hop["accepted_at"] == address]:
        ordered.append({"pod": "here", **found[0]})
        hops.remove(found[0])
        address = found[0]["endpoint"]
    return seen, ordered


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no envoy to compare with")
def test_every_hop_is_as_envoy_logs_it(tmp_path: Path) -> None:
    binary = envoy_binary()
    assert binary is not None
    log, folder = tmp_path / "log.jsonl", tmp_path / "here"
    folder.mkdir()
    upstreams = Upstreams()
    world = World(str(log), str(tmp_path), upstreams.ports["200"])
    names = world.outer_names()
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    bootstrap = world.bootstrap(ports)
    (folder / "bootstrap.json").write_text(json.dumps(bootstrap))
    (folder / "rules.txt").write_text(NO_RULES)
    facts = {"kind": "HostFacts", "pod": "here", "interfaces": {"lo": ["127.0.0.1/8"]}}
    facts["sockets"] = [{"listen": f"127.0.0.1:{upstreams.ports['200']}", "protocol": "tcp", "speaks": "http"}]
    (folder / "host.yaml").write_text(yaml.safe_dump(facts))
    mesh = meshsim.load(tmp_path)
    differences = []
    with running(binary, bootstrap, tmp_path):
        for name, port in ports.items():
            call = call_of(port)
            client, hops = asked(call, log)
            call["source"] = client["local"]
            trace = {**engine.document(mesh, call), "netfilter": []}
            observation = {"pod": "here", "call": call, "client": client, "hops": hops, "netfilter": [], "upstream": []}
            found = compare.differences(observation, trace)
            causes = [hop["cause"] for hop in trace["hops"][1:]]
            wanted = ["connect" if "pipe" in (hop["accepted_at"] or "") else "internal_listener" for hop in hops[1:]]
            if found or causes != wanted:
                differences.append((name, found, causes, wanted))
    upstreams.close()
    assert differences == []
    assert len(names) > 40
