"""Namespaces and packets in short words, for the tests of the walk."""

from meshsim.address import format_endpoint, make_prefix, parse_endpoint, parse_ip
from meshsim.facts.packet import Packet
from meshsim.netfilter.netns import Netns, SocketTable
from meshsim.netfilter.passage import Passage
from meshsim.netfilter.save import Family, parse_iptables_save

POD = "10.77.0.1"
POD_V6 = "fd77::1"


def prefix(text: str) -> tuple[int, int]:
    """The address with its host bits, as `ip addr` prints it, and the mask."""
    ip, _, length = text.partition("/")
    return parse_ip(ip), make_prefix(parse_ip(ip), int(length))[1]


def pod(rules: str, *, family: Family = "v4", sockets: SocketTable | None = None, forwarding: bool = True) -> Netns:
    rule_set = parse_iptables_save(rules, "rules", family)
    return Netns(
        "pod",
        {"lo": (prefix("127.0.0.1/8"), prefix("::1/128")), "eth0": (prefix(f"{POD}/24"), prefix(f"{POD_V6}/64"))},
        rules_v4=rule_set if family == "v4" else None,
        rules_v6=rule_set if family == "v6" else None,
        sockets=sockets,
        forwarding_v4=forwarding,
    )


def outgoing(
    destination: str, *, uid: int = 1000, gid: int | None = None, source: str = f"{POD}:40000", protocol: str = "tcp"
) -> Packet:
    """A first packet that a process of the pod sends; the group is the user's number unless it is given."""
    return Packet(protocol, *parse_endpoint(source), *parse_endpoint(destination), uid, uid if gid is None else gid)


def incoming(destination: str, *, source: str = "10.77.0.2:40000", protocol: str = "tcp") -> Packet:
    """A first packet that arrives on eth0."""
    return Packet(protocol, *parse_endpoint(source), *parse_endpoint(destination), interface="eth0")


def names(passage: Passage) -> list[str]:
    return [rule.name for rule in passage.rules]


def original(passage: Passage) -> str | None:
    return None if passage.original_destination is None else format_endpoint(*passage.original_destination)
