"""A pod namespace with two cables into a world that owns every other address, and an agent in each.

Rules are restored, first packets are sent, and the kernel's truth about each comes back: rules and chains in order,
how it ended, who accepted, what the socket knows, and whether the client got an answer.
"""

import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from tests.netfilter.hosts import CABLES, Host
from tests.realism import kernel_trace
from tests.realism.namespaces import Namespace

HERE = Path(__file__).parent
PYTHON = sys.executable
WAIT_SECONDS = 0.25
FIRST_PORT, LAST_PORT = 20000, 39000
_serial = itertools.count(1)

OBSERVER = """
table inet meshsim_observer {
  chain first {
    type filter hook prerouting priority -450
    tcp flags & (syn|rst) != 0 meta nftrace set 1
    udp length { 20, 21 } meta nftrace set 1
  }
  chain first_out {
    type filter hook output priority -450
    tcp flags & (syn|rst) != 0 meta nftrace set 1
    udp length { 20, 21 } meta nftrace set 1
  }
  chain last {
    type filter hook input priority 450
  }
  chain last_out {
    type filter hook postrouting priority 450
  }
}
"""
SYN, SYN_ACK = 0x02, 0x12


@frozen
class Probe:
    """One first packet."""

    protocol: str
    source: str
    destination: str
    destination_port: int
    inbound: str = ""
    """The pod's device it arrives on; "" for one that the pod sends."""
    uid: int = 1000
    gid: int = 1000
    groups: tuple[int, ...] = ()
    mark: int = 0
    transparent: bool = False


@define
class _Walk:
    """One packet through the hooks of one side."""

    made_here: bool
    packet: dict[str, Any]
    """As it came into view."""
    ends: list[Any]
    """As it was last seen."""
    incoming: str
    outgoing: str
    rules: list[str] = field(factory=list)
    chains: list[str] = field(factory=list)
    by: str | None = None
    mark: int = 0
    finished: str = ""


class Agent:
    """A program inside a namespace, spoken to by lines."""

    def __init__(self, namespace: Namespace) -> None:
        command = namespace.command([PYTHON, "-I", str(HERE / "kernel_agent.py")])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **command: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the agent ended")
        return json.loads(line)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


@define
class Lab:
    pod: Namespace
    world: Namespace
    host: Host
    pod_agent: Agent
    world_agent: Agent
    _port: int = FIRST_PORT

    def load(self, rules: Mapping[str, str], sets: str = "") -> None:
        """Restore rules by family ("v4", "v6"); raises in the kernel's words when it refuses them."""
        self.pod.run("nft", "-f", "-", text="flush ruleset\n" + OBSERVER)
        if sets:
            self.pod.run("ipset", "destroy")
            self.pod.run("ipset", "restore", text=sets.lstrip())
        for family, program in (("v4", "iptables-nft-restore"), ("v6", "ip6tables-nft-restore")):
            if rules.get(family, "").strip():
                self.pod.run(program, text=rules[family])

    def saved(self, family: str) -> str:
        return self.pod.run("iptables-nft-save" if family == "v4" else "ip6tables-nft-save")

    def ask(self, probes: Sequence[Probe]) -> list[dict[str, Any]]:
        """The truth about each probe against the rules that are loaded."""
        if self._port + len(probes) > LAST_PORT:
            self._port = FIRST_PORT
        self.pod.run("conntrack", "-F")
        self.pod_agent.ask(do="drain")
        numbers = kernel_trace.handles(self.pod.run("nft", "-j", "-a", "list", "ruleset"))
        ports = range(self._port, self._port + len(probes))
        self._port += len(probes)
        results: dict[int, dict[str, Any]] = {}
        for agent, inbound in ((self.pod_agent, False), (self.world_agent, True)):
            chosen = [
                (port, probe) for port, probe in zip(ports, probes, strict=True) if bool(probe.inbound) is inbound
            ]
            met = agent.ask(
                do="probe", wait=WAIT_SECONDS, probes=[_command(port, probe) for port, probe in chosen]
            ) if chosen else []  # fmt: skip
            results.update({port: result for (port, _), result in zip(chosen, met, strict=True)})
        drained = self.pod_agent.ask(do="drain")
        self.world_agent.ask(do="drain")
        walks = list(_walks(drained["trace"], numbers))
        return [
            _truth(port, probe, results[port]["met"], walks, drained["log"])
            for port, probe in zip(ports, probes, strict=True)
        ]


