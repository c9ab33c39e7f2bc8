"""One packet rule as Istio writes it, in both notations, and the text of a whole list of them.

istio-iptables and its nftables twin make the same decisions; so a rule here holds what each writes, side by side, and
a list of rules is decided once. No decision is taken here.
Upstream: istio/istio tools/istio-iptables/pkg/builder, tools/istio-nftables/pkg/builder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from attrs import evolve, frozen

from .interception import FAMILIES, Family

BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
IPTABLES_TABLES = ("mangle", "nat", "raw")
"""In the order iptables-restore is given them."""
NFTABLES_TABLES = ("nat", "mangle", "raw")


class Notation(NamedTuple):
    """A condition or an action; `{address}` stands for the family's address, `{ip}` for nftables' word for it."""

    iptables: str
    nftables: str


ANY = Notation("", "")


@frozen
class PodRule:
    table: str
    chain: str
    matches: Notation
    action: Notation
    addresses: Mapping[Family, str] | None = None
    """Family -> the address the rule names; None: it names none."""
    families: tuple[Family, ...] = FAMILIES
    """Where it is written at all, when it names no address."""
    position: int = 0
    """Where it is inserted, from 1; 0: it is appended."""

    @property
    def target_chain(self) -> str | None:
        """The chain of Istio's it jumps to."""
        words = self.action.iptables.split()
        return words[1] if len(words) == 2 and words[1].startswith("ISTIO_") else None

    def in_family(self, family: Family) -> str | None:
        """Its iptables line; None where it is not written for the family."""
        address = ""
        if self.addresses is not None:
            if family not in self.addresses:
                return None
            address = self.addresses[family]
        elif family not in self.families:
            return None
        command = f"-I {self.chain} {self.position}" if self.position else f"-A {self.chain}"
        words = (command, self.matches.iptables, self.action.iptables)
        return " ".join(word for word in words if word).replace("{address}", address)


def at_position(rule: PodRule, position: int) -> PodRule:
    return evolve(rule, position=position)


def jump(chain: str) -> Notation:
    """To a chain of Istio's, or one of the verdicts RETURN, ACCEPT, DROP."""
    if chain in ("RETURN", "ACCEPT", "DROP"):
        return Notation(f"-j {chain}", f"counter {chain.lower()}")
    return Notation(f"-j {chain}", f"counter jump {nftables_chain(chain)}")


def redirect(port: str) -> Notation:
    return Notation(f"-j REDIRECT --to-ports {port}", f"counter redirect to :{port}")


def redirect_udp(port: str) -> Notation:
    """The UDP rules upstream writes with the option's unique beginning."""
    return Notation(f"-j REDIRECT --to-port {port}", f"counter redirect to :{port}")


def tracking_zone(zone: int) -> Notation:
    return Notation(f"-j CT --zone {zone}", f"counter ct zone set {zone}")


def nftables_chain(chain: str) -> str:
    if chain == "ISTIO_PRERT":
        return "istio-prerouting"
    return chain.lower().replace("_", "-")


def iptables_restore(rules: Iterable[PodRule], family: Family) -> str:
    """What is given to `iptables-restore --noflush` (ip6tables-restore for IPv6); empty where there is no rule."""
    lines: dict[str, list[tuple[PodRule, str]]] = {table: [] for table in IPTABLES_TABLES}
    for rule in rules:
        line = rule.in_family(family)
        if line is not None:
            lines[rule.table].append((rule, line))
    text = []
    for table, written in lines.items():
        if written:
            text.append(f"* {table}")
            text += [f"-N {chain}" for chain in _own_chains([rule for rule, _ in written])]
            text += [line for _, line in written]
            text.append("COMMIT")
    return "".join(line + "\n" for line in text)


def _own_chains(rules: Sequence[PodRule]) -> tuple[str, ...]:
    """Istio's chains in order of their first rule, then those that are only jumped to."""
    filled = [rule.chain for rule in rules if rule.chain not in BUILT_IN]
    return tuple(dict.fromkeys((*filled, *(rule.target_chain for rule in rules if rule.target_chain is not None))))


_HOOKS = {
    ("nat", "PREROUTING"): "type nat hook prerouting priority -100",
    ("nat", "OUTPUT"): "type nat hook output priority -100",
    ("nat", "POSTROUTING"): "type nat hook postrouting priority 100",
    ("mangle", "PREROUTING"): "type filter hook prerouting priority -150",
    ("mangle", "OUTPUT"): "type route hook output priority -150",
    ("raw", "PREROUTING"): "type filter hook prerouting priority -300",
    ("raw", "OUTPUT"): "type filter hook output priority -300",
}
_DECLARED_FIRST = {("raw", "ISTIO_INBOUND"), *((table, "ISTIO_PRERT") for table in NFTABLES_TABLES)}
"""Chains that the nftables form declares before the others of their table."""


def nftables_commands(rules: Iterable[PodRule], families: Sequence[Family], prefix: str) -> str:
    """What is given to `nft -f -`: a transaction that makes the tables `prefix`-nat, -mangle and -raw anew."""
    by_table: dict[str, list[PodRule]] = {table: [] for table in NFTABLES_TABLES}
    for rule in rules:
        by_table[rule.table].append(rule)
    text: list[str] = []
    for table, held in by_table.items():
        lengths: dict[str, int] = {}
        written = [line for rule in held for line in _nftables_rule(rule, families, f"{prefix}-{table}", lengths)]
        if written:
            text += [f"add table inet {prefix}-{table}", f"flush table inet {prefix}-{table}"]
            text += [
                f"add chain inet {prefix}-{table} {nftables_chain(chain)} {{ {hook} ; }}"
                for (of_table, chain), hook in _HOOKS.items()
                if of_table == table and nftables_chain(chain) in lengths
            ]
            own = sorted(_own_chains(held), key=lambda chain: (table, chain) not in _DECLARED_FIRST)
            text += [f"add chain inet {prefix}-{table} {nftables_chain(chain)}" for chain in own]
            text += written
    return "".join(line + "\n" for line in text)


def _nftables_rule(rule: PodRule, families: Sequence[Family], table: str, lengths: dict[str, int]) -> Iterable[str]:
    """The rule, once a family where it names an address; `lengths` counts the rules of each chain so far."""
    chain = nftables_chain(rule.chain)
    if rule.addresses is not None:
        named = [(family, rule.addresses[family]) for family in families if family in rule.addresses]
    else:
        named = [("v4", "")] if set(families) & set(rule.families) else []
    for family, address in named:
        words = " ".join(word for word in (rule.matches.nftables, rule.action.nftables) if word)
        words = words.replace("{address}", address).replace("{ip}", "ip" if family == "v4" else "ip6")
        # nft refuses an index behind the last rule, so what would be inserted there is appended
        inserted = rule.position and rule.position <= lengths.get(chain, 0)
        place = f"inet {table} {chain}"
        lengths[chain] = lengths.get(chain, 0) + 1
        yield f"insert rule {place} index {rule.position - 1} {words}" if inserted else f"add rule {place} {words}"
