"""Rules of nftables as the walk takes them: chains that stand at a hook with a priority, in tables of any name.

Names are nft's: family/table/chain/position. The walk asks a chain for its part (raw, nat, mangle, filter), which here
follows from type and priority. Upstream: linux include/uapi/linux/netfilter_ipv4.h, net/netfilter/nf_tables_api.c.
"""

from __future__ import annotations

from attrs import define, frozen

from .rules import Chain, Hook, RuleSet, Verdict

CONNTRACK_PRIORITY = -200
"""Chains before it see no connection yet."""
NAT_PRIORITY = -100


@define(eq=False)
class BaseChain(Chain):
    """`table` and `name` are the part it plays and its hook; `shown` is what it is called."""

    shown: str = ""
    priority: int = 0

    @property
    def label(self) -> str:
        return self.shown


def part_of(kind: str, hook: str, priority: int) -> str:
    """Which of iptables' tables a base chain of nftables behaves as."""
    if kind == "nat":
        return "nat"
    if priority <= CONNTRACK_PRIORITY:
        return "raw"
    if kind == "route" and hook == "output":
        return "mangle"
    return "early" if priority < NAT_PRIORITY else "filter"


@frozen(eq=False)
class NftRuleSet(RuleSet):
    """The tables of one address family, those of family inet included."""

    def _hook(self, hook: str, *, nat: bool) -> Hook:
        chains = sorted(
            (
                chain
                for table in self.tables.values()
                for chain in table.chains.values()
                if isinstance(chain, BaseChain) and chain.name == hook and (nat or chain.table != "nat")
            ),
            key=lambda chain: chain.priority,
        )
        return Hook(
            tuple(chain.label for chain in chains),
            tuple(chain for chain in chains if chain.rules or chain.policy is Verdict.DROP),
        )

    def save_text(self) -> str:
        """The rules as `nft list ruleset` prints them, near enough to read (counters left out)."""
        lines = []
        for table in self.tables.values():
            lines.append(f"table {table.name.replace('/', ' ', 1)} {{")
            for name, chain in table.chains.items():
                lines.append(f"\tchain {name} {{")
                lines += [f"\t\t{rule.text}" for rule in chain.rules]
                lines.append("\t}")
            lines.append("}")
        return "".join(line + "\n" for line in lines)
