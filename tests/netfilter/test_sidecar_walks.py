"""Who is captured in a sidecar pod, and who is not: the walks that operators argue about."""

import pytest

from meshsim.facts.packet import Packet
from meshsim.istio.iptables import default_sidecar_rules
from meshsim.netfilter.explain import explain
from meshsim.netfilter.walk import walk
from tests.netfilter.packets import POD, incoming, names, original, outgoing, pod

DEFAULT = default_sidecar_rules()
OLD = (
    DEFAULT.replace("-A OUTPUT -j", "-A OUTPUT -p tcp -j")
    .replace(" -p tcp -m tcp ! --dport 15008 -m owner", " -m owner")
    .replace("--dport 15090", "--dport 22")
)
EXCLUDED = DEFAULT.replace(
    "-A ISTIO_OUTPUT -s", "-A ISTIO_OUTPUT -p tcp -m tcp --dport 9001 -j RETURN\n-A ISTIO_OUTPUT -s"
)
LISTED = DEFAULT.replace("-A ISTIO_INBOUND -p tcp -j", "-A ISTIO_INBOUND -p tcp -m tcp --dport 8080 -j")
RANGES = DEFAULT.replace("-A ISTIO_OUTPUT -j ISTIO_REDIRECT", "-A ISTIO_OUTPUT -d 10.77.0.0/24 -j ISTIO_REDIRECT")

IN = "nat/PREROUTING/1"
OUT = "nat/OUTPUT/1"
CAPTURED = [OUT, "nat/ISTIO_OUTPUT/9", "nat/ISTIO_REDIRECT/1"]
LOOPED = [OUT, "nat/ISTIO_OUTPUT/2", "nat/ISTIO_IN_REDIRECT/1"]
INBOUND = [IN, "nat/ISTIO_INBOUND/5", "nat/ISTIO_IN_REDIRECT/1"]


def by(number: int) -> list[str]:
    return [OUT, f"nat/ISTIO_OUTPUT/{number}"]