def _command(port: int, probe: Probe) -> dict[str, object]:
    return {
        "protocol": probe.protocol,
        "source": probe.source,
        "source_port": port,
        "destination": probe.destination,
        "destination_port": probe.destination_port,
        "uid": 0 if probe.inbound else probe.uid,
        "gid": 0 if probe.inbound else probe.gid,
        "groups": list(probe.groups),
        "mark": probe.mark,
        "transparent": bool(probe.inbound) or probe.transparent,
        "bind_device": CABLES[probe.inbound] if probe.inbound else "",
    }


def _walks(steps: Sequence[dict[str, Any]], numbers: Mapping[tuple[str, str, str, int], int]) -> Iterator[_Walk]:
    live: dict[int, _Walk] = {}
    for step in steps:
        observer = step["table"] == "meshsim_observer"
        if observer and step["chain"] in ("first", "first_out") and "packet" in step:
            packet = step["packet"]
            walk = _Walk(step["chain"] == "first_out", packet, packet["ends"], step["incoming"], step["outgoing"])
            live[step["id"]] = walk
            yield walk
        current = live.get(step["id"])
        if current is None:
            continue
        _follow(current, step, observer, numbers)


def _follow(
    walk: _Walk, step: dict[str, Any], observer: bool, numbers: Mapping[tuple[str, str, str, int], int]
) -> None:
    if "packet" in step:
        walk.ends = step["packet"]["ends"]
        walk.incoming, walk.outgoing = step["incoming"], step["outgoing"]
    if observer:
        if step["chain"] in ("last", "last_out"):
            walk.finished = step["chain"]
            walk.mark = step["mark"] if step["type"] == "policy" else walk.mark
        return
    place = f"{step['table']}/{step['chain']}"
    if "packet" in step and place not in walk.chains:
        walk.chains.append(place)
    if step["type"] == "policy" and step["verdict"] == "drop":
        walk.by = f"{place}/policy"
    elif step["type"] == "rule" and step["handle"]:
        name = f"{place}/{numbers.get((step['family'], step['table'], step['chain'], step['handle']))}"
        walk.rules.append(name)
        if step["verdict"] == "drop":
            walk.by = name


def _truth(port: int, probe: Probe, met: str, walks: list[_Walk], log: list[dict[str, Any]]) -> dict[str, Any]:
    ends = [probe.source, port, probe.destination, probe.destination_port]
    start = next(
        (at for at, walk in enumerate(walks) if walk.packet["ends"] == ends and _opens(walk)),
        None,
    )
    truth: dict[str, Any] = {"port": port, "met": met}
    if start is None:
        return {**truth, "result": "unsent", "rules": [], "chains": []}
    first = walks[start]
    passes = [first]
    if first.finished == "last_out" and first.outgoing == "lo":
        again = next(
            (
                walk
                for walk in walks[start + 1 :]
                if not walk.made_here and walk.packet["same"] == first.packet["same"] and _opens(walk)
            ),
            None,
        )
        if again is not None:
            passes.append(again)
    end = passes[-1]
    left_here = end.finished == "last_out" and (len(passes) == 1 and end.outgoing != "lo")
    truth |= {
        "rules": [rule for walk in passes for rule in walk.rules],
        "chains": [chain for walk in passes for chain in walk.chains],
        "by": end.by,
        "mark": end.mark if end.finished else None,
        "ends": end.ends if end.finished else None,
        "interface": (end.outgoing if end.finished == "last_out" else end.incoming) if end.finished else None,
    }
    if end.by is not None:
        return {**truth, "result": "dropped"}
    if left_here:
        return {**truth, "result": "wire"}
    if end.finished != "last":
        return {**truth, "result": "lost"}
    return {**truth, **_delivery(probe, port, end, walks[start + 1 :], log)}


def _opens(walk: _Walk) -> bool:
    return walk.packet["flags"] in (0, SYN)


def _delivery(probe: Probe, port: int, end: _Walk, later: list[_Walk], log: list[dict[str, Any]]) -> dict[str, Any]:
    source, source_port, destination, destination_port = end.ends
    if probe.protocol == "udp":
        payload = f"{port}".encode().ljust(12, b".").hex()
        entry = next((entry for entry in log if entry.get("payload") == payload), None)
        return {"result": "refused"} if entry is None else {"result": "socket", "socket": entry["socket"]}
    answer = next(
        (
            walk
            for walk in later
            if walk.made_here
            and walk.packet["flags"] & 0x10
            and walk.packet["ends"] == [destination, destination_port, source, source_port]
        ),
        None,
    )
    if answer is None:
        return {"result": "silent"}
    if answer.packet["flags"] != SYN_ACK:
        return {"result": "refused"}
    entry = next((entry for entry in log if "original" in entry and entry["peer"] == [source, source_port]), None)
    found: dict[str, Any] = {"result": "socket"}
    if entry is not None:
        found |= {"socket": entry["socket"], "original": entry["original"]}
    return found


