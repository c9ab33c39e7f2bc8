"""Two network namespaces with a cable between them: a pod, and a world that owns every other address.

The world answers on any address (a local route for everything), so a test need not list what the pod may dial.
Names carry the process id; leaving the context removes both namespaces, whatever happened inside.
"""

import contextlib
import itertools
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

COMMAND_TIMEOUT_SECONDS = 30
EPHEMERAL_PORTS = "40000 65000"
"""Kept apart from the ports the client chooses itself, so that a port tells who opened a connection."""

_serial = itertools.count(1)


@frozen
class Namespace:
    """One network namespace, named as `ip netns` knows it."""

    name: str

    def command(self, arguments: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *arguments]

    def run(self, *arguments: str, text: str | None = None) -> str:
        """Run a short command inside; raises with the command's own words when it fails."""
        return _run(self.command(arguments), text)


@frozen
class Network:
    """The pod and the world around it."""

    pod: Namespace
    world: Namespace
    pod_address: str


@contextlib.contextmanager
def network(
    pod_address: str,
    *,
    prefix_length: int = 24,
    gateway: str | None = None,
    unreachable: Sequence[str] = (),
) -> Iterator[Network]:
    """Make the two namespaces, hand them out, and remove them."""
    serial = f"{os.getpid()}-{next(_serial)}"
    pod, world = Namespace(f"meshsim-pod-{serial}"), Namespace(f"meshsim-world-{serial}")
    gateway = gateway or pod_address.rsplit(".", 1)[0] + ".1"
    _remove_leftovers()
    try:
        for namespace in (pod, world):
            _run(["ip", "netns", "add", namespace.name])
            namespace.run("ip", "link", "set", "lo", "up")
            _set(namespace, "net/ipv4/conf/all/rp_filter", "0")
            _set(namespace, "net/ipv4/conf/default/rp_filter", "0")
            _set(namespace, "net/ipv4/ip_forward", "0")
            _set(namespace, "net/ipv4/ip_local_port_range", EPHEMERAL_PORTS)
        pod.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "cable", "netns", world.name)
        pod.run("ip", "address", "add", f"{pod_address}/{prefix_length}", "dev", "eth0")
        pod.run("ip", "link", "set", "eth0", "up")
        _set(world, "net/ipv4/ip_nonlocal_bind", "1")
        world.run("ip", "link", "set", "cable", "up")
        # A /32, because a connected /24 would make the pod's neighbours strangers to the world.
        world.run("ip", "address", "add", f"{gateway}/32", "dev", "cable")
        world.run("ip", "route", "add", f"{pod_address}/32", "dev", "cable")
        world.run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "main")
        for prefix in unreachable:
            world.run("ip", "route", "add", "blackhole", prefix)
        pod.run("ip", "route", "add", "default", "via", gateway, "dev", "eth0")
        yield Network(pod=pod, world=world, pod_address=pod_address)
    finally:
        for namespace in (pod, world):
            with contextlib.suppress(RuntimeError):
                _run(["ip", "netns", "delete", namespace.name])


def _set(namespace: Namespace, setting: str, value: str) -> None:
    namespace.run("sh", "-c", f"echo '{value}' > /proc/sys/{setting}")


def _remove_leftovers() -> None:
    """Namespaces of a test process that was killed before it could tidy up."""
    for line in _run(["ip", "netns", "list"]).splitlines():
        name = line.split()[0] if line.strip() else ""
        owner = re.fullmatch(r"meshsim-(?:pod|world)-(\d+)-\d+", name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            with contextlib.suppress(RuntimeError):
                _run(["ip", "netns", "delete", name])


def _run(command: list[str], text: str | None = None) -> str:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