WALKS: dict[str, tuple[str, Packet, list[str], str, str | None]] = {
    "1 app to a remote address": (DEFAULT, outgoing("10.77.0.2:9000"), CAPTURED, "127.0.0.1:15001", "10.77.0.2:9000"),
    "2 app to a service": (DEFAULT, outgoing("10.96.0.1:80"), CAPTURED, "127.0.0.1:15001", "10.96.0.1:80"),
    "3 app to its own pod": (DEFAULT, outgoing(f"{POD}:8080"), by(3), f"{POD}:8080", f"{POD}:8080"),
    "4 app to localhost": (DEFAULT, outgoing("127.0.0.1:8080"), by(3), "127.0.0.1:8080", "127.0.0.1:8080"),
    "5 app to another loopback": (DEFAULT, outgoing("127.0.0.5:8080"), by(3), "127.0.0.5:8080", "127.0.0.5:8080"),
    "6 group 1337 to remote": (DEFAULT, outgoing("10.77.0.2:9000", gid=1337), by(7), "10.77.0.2:9000", None),
    "7 group 1337 to own pod": (DEFAULT, outgoing(f"{POD}:8080", gid=1337), by(3), f"{POD}:8080", f"{POD}:8080"),
    "8 an excluded port": (EXCLUDED, outgoing("10.77.0.2:9001"), by(1), "10.77.0.2:9001", None),
    "9 Envoy to remote": (DEFAULT, outgoing("10.77.0.2:9000", uid=1337), by(4), "10.77.0.2:9000", None),
    "10 Envoy to own pod": (DEFAULT, outgoing(f"{POD}:8080", uid=1337), LOOPED, "127.0.0.1:15006", f"{POD}:8080"),
    "11 Envoy to the tunnel": (DEFAULT, outgoing(f"{POD}:15008", uid=1337), by(4), f"{POD}:15008", f"{POD}:15008"),
    "11 before 1.18": (OLD, outgoing(f"{POD}:15008", uid=1337), LOOPED, "127.0.0.1:15006", f"{POD}:15008"),
    "12 Envoy to localhost": (DEFAULT, outgoing("127.0.0.1:80", uid=1337), by(4), "127.0.0.1:80", "127.0.0.1:80"),
    "13 Envoy to 127.0.0.5": (DEFAULT, outgoing("127.0.0.5:80", uid=1337), LOOPED, "127.0.0.1:15006", "127.0.0.5:80"),
    "14 Envoy from 127.0.0.6": (
        DEFAULT, outgoing(f"{POD}:8080", uid=1337, source="127.0.0.6:40000"), by(1), f"{POD}:8080", f"{POD}:8080",
    ),
    "15 a peer": (DEFAULT, incoming(f"{POD}:8080"), INBOUND, f"{POD}:15006", f"{POD}:8080"),
    "16 a peer to ssh": (DEFAULT, incoming(f"{POD}:22"), INBOUND, f"{POD}:15006", f"{POD}:22"),
    "16 in 1.7": (OLD, incoming(f"{POD}:22"), [IN, "nat/ISTIO_INBOUND/2"], f"{POD}:22", f"{POD}:22"),
    "17 health": (DEFAULT, incoming(f"{POD}:15021"), [IN, "nat/ISTIO_INBOUND/3"], f"{POD}:15021", f"{POD}:15021"),
    "17 status": (DEFAULT, incoming(f"{POD}:15020"), [IN, "nat/ISTIO_INBOUND/4"], f"{POD}:15020", f"{POD}:15020"),
    "17 metrics": (DEFAULT, incoming(f"{POD}:15090"), [IN, "nat/ISTIO_INBOUND/2"], f"{POD}:15090", f"{POD}:15090"),
    "18 tunnel": (DEFAULT, incoming(f"{POD}:15008"), [IN, "nat/ISTIO_INBOUND/1"], f"{POD}:15008", f"{POD}:15008"),
    "19 a peer to 15006": (DEFAULT, incoming(f"{POD}:15006"), INBOUND, f"{POD}:15006", f"{POD}:15006"),
    "20 a peer to 15001": (DEFAULT, incoming(f"{POD}:15001"), INBOUND, f"{POD}:15006", f"{POD}:15001"),
    "21 a peer to a closed port": (DEFAULT, incoming(f"{POD}:7777"), INBOUND, f"{POD}:15006", f"{POD}:7777"),
    "23 unlisted port": (LISTED, incoming(f"{POD}:22"), [IN], f"{POD}:22", f"{POD}:22"),
    "24 15006 unlisted": (LISTED, incoming(f"{POD}:15006"), [IN], f"{POD}:15006", f"{POD}:15006"),
    "25 outside the ranges": (RANGES, outgoing("10.96.0.10:80"), [OUT], "10.96.0.10:80", None),
    "datagrams are not captured": (
        DEFAULT, outgoing("10.96.0.10:53", protocol="udp"), [OUT, "nat/ISTIO_OUTPUT/9"], "10.96.0.10:53", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WALKS)
def test_a_sidecars_walk(name: str) -> None:
    rules, packet, matched, landing, original_destination = WALKS[name]
    netns = pod(rules)
    passage = walk(netns, packet, "in" if packet.interface else "out")
    assert names(passage) == matched
    assert passage.after.destination_text() == landing
    assert original(passage) == original_destination
    assert passage.result == ("wire" if original_destination is None else "socket")
    assert passage.by is None
    assert passage.before == packet
    assert passage.after.source == packet.source
    chosen = [candidate.label for candidate in explain(netns, passage) if candidate.fate.value == "chosen"]
    assert chosen == matched


def test_base_chains_of_a_loop_ask_nat_only_on_the_way_out() -> None:
    passage = walk(pod(DEFAULT), outgoing("10.96.0.1:80"), "out")
    assert passage.way == "loop"
    assert passage.interface == "lo"
    assert passage.chains == ("nat/OUTPUT", "nat/POSTROUTING")


def test_what_the_proxy_sends_leaves_by_the_interface() -> None:
    passage = walk(pod(DEFAULT), outgoing("10.96.0.1:80", uid=1337), "out")
    assert (passage.way, passage.interface, passage.result) == ("out", "eth0", "wire")


def test_the_near_miss_of_an_uncaptured_call_is_told() -> None:
    """Why is the group 1337 not captured? Rule 7 says so, and rule 4 missed by the user alone."""
    netns = pod(DEFAULT)
    candidates = explain(netns, walk(netns, outgoing("10.96.0.1:80", gid=1337), "out"))
    missed = next(candidate for candidate in candidates if candidate.label == "nat/ISTIO_OUTPUT/4")
    assert missed.near_miss
    assert missed.lost_at == "--uid-owner"
    assert [(check.want, check.seen) for check in missed.checks] == [("1337", 1000)]
    assert missed.place is not None
    assert missed.place.line == DEFAULT.splitlines().index("-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN") + 1
