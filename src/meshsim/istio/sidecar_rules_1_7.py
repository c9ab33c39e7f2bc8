"""The packet rules of a sidecar pod as Istio 1.7 wrote them: fewer exceptions, and IPv6 by a poorer list of its own.

Only the iptables notation existed then. Upstream: istio/istio 1.7 tools/istio-iptables/pkg/cmd/run.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from .interception import FAMILIES, LOOPBACK, LOOPBACK_IPV6, Family, Interception
from .pod_rules import ANY, Notation, PodRule, at_position, jump, redirect
from .sidecar_rules import INBOUND_SOURCE

SSH_PORT = "22"
_LOOPBACKS = {"v4": LOOPBACK, "v6": LOOPBACK_IPV6}
_V4: tuple[Family, ...] = ("v4",)


def _only(iptables: str) -> Notation:
    return Notation(iptables, "")


def sidecar_rules_1_7(wanted: Interception) -> tuple[PodRule, ...]:
    """In emission order of each family; inserted rules carry their position."""
    return (
        PodRule("nat", "ISTIO_INBOUND", _only(f"-p tcp --dport {wanted.tunnel_port}"), jump("RETURN")),
        PodRule("nat", "ISTIO_REDIRECT", _only("-p tcp"), redirect(wanted.outbound_port)),
        PodRule("nat", "ISTIO_IN_REDIRECT", _only("-p tcp"), redirect(wanted.inbound_port)),
        *_inbound(wanted),
        PodRule("nat", "OUTPUT", _only("-p tcp"), jump("ISTIO_OUTPUT")),
        *(
            PodRule("nat", "ISTIO_OUTPUT", _only(f"-p tcp --dport {port}"), jump("RETURN"))
            for port in wanted.outbound_excluded_ports
        ),
        PodRule("nat", "ISTIO_OUTPUT", _only("-o lo -s {address}"), jump("RETURN"), INBOUND_SOURCE),
        *_owners(wanted),
        PodRule("nat", "ISTIO_OUTPUT", _only("-d {address}"), jump("RETURN"), _LOOPBACKS),
        *_outbound(wanted),
        *(_tproxy_mark(wanted) if wanted.tproxy else ()),
        *(_dns(wanted) if wanted.redirect_dns else ()),
    )


def _inbound(wanted: Interception) -> Iterator[PodRule]:
    """TPROXY was for IPv4 only: an IPv6 pod was redirected all the same."""
    if not wanted.captures_inbound:
        return
    if wanted.tproxy:
        mark = wanted.tproxy_mark
        yield PodRule("mangle", "ISTIO_DIVERT", ANY, _only(f"-j MARK --set-mark {mark}"), families=_V4)
        yield PodRule("mangle", "ISTIO_DIVERT", ANY, jump("ACCEPT"), families=_V4)
        taken = _only(f"-j TPROXY --tproxy-mark {mark}/0xffffffff --on-port {wanted.outbound_port}")
        yield PodRule("mangle", "ISTIO_TPROXY", _only("! -d {address} -p tcp"), taken, {"v4": LOOPBACK})
        yield from _inbound_chain(wanted, "mangle", _V4)
        yield from _inbound_chain(wanted, "nat", ("v6",))
    else:
        yield from _inbound_chain(wanted, "nat", FAMILIES)


def _inbound_chain(wanted: Interception, table: str, families: tuple[Family, ...]) -> Iterator[PodRule]:
    yield PodRule(table, "PREROUTING", _only("-p tcp"), jump("ISTIO_INBOUND"), families=families)
    captured = [f"-p tcp --dport {port}" for port in wanted.inbound_ports]
    if wanted.inbound_all:
        captured = ["-p tcp"]
        for port in (SSH_PORT, *wanted.inbound_excluded_ports):
            excluded = _only(f"-p tcp --dport {port}")
            yield PodRule(table, "ISTIO_INBOUND", excluded, jump("RETURN"), families=families)
    for matches in captured:
        if table == "mangle":
            established = _only(f"{matches} -m conntrack --ctstate RELATED,ESTABLISHED")
            yield PodRule(table, "ISTIO_INBOUND", established, jump("ISTIO_DIVERT"), families=families)
            yield PodRule(table, "ISTIO_INBOUND", _only(matches), jump("ISTIO_TPROXY"), families=families)
        else:
            yield PodRule(table, "ISTIO_INBOUND", _only(matches), jump("ISTIO_IN_REDIRECT"), families=families)


def _owners(wanted: Interception) -> Iterator[PodRule]:
    families = _V4 if not wanted.outbound.holds_loopback() else ()
    for kind, owners in (("uid", wanted.proxy_uids), ("gid", wanted.proxy_gids)):
        for owner in owners:
            to_itself = _only(f"-o lo ! -d {{address}} -m owner --{kind}-owner {owner}")
            yield PodRule("nat", "ISTIO_OUTPUT", to_itself, jump("ISTIO_IN_REDIRECT"), _LOOPBACKS)
            others = _only(f"-o lo -m owner ! --{kind}-owner {owner}")
            # only the IPv4 list looks at what is captured
            yield PodRule("nat", "ISTIO_OUTPUT", others, jump("RETURN"), families=(*families, "v6"))
            yield PodRule("nat", "ISTIO_OUTPUT", _only(f"-m owner --{kind}-owner {owner}"), jump("RETURN"))


def _outbound(wanted: Interception) -> Iterator[PodRule]:
    for family, prefix in wanted.outbound_excluded.both():
        yield PodRule("nat", "ISTIO_OUTPUT", _only("-d {address}"), jump("RETURN"), {family: prefix})
    for port in wanted.outbound_ports:
        yield PodRule("nat", "ISTIO_OUTPUT", _only(f"-p tcp --dport {port}"), jump("ISTIO_REDIRECT"))
    for device in wanted.virtual_interfaces:
        rule = PodRule("nat", "PREROUTING", _only(f"-i {device}"), jump("RETURN"), families=_V4)
        yield at_position(rule, 1)
    if wanted.outbound.everything:
        yield PodRule("nat", "ISTIO_OUTPUT", ANY, jump("ISTIO_REDIRECT"))
        for device in wanted.virtual_interfaces:
            for family, target in (("v4", "ISTIO_REDIRECT"), ("v6", "RETURN")):
                rule = PodRule("nat", "PREROUTING", _only(f"-i {device}"), jump(target), families=(family,))
                yield at_position(rule, 1)
        return
    for family in FAMILIES:
        for prefix in wanted.outbound.of(family):
            for device in wanted.virtual_interfaces:
                matches = _only(f"-i {device} -d {{address}}")
                rule = PodRule("nat", "PREROUTING", matches, jump("ISTIO_REDIRECT"), {family: prefix})
                yield at_position(rule, 1)
            yield PodRule("nat", "ISTIO_OUTPUT", _only("-d {address}"), jump("ISTIO_REDIRECT"), {family: prefix})
        if wanted.outbound.of(family):
            yield PodRule("nat", "ISTIO_OUTPUT", ANY, jump("RETURN"), families=(family,))


def _tproxy_mark(wanted: Interception) -> Iterator[PodRule]:
    matches = _only("-p tcp -s {address} ! -d {address}")
    action = _only(f"-j MARK --set-mark {wanted.tproxy_mark}")
    yield PodRule("mangle", "OUTPUT", matches, action, {"v4": LOOPBACK})


def _dns(wanted: Interception) -> Iterator[PodRule]:
    """UDP only, straight in the built-in chains; the agent listened on IPv4 only."""
    for kind, owners in (("uid", wanted.proxy_uids), ("gid", wanted.proxy_gids)):
        for owner in owners:
            own = _only(f"-p udp --dport 53 -m owner --{kind}-owner {owner}")
            yield PodRule("nat", "OUTPUT", own, jump("RETURN"), families=_V4)
    to_agent = _only("-j DNAT --to-destination 127.0.0.1:15053")
    yield PodRule("nat", "OUTPUT", _only("-p udp --dport 53"), to_agent, families=_V4)
    source = _only("-j SNAT --to-source 127.0.0.1")
    yield PodRule("nat", "POSTROUTING", _only("-p udp --dport 15053"), source, families=_V4)