@contextlib.contextmanager
def lab(host: Host) -> Iterator[Lab]:
    serial = f"{os.getpid()}-{next(_serial)}"
    pod, world = Namespace(f"meshsim-pod-n{serial}"), Namespace(f"meshsim-world-n{serial}")
    with contextlib.ExitStack() as stack:
        for namespace in (pod, world):
            _ip("netns", "add", namespace.name)
            stack.callback(_ip, "netns", "delete", namespace.name)
            namespace.run("ip", "link", "set", "lo", "up")
            namespace.run("sysctl", "-q", "-w", *_COMMON)
        _cable(pod, world, host)
        for line in host.routes:
            family = ["-6"] if ":" in line else []
            pod.run("ip", *family, "route", "replace", *line.split())
        for line in host.rules:
            family, line = (["-6"], line[3:].strip()) if line.startswith("v6:") else ([], line)
            pod.run("ip", *family, "rule", "add", *line.split())
        if host.sysctls:
            pod.run("sysctl", "-q", "-w", *(f"{name}={value}" for name, value in host.sysctls.items()))
        agents = []
        for namespace, sockets in ((pod, host.sockets), (world, WORLD_SOCKETS)):
            agent = Agent(namespace)
            stack.callback(agent.close)
            agent.ask(do="serve", sockets=list(sockets))
            agents.append(agent)
        yield Lab(pod, world, host, *agents)


_COMMON = (
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.ip_forward=0",
    "net.ipv4.tcp_synack_retries=0",
    "net.ipv4.tcp_syn_retries=1",
    "net.ipv4.ip_local_port_range=40000 65000",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.default.accept_ra=0",
)
WORLD_SOCKETS = tuple(
    {
        "name": f"{ip}:{port}/{protocol}",
        "ip": ip,
        "port": port,
        "protocol": protocol,
        "v6only": ip == "::",
        "transparent": True,
    }
    for protocol in ("tcp", "udp")
    for ip in ("0.0.0.0", "::")
    for port in (53, 80, 8080, 9000, 9001, 15008)
)


def _cable(pod: Namespace, world: Namespace, host: Host) -> None:
    for device, cable in CABLES.items():
        pod.run("ip", "link", "add", device, "type", "veth", "peer", "name", cable, "netns", world.name)
        pod.run("ip", "link", "set", device, "up")
        world.run("ip", "link", "set", cable, "up")
    hardware = {
        (namespace.name, device): json.loads(namespace.run("ip", "-j", "link", "show", device))[0]["address"]
        for namespace, devices in ((pod, CABLES), (world, CABLES.values()))
        for device in devices
    }
    world.run("sysctl", "-q", "-w", "net.ipv4.conf.all.accept_local=1", "net.ipv4.conf.all.route_localnet=1")
    world.run("ip", "rule", "add", "iif", "lo", "lookup", "main", "pref", "1")
    for at, (device, cable) in enumerate(CABLES.items()):
        for address in host.interfaces[device]:
            more = ["nodad"] if ":" in address else []
            pod.run("ip", "address", "add", address, "dev", device, *more)
        gateway, gateway_v6 = host.gateways[device]
        for address, family in ((gateway, []), (gateway_v6, ["-6"])):
            world.run("ip", *family, "address", "add", f"{address}/{128 if family else 32}", "dev", cable)
            peer = _first(host.interfaces[device], v6=bool(family))
            world.run("ip", *family, "route", "add", peer, "dev", cable)
            world.run("ip", *family, "neigh", "replace", peer, "dev", cable, "lladdr", hardware[pod.name, device])
            everything = "::/0" if family else "0.0.0.0/0"
            world.run("ip", *family, "route", "add", everything, "via", peer, "dev", cable, "metric", str(100 + at))
            world.run("ip", *family, "rule", "add", "iif", cable, "lookup", "300", "pref", str(10 + at))
            if not at:
                world.run("ip", *family, "route", "add", "local", everything, "dev", "lo", "table", "300")
        for neighbour in host.neighbours[device]:
            family = ["-6"] if ":" in neighbour else []
            lladdr = hardware[world.name, cable]
            pod.run("ip", *family, "neigh", "replace", neighbour, "dev", device, "lladdr", lladdr)
    pod.run("ip", "route", "add", "default", "via", host.gateways["eth0"][0], "dev", "eth0")
    pod.run("ip", "-6", "route", "add", "default", "via", host.gateways["eth0"][1], "dev", "eth0")


def _first(addresses: Sequence[str], *, v6: bool) -> str:
    return next(re.sub("/.*", "", address) for address in addresses if (":" in address) is v6)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)
