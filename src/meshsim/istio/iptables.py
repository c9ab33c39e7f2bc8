"""What istio-iptables does to a pod with given settings: rules in either notation, and routes and addresses besides.

Text only, nothing compiled. Upstream: istio/istio tools/istio-iptables/pkg/capture/run.go.
"""

from __future__ import annotations

from .ambient_rules import (
    CONNECTION_MARK,
    MARK_MASK,
    ROUTE_TABLE,
    RULE_PREFERENCE,
    ambient_rules,
    host_rules_iptables,
    host_rules_nftables,
)
from .interception import Family, Interception
from .iptables_flags import read_flags
from .iptables_settings import read_settings
from .pod_rules import PodRule, iptables_restore, nftables_commands
from .saved_form import iptables_saved
from .sidecar_rules import sidecar_rules
from .sidecar_rules_1_7 import sidecar_rules_1_7

DEFAULT_ARGUMENTS = (
    "-p", "15001", "-z", "15006", "-u", "1337", "-g", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*",
    "-d", "15090,15021,15020",
)  # fmt: skip
"""What the injector gives to istio-init when nobody asks for anything else."""


def pod_rules(wanted: Interception) -> tuple[PodRule, ...]:
    """In emission order."""
    if wanted.ambient_host:
        return host_rules_iptables()
    if wanted.ambient:
        return ambient_rules(wanted)
    return sidecar_rules_1_7(wanted) if wanted.old else sidecar_rules(wanted)


def restore_text(wanted: Interception, family: Family) -> str:
    """The input of iptables-restore (ip6tables-restore); empty where the family gets no rules."""
    return iptables_restore(pod_rules(wanted), family) if family in wanted.families else ""


def saved_text(wanted: Interception, family: Family) -> str:
    """The same as iptables-save prints it afterwards."""
    return iptables_saved(pod_rules(wanted), family) if family in wanted.families else ""


def nftables_text(wanted: Interception) -> str:
    """The input of `nft -f -`."""
    rules = host_rules_nftables() if wanted.ambient_host else pod_rules(wanted)
    return nftables_commands(rules, wanted.families, "istio-ambient" if wanted.ambient else "istio-proxy")


def ip_rules(wanted: Interception) -> tuple[tuple[Family, str], ...]:
    """(family, what follows `ip rule add`)"""
    if wanted.ambient_host:
        return ()
    if wanted.ambient:
        selector = f"fwmark {CONNECTION_MARK}/{MARK_MASK} pref {RULE_PREFERENCE} lookup {ROUTE_TABLE}"
        return tuple((family, selector) for family in wanted.families)
    if not wanted.tproxy:
        return ()
    selector = f"fwmark {wanted.tproxy_mark} lookup {wanted.tproxy_route_table}"
    return tuple((family, selector) for family in _routed_families(wanted))


def ip_routes(wanted: Interception) -> tuple[tuple[Family, str], ...]:
    """(family, what follows `ip route add`)"""
    if wanted.ambient_host or not (wanted.ambient or wanted.tproxy):
        return ()
    table = ROUTE_TABLE if wanted.ambient else wanted.tproxy_route_table
    everything = {"v4": "0.0.0.0/0", "v6": "::/0"}
    return tuple((family, f"local {everything[family]} dev lo table {table}") for family in _routed_families(wanted))


def _routed_families(wanted: Interception) -> tuple[Family, ...]:
    return wanted.families[:1] if wanted.old else wanted.families


def ip_addresses(wanted: Interception) -> tuple[tuple[Family, str], ...]:
    """(family, what follows `ip addr add`): 127.0.0.6 needs none, its IPv6 twin does."""
    return (("v6", "::6/128 dev lo"),) if wanted.ipv6 and not wanted.ambient else ()


def ip_commands(wanted: Interception) -> tuple[str, ...]:
    """All of these as the commands that set them."""
    kinds = (("addr", ip_addresses(wanted)), ("rule", ip_rules(wanted)), ("route", ip_routes(wanted)))
    return tuple(
        f"ip {'-6 ' if family == 'v6' else ''}{kind} add {words}" for kind, lines in kinds for family, words in lines
    )


def default_sidecar_rules() -> str:
    """Those of a sidecar in REDIRECT mode that nobody configured, IPv4, as the kernel saves them."""
    return saved_text(read_settings(read_flags(DEFAULT_ARGUMENTS)).interception, "v4")
