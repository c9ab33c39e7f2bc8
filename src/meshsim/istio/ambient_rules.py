"""The packet rules of ambient mode: those of a pod whose traffic ztunnel takes, and the one of its node.

Upstream: istio/istio cni/pkg/iptables/iptables.go and cni/pkg/nftables (since 1.21).
"""

from __future__ import annotations

from collections.abc import Iterator

from .interception import DNS_PORT, FAMILIES, Interception
from .pod_rules import Notation, PodRule, jump, redirect, redirect_udp, tracking_zone

PROXY_MARK = "0x539"
"""On the sockets of the proxy."""
CONNECTION_MARK = "0x111"
"""On connections the proxy opened to the application."""
MARK_MASK = "0xfff"
ROUTE_TABLE = "100"
RULE_PREFERENCE = "32764"
HOST_PROBE_SOURCE = {"v4": "169.254.7.127", "v6": "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"}
"""What the node gives to the kubelet's probes as their source."""
KUBELET_UID = "0"
"""The user nftables tells the kubelet by; iptables asks for any socket of the node."""
PROBED_PODS = {"v4": "istio-inpod-probes-v4", "v6": "istio-inpod-probes-v6"}
"""Sets of the node that hold the addresses of its ambient pods."""

TCP = Notation("-p tcp", "meta l4proto tcp")
_FROM_PROXY = f"-m mark --mark {PROXY_MARK}/{MARK_MASK}"
_NOT_FROM_PROXY = f"-m mark ! --mark {PROXY_MARK}/{MARK_MASK}"
_NFT_NOT_FROM_PROXY = f"mark and {MARK_MASK} != {PROXY_MARK}"


def ambient_rules(wanted: Interception, host_probe_source: dict[str, str] | None = None) -> tuple[PodRule, ...]:
    """In emission order, of one pod."""
    probes = HOST_PROBE_SOURCE if host_probe_source is None else host_probe_source
    return (*_connection_marks(), *_nat(wanted, probes), *(_dns_zones() if wanted.redirect_dns else ()))


def _jumps(table: str, *hooks: str) -> Iterator[PodRule]:
    for hook in hooks:
        chain = "ISTIO_PRERT" if hook == "PREROUTING" else "ISTIO_OUTPUT"
        action = jump(chain)
        # the nftables form does not count these
        uncounted = Notation(action.iptables, action.nftables.removeprefix("counter "))
        yield PodRule(table, hook, Notation("", ""), uncounted)


def _connection_marks() -> Iterator[PodRule]:
    """Answers of the application to connections of the proxy find their way back to it."""
    yield from _jumps("mangle", "PREROUTING", "OUTPUT")
    from_proxy = Notation(_FROM_PROXY, f"meta mark & {MARK_MASK} == {PROXY_MARK}")
    kept_bits = f"{0xFFFFFFFF & ~int(MARK_MASK, 16):#x}"
    remembered = Notation(
        f"-j CONNMARK --set-xmark {CONNECTION_MARK}/{MARK_MASK}",
        f"counter ct mark set ct mark & {kept_bits} | {CONNECTION_MARK}",
    )
    yield PodRule("mangle", "ISTIO_PRERT", from_proxy, remembered)
    of_proxy = Notation(
        f"-m connmark --mark {CONNECTION_MARK}/{MARK_MASK}", f"ct mark and {MARK_MASK} == {CONNECTION_MARK}"
    )
    restored = Notation(
        "-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff", "counter meta mark set ct mark"
    )
    yield PodRule("mangle", "ISTIO_OUTPUT", of_proxy, restored)


