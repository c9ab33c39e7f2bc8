"""Rule sets nobody wrote: iptables-save text drawn from a seed, for walks where no one looked."""

import random
from collections.abc import Sequence

POD = "10.91.0.2"
PORTS = (80, 8080, 9000, 15001)
HOSTS = ("10.91.0.2", "10.91.0.77", "127.0.0.1", "127.0.0.5", "198.51.100.7")
USER_CHAINS = ("FIRST", "SECOND", "THIRD")
HOOKS = {
    "mangle": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "OUTPUT"),
}
BUILT_IN = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def rules(seed: int) -> str:
    """iptables-save text of all three tables; chains only jump forward, so no set loops."""
    draw = random.Random(seed)
    lines: list[str] = []
    for table, hooks in HOOKS.items():
        lines += [f"*{table}", *(f":{chain} ACCEPT [0:0]" for chain in BUILT_IN[table])]
        lines += [f":{chain} - [0:0]" for chain in USER_CHAINS]
        for hook in hooks:
            lines += [_rule(draw, table, hook, hook, USER_CHAINS) for _ in range(draw.randint(0, 4))]
        for index, chain in enumerate(USER_CHAINS):
            later = USER_CHAINS[index + 1 :]
            lines += [_rule(draw, table, chain, None, later) for _ in range(draw.randint(1, 4))]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def _rule(draw: random.Random, table: str, chain: str, hook: str | None, targets: Sequence[str]) -> str:
    words = ["-A", chain]
    for _ in range(draw.randint(0, 2)):
        words += _match(draw, hook, words)
    return " ".join([*words, *_target(draw, table, hook, targets, words)])


def _match(draw: random.Random, hook: str | None, words: list[str]) -> list[str]:
    denied = ["!"] if draw.random() < 0.25 else []
    kind = draw.choice(("dport", "ports", "destination", "source", "interface", "owner", "mark", "state", "protocol"))
    if kind == "destination" and "-d" not in words:
        return [*denied, "-d", f"{draw.choice(HOSTS)}/{draw.choice((32, 32, 24, 8))}"]
    if kind == "source" and "-s" not in words:
        return [*denied, "-s", f"{draw.choice(HOSTS)}/{draw.choice((32, 24, 8))}"]
    if kind == "interface" and hook in ("OUTPUT", "POSTROUTING") and "-o" not in words:
        return [*denied, "-o", draw.choice(("lo", "eth0", "eth+"))]
    if kind == "interface" and hook in ("PREROUTING", "INPUT") and "-i" not in words:
        return [*denied, "-i", draw.choice(("lo", "eth0", "eth+"))]
    if kind == "owner" and hook == "OUTPUT" and "owner" not in words:
        return ["-m", "owner", *denied, draw.choice(("--uid-owner", "--gid-owner")), draw.choice(("1000", "1337"))]
    if kind == "mark" and "mark" not in words:
        return ["-m", "mark", *denied, "--mark", draw.choice(("0x1", "0x2/0x2", "0x0"))]
    if kind == "state" and "conntrack" not in words:
        return ["-m", "conntrack", *denied, "--ctstate", draw.choice(("NEW", "ESTABLISHED,RELATED", "INVALID"))]
    if "-p" in words:
        return []
    if kind == "dport":
        return ["-p", "tcp", "-m", "tcp", *denied, "--dport", draw.choice((*map(str, PORTS), "8000:9100"))]
    if kind == "ports":
        chosen = ",".join(map(str, sorted(draw.sample(PORTS, 2))))
        return ["-p", "tcp", "-m", "multiport", *denied, "--dports", chosen]
    return [] if kind != "protocol" else ["-p", draw.choice(("tcp", "udp"))]


def _target(draw: random.Random, table: str, hook: str | None, targets: Sequence[str], words: list[str]) -> list[str]:
    options = [["-j", "RETURN"], ["-j", "ACCEPT"]]
    options += [[draw.choice(("-j", "-j", "-j", "-g")), name] for name in targets]
    if table == "mangle":
        options += [["-j", "MARK", "--set-xmark", draw.choice(("0x1/0xffffffff", "0x2/0x2"))]] * 2
    if table == "filter" and draw.random() < 0.3:
        options += [["-j", "DROP"], ["-j", "REJECT", "--reject-with", "icmp-port-unreachable"]]
    if table == "nat" and hook in ("PREROUTING", "OUTPUT") and ("tcp" in words or "-p" not in words):
        protocol = [] if "-p" in words else ["-p", "tcp"]
        options += [[*protocol, "-j", "REDIRECT", "--to-ports", str(draw.choice(PORTS))]] * 2
        options += [[*protocol, "-j", "DNAT", "--to-destination", f"{draw.choice((POD, '198.51.100.7'))}:8080"]]
    return draw.choice(options)


def calls() -> list[dict[str, object]]:
    """First packets of all kinds: the pod to itself, to others, peers to the pod; of three users."""
    outward = [
        {"destination": f"{host}:{port}", "protocol": "tcp", "payload": "x", "uid": uid, "gid": gid, "timeout": 0.3}
        for host, port, uid, gid in (
            ("127.0.0.1", 80, 1000, 1000),
            ("127.0.0.5", 8080, 1337, 1337),
            (POD, 8080, 1000, 1337),
            (POD, 9000, 1000, 1000),
            ("10.91.0.77", 80, 1000, 1000),
            ("198.51.100.7", 9000, 1337, 1000),
            ("198.51.100.7", 80, 1000, 1000),
        )
    ]
    inward = [
        {"destination": f"{POD}:{port}", "from": "outside", "direction": "inbound", "source": f"{source}:0"}
        | {"protocol": "tcp", "payload": "x", "timeout": 0.3}
        for source, port in (("10.91.0.77", 80), ("198.51.100.7", 9000))
    ]
    return [*outward, *inward]
