"""Adversarial rule sets and first packets, the same for the same seed; every set is one the kernel takes."""

from random import Random

from attrs import frozen

from tests.netfilter.kernel_lab import Probe
from tests.netfilter.rule_sets import BUILT_IN

PROBES_OF_A_SET = 22
_HOSTS = ("plain", "router", "interceptor", "policies", "lenient", "policies", "interceptor")


@frozen
class Case:
    name: str
    host: str
    rules: dict[str, str]
    """Family -> text."""
    probes: tuple[Probe, ...]
    sets: str = ""
    """`ipset save` text that stands beside the rules."""


@frozen
class _Words:
    """What a family's rules and packets are made of."""

    v6: bool
    prefixes: tuple[str, ...]
    own: tuple[str, ...]
    remote: tuple[str, ...]
    targets: tuple[str, ...]
    loopback: str
    sources: tuple[str, ...]


_V4 = _Words(
    False,
    (
        "10.0.0.0/8", "10.77.0.1/32", "10.77.0.0/24", "10.96.0.0/16", "127.0.0.1/32", "127.0.0.0/8", "10.88.0.1/32",
        "198.51.100.0/24", "10.99.0.7/32", "10.55.0.0/16",
    ),
    ("10.77.0.1", "10.77.0.3", "10.88.0.1"),
    ("10.96.0.1", "10.99.0.7", "198.51.100.5", "10.77.0.2", "10.66.0.1", "10.55.0.9", "10.44.0.4", "203.0.113.9"),
    ("10.77.0.1", "10.99.0.7", "127.0.0.1", "10.88.0.1", "198.51.100.9", "10.55.0.9"),
    "127.0.0.1",
    ("10.77.0.2", "10.88.0.2", "203.0.113.50", "10.99.0.1", "10.66.0.1"),
)  # fmt: skip
_V6 = _Words(
    True,
    ("fd00::/8", "fd77::1/128", "fd77::/64", "2001:db8::/32", "::1/128", "fd88::1/128", "2001:db8:9::/48"),
    ("fd77::1", "fd88::1"),
    ("2001:db8::1", "2001:db8:9::5", "fd77::2", "2001:db8:5::9"),
    ("fd77::1", "2001:db8::7", "::1", "fd88::1", "2001:db8:9::9"),
    "::1",
    ("fd77::2", "fd88::2", "2001:db8:f::50"),
)
_PORTS = (22, 53, 80, 8080, 9000, 9001, 9100, 9200, 9300, 15001, 15006, 15008, 15053)
_MARKS = ("0x1", "0x10/0xf0", "0x539", "0x20/0xf0", "0x5/0x7", "0x0", "0x10/0x10")
_STATES = ("NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "DNAT", "SNAT", "UNTRACKED", "NEW,DNAT")
_OUT_HOOKS = ("OUTPUT", "POSTROUTING")
_IN_HOOKS = ("PREROUTING", "INPUT")


def case(seed: int) -> Case:
    chance = Random(seed)
    host = chance.choice(_HOSTS)
    rules = {family: _rule_set(chance, words) for family, words in (("v4", _V4), ("v6", _V6))}
    return Case(f"random {seed}", host, rules, probes(chance))


def probes(chance: Random) -> tuple[Probe, ...]:
    return tuple(_probe(chance, _V6 if at % 3 == 2 else _V4) for at in range(PROBES_OF_A_SET))


def _rule_set(chance: Random, words: _Words) -> str:
    return "".join(_table(chance, words, table) for table in BUILT_IN if chance.random() < 0.75)


def _table(chance: Random, words: _Words, table: str) -> str:
    """User chains belong to one hook each, so that what is valid there is known; they jump to later ones only."""
    chains: dict[str, str] = {name: name for name in BUILT_IN[table]}
    users = [f"{table.upper()}_{at}" for at in range(chance.randint(0, 4))]
    for user in users:
        chains[user] = chance.choice(BUILT_IN[table])
    lines = [f"*{table}"]
    for name in BUILT_IN[table]:
        policy = "DROP" if table == "filter" and chance.random() < 0.08 else "ACCEPT"
        lines.append(f":{name} {policy} [0:0]")
    lines += [f":{user} - [0:0]" for user in users]
    for name, hook in chains.items():
        for _ in range(chance.randint(0, 4)):
            order = users.index(name) if name in users else -1
            later = [user for user in users[order + 1 :] if chains[user] == hook]
            lines.append(f"-A {name} {_rule(chance, words, table, hook, later)}".rstrip())
    return "\n".join((*lines, "COMMIT")) + "\n"


def _rule(chance: Random, words: _Words, table: str, hook: str, later: list[str]) -> str:
    if later and chance.random() < 0.45:
        return " ".join((*_matches(chance, words, hook, ""), chance.choice(("-j", "-j", "-g")), chance.choice(later)))
    target = chance.choice(_targets(chance, words, table, hook))
    needs_protocol = any(word in target for word in ("TPROXY", "tcp-reset")) or _names_ports(target)
    protocol = chance.choice(("tcp", "tcp", "udp")) if needs_protocol or chance.random() < 0.5 else ""
    if "tcp-reset" in target:
        protocol = "tcp"
    return " ".join((*_matches(chance, words, hook, protocol), target))


def _names_ports(target: str) -> bool:
    last = target.rsplit(" ", 1)[-1]
    return "--to-ports" in target or ("--to-" in target and ("]:" in last or last.count(":") == 1))


def _matches(chance: Random, words: _Words, hook: str, protocol: str) -> list[str]:
    found = []
    if chance.random() < 0.3:
        found.append(f"{_not(chance)}-d {chance.choice(words.prefixes)}")
    if chance.random() < 0.15:
        found.append(f"{_not(chance)}-s {chance.choice(words.prefixes)}")
    if hook in (*_IN_HOOKS, "FORWARD") and chance.random() < 0.25:
        found.append(f"{_not(chance)}-i {chance.choice(('lo', 'eth0', 'eth1', 'eth+'))}")
    if hook in (*_OUT_HOOKS, "FORWARD") and chance.random() < 0.25:
        found.append(f"{_not(chance)}-o {chance.choice(('lo', 'eth0', 'eth1', 'eth+'))}")
    if protocol:
        found.append(f"-p {protocol}")
        found += _port_matches(chance, protocol)
    elif chance.random() < 0.1:
        found.append(f"{_not(chance)}-p {chance.choice(('tcp', 'udp'))}")
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        found.append(_other_match(chance, words, hook))
    return found


def _not(chance: Random) -> str:
    return "! " if chance.random() < 0.3 else ""


def _port_matches(chance: Random, protocol: str) -> list[str]:
    port = chance.choice(_PORTS)
    kind = chance.random()
    if kind < 0.4:
        return [f"-m {protocol} {_not(chance)}--dport {port}"]
    if kind < 0.5:
        return [f"-m {protocol} --dport {port}:{port + chance.choice((1, 1000, 9000))}"]
    if kind < 0.6:
        return [f"-m multiport {_not(chance)}--dports {port},{chance.choice(_PORTS)},15000:15010"]
    if kind < 0.65:
        return [f"-m {protocol} {_not(chance)}--sport 20000:29999"]
    if kind < 0.72 and protocol == "tcp":
        return [f"-m tcp {_not(chance)}--tcp-flags FIN,SYN,RST,ACK SYN"]
    return []


def _other_match(chance: Random, words: _Words, hook: str) -> str:
    negation = _not(chance)
    kinds = ("LOCAL", "LOCAL", "UNICAST", "LOCAL,UNICAST", "LOCAL" if words.v6 else "BLACKHOLE")
    local = f"-m addrtype {negation}--dst-type {chance.choice(kinds)}"
    first = words.own[0]
    choices = [
        f"-m mark {negation}--mark {chance.choice(_MARKS)}",
        f"-m mark {negation}--mark {chance.choice(_MARKS)}",
        f"-m connmark {negation}--mark {chance.choice(_MARKS)}",
        f"-m conntrack {negation}--ctstate {chance.choice(_STATES)}",
        f"-m conntrack {negation}--ctorigdst {chance.choice(words.prefixes)}",
        f"-m conntrack {negation}--ctreplsrc {chance.choice(words.prefixes)}",
        f"-m conntrack --ctorigdstport {chance.choice(_PORTS)} --ctdir {chance.choice(('ORIGINAL', 'REPLY'))}",
        f"-m conntrack --ctstate INVALID,NEW {negation}--ctrepldstport 20000:29999",
        f"-m conntrack {negation}--ctstatus {chance.choice(('CONFIRMED', 'SEEN_REPLY', 'NONE'))}",
        f"-m state --state {chance.choice(('NEW', 'RELATED,ESTABLISHED', 'INVALID'))}",
        local,
        local,
        f"-m addrtype {negation}--src-type LOCAL",
        f"-m iprange {negation}--dst-range {first}-{first[:-1]}9",
        f"-m iprange {negation}--src-range {first}-{first[:-1]}2",
        '-m comment --comment "a remark"',
    ]
    if hook in _OUT_HOOKS:
        choices += [
            f"-m owner {negation}--uid-owner {chance.choice(('0', '1337', '1000-1400'))}",
            f"-m owner {negation}--gid-owner {chance.choice(('1337', '0-999'))}",
            f"-m owner {negation}--gid-owner 2000 --suppl-groups",
            f"-m owner {negation}--socket-exists",
            f"-m addrtype {negation}--dst-type LOCAL --limit-iface-out",
        ] * 2
    if hook in _IN_HOOKS:
        choices += [
            f"-m socket {chance.choice(('', '--transparent', '--nowildcard', '--transparent --nowildcard'))}".rstrip(),
            f"-m addrtype {negation}--dst-type LOCAL --limit-iface-in",
        ]
    return chance.choice(choices)


def _targets(chance: Random, words: _Words, table: str, hook: str) -> list[str]:
    mark = chance.choice(("0x1/0xf", "0x10/0xf0", "0x539/0xffffffff", "0x20/0xf0", "0x0/0xffffffff", "0x3/0x0"))
    found = ["-j ACCEPT", "-j RETURN", "-j RETURN", "", f"-j MARK --set-xmark {mark}"]
    if table != "nat" and chance.random() < 0.15:
        found += ["-j DROP"]
    if table == "raw":
        found += [
            "-j NOTRACK", "-j CT --notrack", "-j CT --zone 1", "-j CT --zone-orig 2", "-j CT --zone-reply 3",
        ]  # fmt: skip
    if table in ("mangle", "nat", "filter"):
        found += [
            f"-j CONNMARK --set-xmark {mark}",
            "-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff",
            f"-j CONNMARK --restore-mark --nfmask {chance.choice(('0xff', '0xffffffff'))} --ctmask 0xffffffff",
        ]
    if table == "mangle":
        found += [f"-j MARK --set-xmark {mark}"] * 3
        if hook == "PREROUTING":
            port = chance.choice((15006, 15006, 15001, 15009, 8080, 1))
            found += [f"-j TPROXY --on-port {port} --tproxy-mark {chance.choice(('0x539', '0x0', '0x10/0xf0'))}"] * 4
    if table == "filter":
        found += ["-j REJECT", "-j REJECT --reject-with tcp-reset"] if chance.random() < 0.3 else []
    if table == "nat":
        found += _nat_targets(chance, words, hook)
    return found


def _nat_targets(chance: Random, words: _Words, hook: str) -> list[str]:
    ip = chance.choice(words.targets)
    bracketed = f"[{ip}]" if words.v6 else ip
    port = chance.choice(_PORTS)
    network = "2001:db8:8::/48" if words.v6 else "10.98.0.0/16"
    if hook in ("PREROUTING", "OUTPUT"):
        several = "2001:db8::10-2001:db8::1f" if words.v6 else "10.99.0.16-10.99.0.31"
        return [
            f"-j REDIRECT --to-ports {chance.choice((15001, 15006, 15053, 8080))}",
            f"-j REDIRECT --to-ports {chance.choice((15001, 15006, 15053, 8080))}",
            "-j REDIRECT",
            f"-j REDIRECT --to-ports {port}-{port + 2}",
            f"-j DNAT --to-destination {ip}",
            f"-j DNAT --to-destination {bracketed}:{port}",
            f"-j DNAT --to-destination {bracketed}:{port}-{port + 3}",
            f"-j DNAT --to-destination {several}{' --persistent' if chance.random() < 0.3 else ''}",
            f"-j NETMAP --to {network}",
        ]
    if hook == "INPUT":
        return [f"-j SNAT --to-source {chance.choice((*words.own, *words.targets))}"]
    return [
        f"-j SNAT --to-source {chance.choice((*words.own, *words.targets))}",
        f"-j SNAT --to-source {chance.choice(words.own)}",
        "-j MASQUERADE",
        "-j MASQUERADE",
        f"-j NETMAP --to {network}",
    ]


def _probe(chance: Random, words: _Words) -> Probe:
    protocol = chance.choice(("tcp", "tcp", "udp"))
    port = chance.choice(_PORTS)
    if chance.random() < 0.4:
        device = chance.choice(("eth0", "eth0", "eth1"))
        source = chance.choice(words.sources)
        if chance.random() < 0.08:
            source = chance.choice((*words.own, words.remote[-2], *(() if words.v6 else ("127.0.0.1",))))
        return Probe(protocol, source, chance.choice((*words.own, *words.own, *words.remote)), port, device)
    uid, gid = chance.choice(((1000, 1000), (1337, 1337), (1000, 1337), (1337, 1000), (0, 0), (0, 1337)))
    source, destination = words.own[0], chance.choice((*words.remote, *words.own))
    kind = chance.random()
    transparent = False
    if kind < 0.2:
        source = destination = words.loopback
        if not words.v6 and chance.random() < 0.4:
            destination = "127.0.0.5"
        if chance.random() < 0.3:
            source = words.own[0]
    elif kind < 0.3:
        source = words.own[-1]
    elif kind < 0.4:
        source, transparent, destination = words.sources[0], True, chance.choice(words.own)
    elif kind < 0.45 and not words.v6:
        source, destination = "127.0.0.6", chance.choice(words.own)
    groups = (2000,) if chance.random() < 0.1 else ()
    mark = chance.choice((0, 0, 0, 0, 0x539, 0x10, 0x20))
    return Probe(protocol, source, destination, port, "", uid, gid, groups, mark, transparent)
