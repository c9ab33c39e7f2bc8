"""Istio's rules as iptables-save prints them once the kernel holds them.

For what Istio writes only: its few matches and targets, each in the spelling that iptables 1.8 gives back. Policies are
ACCEPT and counters zero; tables come in the reverse of the order they were made in, chains of one's own by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..address import V6_BIT, format_ip, make_prefix, parse_ip
from .interception import Family
from .pod_rules import BUILT_IN, PodRule, iptables_restore

_BUILT_IN_OF = {
    "mangle": BUILT_IN,
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
}
_BASE = ("-s", "-d", "-i", "-o", "-p")
"""In the order iptables-save prints them."""
_PORTS = ("--dport", "--sport")
_ALL_MARK_BITS = "0xffffffff"


def iptables_saved(rules: Iterable[PodRule], family: Family) -> str:
    """What `iptables-save` (ip6tables-save) prints in a namespace that has these rules and no others."""
    tables: dict[str, dict[str, list[str]]] = {}
    held: dict[str, list[str]] = {}
    for line in iptables_restore(rules, family).splitlines():
        command, _, rest = line.partition(" ")
        if command == "*":
            held = tables[rest] = {chain: [] for chain in _BUILT_IN_OF[rest]}
        elif command == "-N":
            held[rest] = []
        elif command in ("-A", "-I"):
            chain, *words = rest.split()
            at = len(held[chain]) if command == "-A" else int(words.pop(0)) - 1
            held[chain].insert(at, " ".join(("-A", chain, *_saved_words(words, family))))
    return "".join(line + "\n" for table in reversed(tables) for line in _table_lines(table, tables[table]))


def _table_lines(table: str, chains: dict[str, list[str]]) -> Iterable[str]:
    built_in = _BUILT_IN_OF[table]
    own = sorted(chain for chain in chains if chain not in built_in)
    yield f"*{table}"
    yield from (f":{chain} ACCEPT [0:0]" for chain in built_in)
    yield from (f":{chain} - [0:0]" for chain in own)
    for chain in (*built_in, *own):
        yield from chains[chain]
    yield "COMMIT"


def _saved_words(words: Sequence[str], family: Family) -> list[str]:
    jump = words.index("-j")
    base: dict[str, list[str]] = {}
    modules: list[str] = []
    named: set[str] = set()
    rest = list(words[:jump])
    while rest:
        negation = [rest.pop(0)] if rest[0] == "!" else []
        option = rest.pop(0)
        if option in _BASE:
            value = rest.pop(0)
            base[option] = [*negation, option, saved_prefix(value) if option in ("-s", "-d") else value]
            continue
        if option == "-m":
            named.add(rest[0])
        if option in _PORTS and not named & {"tcp", "udp"}:
            # the protocol's own module is implied where one of its options stands
            protocol = words[words.index("-p") + 1]
            modules += ["-m", protocol]
            named.add(protocol)
        modules += [*negation, option]
        while rest and rest[0] not in ("!", "-m") and not rest[0].startswith("-"):
            value = rest.pop(0)
            modules.append(_saved_mark(value) if option == "--mark" else value)
    target = _saved_target(words[jump + 1], list(words[jump + 2 :]), family)
    given = (base[option] for option in _BASE if option in base and not _says_nothing(base[option]))
    return [*(word for option_words in given for word in option_words), *modules, "-j", *target]


def _says_nothing(words: Sequence[str]) -> bool:
    """A range of all addresses is not kept."""
    return words[0] in ("-s", "-d") and words[1].endswith("/0")


def _saved_target(name: str, words: list[str], family: Family) -> list[str]:
    if name == "REDIRECT":
        return [name, "--to-ports", words[1]]
    if name == "MARK":
        return [name, "--set-xmark", f"{int(words[1], 0):#x}/{_ALL_MARK_BITS}"]
    if name == "CONNMARK" and words[0] != "--set-xmark":
        return [name, words[0], "--nfmask", _ALL_MARK_BITS, "--ctmask", _ALL_MARK_BITS]
    if name == "TPROXY":
        mark, port = words[1], words[3]
        anywhere = "0.0.0.0" if family == "v4" else "::"
        return [name, "--on-port", port, "--on-ip", anywhere, "--tproxy-mark", _saved_mark(mark, show_mask=True)]
    return [name, *words]


def _saved_mark(text: str, *, show_mask: bool = False) -> str:
    value, _, mask = text.partition("/")
    bits = int(mask, 0) if mask else 0xFFFFFFFF
    hidden = bits == 0xFFFFFFFF and not show_mask
    return f"{int(value, 0):#x}" if hidden else f"{int(value, 0):#x}/{bits:#x}"


def saved_prefix(text: str) -> str:
    """A prefix with its host bits gone; IPv4-compatible addresses end as dotted quads, as glibc prints them."""
    address, _, length_text = text.partition("/")
    ip = parse_ip(address)
    length = int(length_text) if length_text else 128 if ip >= V6_BIT else 32
    network, _mask = make_prefix(ip, length)
    high, low = (network ^ V6_BIT) >> 32, network & 0xFFFFFFFF
    if network >= V6_BIT and low >> 16 and high in (0, 0xFFFF):
        return f"::{'ffff:' if high else ''}{format_ip(low)}/{length}"
    return f"{format_ip(network)}/{length}"