def _nat(wanted: Interception, probes: dict[str, str]) -> Iterator[PodRule]:
    loopback = {family: wanted.loopback_of(family) for family in FAMILIES}
    yield from _jumps("nat", "OUTPUT", "PREROUTING")
    for device in wanted.virtual_interfaces:
        entering = Notation(f"-i {device} -p tcp", f"iifname {device} meta l4proto tcp")
        yield PodRule("nat", "ISTIO_PRERT", entering, redirect(wanted.outbound_port))
        yield PodRule("nat", "ISTIO_PRERT", entering, jump("RETURN"))
    if not wanted.ambient_ingress:
        probe = Notation("-s {address} -p tcp -m tcp", "meta l4proto tcp {ip} saddr {address}")
        yield PodRule("nat", "ISTIO_PRERT", probe, jump("ACCEPT"), probes)
    answer = Notation("-d {address} -p tcp -m tcp", "meta l4proto tcp {ip} daddr {address}")
    yield PodRule("nat", "ISTIO_OUTPUT", answer, jump("ACCEPT"), probes)
    if not wanted.ambient_ingress:
        inbound = Notation(
            f"! -d {{address}} -p tcp ! --dport {wanted.tunnel_port} {_NOT_FROM_PROXY}",
            f"{{ip}} daddr != {{address}} tcp dport != {wanted.tunnel_port} {_NFT_NOT_FROM_PROXY}",
        )
        yield PodRule("nat", "ISTIO_PRERT", inbound, redirect(wanted.inbound_port), loopback)
    if wanted.redirect_dns:
        asked = Notation(
            f"! -o lo -p udp {_NOT_FROM_PROXY} -m udp --dport 53", f"oifname != lo {_NFT_NOT_FROM_PROXY} udp dport 53"
        )
        yield PodRule("nat", "ISTIO_OUTPUT", asked, redirect_udp(DNS_PORT))
        asked_by_tcp = Notation(
            f"! -d {{address}} -p tcp --dport 53 {_NOT_FROM_PROXY}",
            f"{{ip}} daddr != {{address}} tcp dport 53 {_NFT_NOT_FROM_PROXY}",
        )
        yield PodRule("nat", "ISTIO_OUTPUT", asked_by_tcp, redirect(DNS_PORT), loopback)
    to_proxy = Notation(
        f"-p tcp -m mark --mark {CONNECTION_MARK}/{MARK_MASK}",
        f"meta l4proto tcp mark and {MARK_MASK} == {CONNECTION_MARK}",
    )
    yield PodRule("nat", "ISTIO_OUTPUT", to_proxy, jump("ACCEPT"))
    to_itself = Notation("! -d {address} -o lo", "oifname lo {ip} daddr != {address}")
    yield PodRule("nat", "ISTIO_OUTPUT", to_itself, jump("ACCEPT"), loopback)
    outbound = Notation(
        f"! -d {{address}} -p tcp {_NOT_FROM_PROXY}",
        f"meta l4proto tcp {{ip}} daddr != {{address}} {_NFT_NOT_FROM_PROXY}",
    )
    yield PodRule("nat", "ISTIO_OUTPUT", outbound, redirect(wanted.outbound_port), loopback)


def _dns_zones() -> Iterator[PodRule]:
    yield from _jumps("raw", "PREROUTING", "OUTPUT")
    asks = Notation(
        f"-p udp {_FROM_PROXY} -m udp --dport 53", f"udp dport 53 meta mark and {MARK_MASK} == {PROXY_MARK}"
    )
    yield PodRule("raw", "ISTIO_OUTPUT", asks, tracking_zone(1))
    answers = Notation(
        f"-p udp {_NOT_FROM_PROXY} -m udp --sport 53", f"udp sport 53 meta mark and {MARK_MASK} != {PROXY_MARK}"
    )
    yield PodRule("raw", "ISTIO_PRERT", answers, tracking_zone(1))


def host_rules_iptables(host_probe_source: dict[str, str] | None = None) -> tuple[PodRule, ...]:
    """In the node's namespace: packets of its own processes to ambient pods get the source that pods let through."""
    return tuple(_host_rules(host_probe_source or HOST_PROBE_SOURCE))


def _host_rules(probes: dict[str, str]) -> Iterator[PodRule]:
    yield PodRule("nat", "POSTROUTING", Notation("", ""), jump("ISTIO_POSTRT"), position=1)
    for family in FAMILIES:
        matches = Notation(f"-m owner --socket-exists -p tcp -m set --match-set {PROBED_PODS[family]} dst", "")
        action = Notation("-j SNAT --to-source {address}", "")
        yield PodRule("nat", "ISTIO_POSTRT", matches, action, {family: probes[family]})


def host_rules_nftables(
    kubelet_uid: str = KUBELET_UID, host_probe_source: dict[str, str] | None = None
) -> tuple[PodRule, ...]:
    """The same where the node uses nftables: one rule in the base chain, and the kubelet told by its user."""
    probes = host_probe_source or HOST_PROBE_SOURCE
    return tuple(
        PodRule(
            "nat",
            "POSTROUTING",
            Notation("", f"meta l4proto tcp skuid {kubelet_uid} {{ip}} daddr @{PROBED_PODS[family]}"),
            Notation("", "counter snat to {address}"),
            {family: probes[family]},
        )
        for family in FAMILIES
    )
