"""Network namespaces of a whole mesh: a pod each, and a world between them that forwards and owns every other address.

The world answers for addresses nobody else holds (see namespaces.py) and passes on, untranslated, what one pod sends
another. Names carry the process id; leaving the context removes them all.
"""

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator, Mapping

from attrs import frozen

from tests.realism.namespaces import COMMAND_TIMEOUT_SECONDS, EPHEMERAL_PORTS, Namespace, network

_serial = itertools.count(10_001)
"""Beside the numbers of single-pod networks, whose leftovers are found by the same pattern."""


@frozen
class MeshNetwork:
    """The pods by name, and the world around them."""

    world: Namespace
    pods: Mapping[str, Namespace]


@contextlib.contextmanager
def mesh_network(addresses: Mapping[str, str], prefix_length: int = 24) -> Iterator[MeshNetwork]:
    """Make a namespace for each pod address, all cabled to one world."""
    first, *others = addresses
    with contextlib.ExitStack() as cleanup:
        two = cleanup.enter_context(network(addresses[first], prefix_length=prefix_length))
        gateway = addresses[first].rsplit(".", 1)[0] + ".1"
        _set(two.world, "ip_forward", "1")
        _answer_for_neighbours(two.world, "cable")
        pods = {first: two.pod}
        for number, name in enumerate(others, 1):
            pod = Namespace(f"meshsim-pod-{os.getpid()}-{next(_serial)}")
            _netns("add", pod)
            cleanup.callback(_netns, "delete", pod)
            _cable(two.world, pod, f"cable{number}", addresses[name], prefix_length, gateway)
            pods[name] = pod
        yield MeshNetwork(two.world, pods)


def further_cable(network: MeshNetwork, pod: str, device: str, address: str) -> None:
    """A second way from a pod to the world, which is everybody else there too; `address` has its prefix length."""
    own, cable = network.pods[pod], f"{pod}-{device}"[:15]
    own.run("ip", "link", "add", device, "type", "veth", "peer", "name", cable, "netns", network.world.name)
    own.run("ip", "address", "add", address, "dev", device)
    own.run("ip", "link", "set", device, "up")
    network.world.run("ip", "link", "set", cable, "up")
    network.world.run("ip", "route", "add", f"{address.partition('/')[0]}/32", "dev", cable)


def _cable(world: Namespace, pod: Namespace, cable: str, address: str, prefix_length: int, gateway: str) -> None:
    pod.run("ip", "link", "set", "lo", "up")
    _set(pod, "conf/all/rp_filter", "0")
    _set(pod, "conf/default/rp_filter", "0")
    _set(pod, "ip_local_port_range", EPHEMERAL_PORTS)
    pod.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", cable, "netns", world.name)
    pod.run("ip", "address", "add", f"{address}/{prefix_length}", "dev", "eth0")
    pod.run("ip", "link", "set", "eth0", "up")
    world.run("ip", "link", "set", cable, "up")
    world.run("ip", "route", "add", f"{address}/32", "dev", cable)
    _answer_for_neighbours(world, cable)
    pod.run("ip", "route", "add", "default", "via", gateway, "dev", "eth0")


def _answer_for_neighbours(world: Namespace, cable: str) -> None:
    """A pod thinks its neighbours are on its own link: the world answers at once who has their address."""
    _set(world, f"conf/{cable}/proxy_arp", "1")
    _set(world, f"conf/{cable}/rp_filter", "0")
    _set(world, f"neigh/{cable}/proxy_delay", "0")


def _set(namespace: Namespace, setting: str, value: str) -> None:
    namespace.run("sh", "-c", f"echo '{value}' > /proc/sys/net/ipv4/{setting}")


def _netns(verb: str, pod: Namespace) -> None:
    subprocess.run(["ip", "netns", verb, pod.name], capture_output=True, timeout=COMMAND_TIMEOUT_SECONDS, check=True)
