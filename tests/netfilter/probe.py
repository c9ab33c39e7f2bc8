"""A pod namespace and the world around it, asked where a connection lands; the kernel's answer to what walk() says."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from tests.realism.namespaces import Namespace, Network, network

HERE = Path(__file__).parent
POD = "10.77.0.1"
POD_V6 = "fd77::1"
GATEWAY_V6 = "fd77::ff"
POD_PORTS = (22, 8080, 9001, 15001, 15006, 15008, 15020, 15021)
WORLD_PORTS = (22, 53, 80, 8080, 9000, 9001, 15008)
FOREIGN = "198.51.100.0/24"
"""Routed by the world to the pod, which does not own it."""


@frozen
class Dial:
    """One connection attempt."""

    destination: str
    port: int
    uid: int = 1000
    gid: int = 1000
    source: str = POD
    inbound: bool = False
    """Opened in the world."""


@contextlib.contextmanager
def pod_and_world() -> Iterator[Network]:
    with network(POD, gateway="10.77.0.254") as made, contextlib.ExitStack() as stack:
        made.world.run("ip", "route", "add", FOREIGN, "via", POD, "dev", "cable")
        for namespace, address, device in ((made.pod, POD_V6, "eth0"), (made.world, GATEWAY_V6, "cable")):
            namespace.run("ip", "-6", "address", "add", f"{address}/64", "dev", device, "nodad")
        made.pod.run("ip", "-6", "route", "add", "default", "via", GATEWAY_V6, "dev", "eth0")
        made.world.run("ip", "-6", "route", "add", "local", "2001:db8::/32", "dev", "lo")
        stack.enter_context(_listening(made.pod, "pod", POD_PORTS))
        stack.enter_context(_listening(made.world, "world", WORLD_PORTS))
        yield made


@contextlib.contextmanager
def _listening(namespace: Namespace, name: str, ports: Sequence[int]) -> Iterator[None]:
    command = namespace.command([sys.executable, "-I", str(HERE / "listen_program.py"), name, *map(str, ports)])
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        yield
    finally:
        process.kill()
        process.communicate(timeout=10)


def dial_all(made: Network, dials: Sequence[Dial], first_port: int) -> list[dict[str, object]]:
    """What each attempt met. The n-th dial has source port `first_port` + n; one process a user and side."""
    answers: dict[int, dict[str, object]] = {}
    for side in sorted({(dial.inbound, dial.uid, dial.gid) for dial in dials}):
        numbers = [number for number, dial in enumerate(dials) if (dial.inbound, dial.uid, dial.gid) == side]
        lines = [
            json.dumps([dials[number].source, first_port + number, dials[number].destination, dials[number].port])
            for number in numbers
        ]
        namespace = made.world if side[0] else made.pod
        command = namespace.command([sys.executable, "-I", str(HERE / "dial_program.py"), str(side[1]), str(side[2])])
        done = subprocess.run(
            command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60, check=True
        )
        answers.update(zip(numbers, map(json.loads, done.stdout.splitlines()), strict=True))
    return [answers[number] for number in range(len(dials))]
