"""The packet rules of a sidecar pod, decided one after the other in the order Istio writes them (since 1.25).

Upstream: istio/istio tools/istio-iptables/pkg/capture/run.go and tools/istio-nftables/pkg/capture/run.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from .interception import DNS_PORT, FAMILIES, Family, Interception
from .pod_rules import ANY, Notation, PodRule, at_position, jump, redirect, redirect_udp, tracking_zone

INBOUND_SOURCE = {"v4": "127.0.0.6/32", "v6": "::6/128"}
"""Where Envoy's inbound upstream connections come from."""
LOOPED_MARK = "1338"
"""What the proxy sends to its own pod in TPROXY mode."""


def sidecar_rules(wanted: Interception) -> tuple[PodRule, ...]:
    """In emission order; inserted rules carry their position."""
    return (
        *_excluded_interfaces(wanted),
        *_virtual_interfaces(wanted),
        *_invalid(wanted),
        *_redirect_chains(wanted),
        *_inbound(wanted),
        PodRule("nat", "OUTPUT", ANY, jump("ISTIO_OUTPUT")),
        *_outbound_excluded_ports(wanted),
        _from_inbound_source(),
        *_owners(wanted),
        *_owner_groups(wanted),
        *(_dns(wanted) if wanted.captures_dns else ()),
        PodRule("nat", "ISTIO_OUTPUT", _to("{address}"), jump("RETURN"), _loopback(wanted)),
        *_outbound(wanted),
        *(_tproxy_marks(wanted) if wanted.tproxy else ()),
    )


def _loopback(wanted: Interception) -> dict[Family, str]:
    return {family: wanted.loopback_of(family) for family in FAMILIES}


def _to(prefix: str) -> Notation:
    return Notation(f"-d {prefix}", f"{{ip}} daddr {prefix}")


def _tcp_port(port: str) -> Notation:
    return Notation(f"-p tcp --dport {port}", f"meta l4proto tcp tcp dport {port}")


TCP = Notation("-p tcp", "meta l4proto tcp")


def _excluded_interfaces(wanted: Interception) -> Iterator[PodRule]:
    for device in wanted.excluded_interfaces:
        for table in ("nat", "mangle") if wanted.tproxy else ("nat",):
            coming, going = Notation(f"-i {device}", f"iifname {device}"), Notation(f"-o {device}", f"oifname {device}")
            yield PodRule(table, "PREROUTING", coming, jump("RETURN"))
            yield PodRule(table, "OUTPUT", going, jump("RETURN"))


def _virtual_interfaces(wanted: Interception) -> Iterator[PodRule]:
    for device in wanted.virtual_interfaces:
        rule = PodRule("nat", "PREROUTING", Notation(f"-i {device}", f"iifname {device}"), jump("RETURN"))
        yield at_position(rule, 1)


def _invalid(wanted: Interception) -> Iterator[PodRule]:
    if wanted.drop_invalid:
        invalid = Notation("-m conntrack --ctstate INVALID", "meta l4proto tcp ct state invalid")
        yield PodRule("mangle", "PREROUTING", invalid, jump("ISTIO_DROP"))
        yield PodRule("mangle", "ISTIO_DROP", ANY, jump("DROP"))


def _redirect_chains(wanted: Interception) -> Iterator[PodRule]:
    yield PodRule("nat", "ISTIO_INBOUND", _tcp_port(wanted.tunnel_port), jump("RETURN"))
    yield PodRule("nat", "ISTIO_REDIRECT", TCP, redirect(wanted.outbound_port))
    yield PodRule("nat", "ISTIO_IN_REDIRECT", TCP, redirect(wanted.inbound_port))


def _inbound(wanted: Interception) -> Iterator[PodRule]:
    if not wanted.captures_inbound:
        return
    table = "mangle" if wanted.tproxy else "nat"
    if wanted.tproxy:
        mark, port = wanted.tproxy_mark, wanted.inbound_port
        yield PodRule("mangle", "ISTIO_DIVERT", ANY, _set_mark(mark))
        yield PodRule("mangle", "ISTIO_DIVERT", ANY, jump("ACCEPT"))
        taken = Notation(
            f"-j TPROXY --tproxy-mark {mark}/0xffffffff --on-port {port}",
            f"tproxy {{ip}} to :{port} meta mark set {mark} counter accept",
        )
        elsewhere = Notation("! -d {address} -p tcp", "meta l4proto tcp {ip} daddr != {address}")
        yield PodRule("mangle", "ISTIO_TPROXY", elsewhere, taken, _loopback(wanted))
    yield PodRule(table, "PREROUTING", TCP, jump("ISTIO_INBOUND"))
    if wanted.inbound_all:
        for port in wanted.inbound_excluded_ports:
            yield PodRule(table, "ISTIO_INBOUND", _tcp_port(port), jump("RETURN"))
    for matches, established in _captured_inbound(wanted):
        if wanted.tproxy:
            yield PodRule("mangle", "ISTIO_INBOUND", established, jump("ISTIO_DIVERT"))
            yield PodRule("mangle", "ISTIO_INBOUND", matches, jump("ISTIO_TPROXY"))
        else:
            yield PodRule("nat", "ISTIO_INBOUND", matches, jump("ISTIO_IN_REDIRECT"))


def _captured_inbound(wanted: Interception) -> Iterator[tuple[Notation, Notation]]:
    """The condition of each captured port, and the same for connections that TPROXY already took."""
    state, nft_state = "-m conntrack --ctstate RELATED,ESTABLISHED", "ct state related,established"
    if wanted.inbound_all:
        yield TCP, Notation(f"-p tcp {state}", f"meta l4proto tcp {nft_state}")
        return
    for port in wanted.inbound_ports:
        nft = f"meta l4proto tcp {nft_state} tcp dport {port}"
        yield _tcp_port(port), Notation(f"-p tcp --dport {port} {state}", nft)


def _set_mark(mark: str) -> Notation:
    return Notation(f"-j MARK --set-mark {mark}", f"counter meta mark set {mark}")


def _outbound_excluded_ports(wanted: Interception) -> Iterator[PodRule]:
    for port in wanted.outbound_excluded_ports:
        for protocol in ("tcp", "udp"):
            matches = Notation(f"-p {protocol} --dport {port}", f"{protocol} dport {port}")
            yield PodRule("nat", "ISTIO_OUTPUT", matches, jump("RETURN"))


def _from_inbound_source() -> PodRule:
    matches = Notation("-o lo -s {address}", "oifname lo {ip} saddr {address}")
    return PodRule("nat", "ISTIO_OUTPUT", matches, jump("RETURN"), INBOUND_SOURCE)


def _owners(wanted: Interception) -> Iterator[PodRule]:
    for kind, owners in (("uid", wanted.proxy_uids), ("gid", wanted.proxy_gids)):
        for owner in owners:
            yield from _owner(wanted, kind, owner)


def _owner(wanted: Interception, kind: str, owner: str) -> Iterator[PodRule]:
    """The proxy's calls to this very pod enter by its inbound side; others over lo, and the proxy's own, go free."""
    dns, tunnel = wanted.captures_dns, wanted.tunnel_port
    is_owner, is_other = f"-m owner --{kind}-owner {owner}", f"-m owner ! --{kind}-owner {owner}"
    nft_owner, nft_other = f"sk{kind} {owner}", f"sk{kind} != {owner}"
    # only the rule of a user leaves captured TCP DNS alone; the one of a group was never changed
    ports, nft_ports = f"! --dport {tunnel}", f"tcp dport != {tunnel}"
    if dns and kind == "uid":
        ports, nft_ports = f"-m multiport ! --dports 53,{tunnel}", f"tcp dport != {{ 53, {tunnel} }}"
    to_itself = Notation(
        f"-o lo ! -d {{address}} -p tcp {ports} {is_owner}",
        f"oifname lo meta l4proto tcp {{ip}} daddr != {{address}} {nft_ports} {nft_owner}",
    )
    yield PodRule("nat", "ISTIO_OUTPUT", to_itself, jump("ISTIO_IN_REDIRECT"), _loopback(wanted))
    if not wanted.outbound.holds_loopback():
        others = Notation(f"-o lo {is_other}", f"oifname lo {nft_other}")
        if dns:
            nft = f"oifname lo meta l4proto tcp tcp dport != 53 {nft_other}"
            others = Notation(f"-o lo -p tcp ! --dport 53 {is_other}", nft)
        yield PodRule("nat", "ISTIO_OUTPUT", others, jump("RETURN"))
    yield PodRule("nat", "ISTIO_OUTPUT", Notation(is_owner, nft_owner), jump("RETURN"))


def _owner_groups(wanted: Interception) -> Iterator[PodRule]:
    if wanted.owner_groups is None:
        for group in wanted.excluded_owner_groups:
            matches = Notation(f"-m owner --gid-owner {group}", f"skgid {group}")
            yield PodRule("nat", "ISTIO_OUTPUT", matches, jump("RETURN"))
        return
    matches = Notation(
        " ".join(f"-m owner ! --gid-owner {group}" for group in wanted.owner_groups),
        " ".join(f"skgid != {group}" for group in wanted.owner_groups),
    )
    yield PodRule("nat", "ISTIO_OUTPUT", matches, jump("RETURN"))


def _dns(wanted: Interception) -> Iterator[PodRule]:
    """Queries to the pod's resolvers, or all of them, go to the agent; its own in a conntrack zone of their own."""
    yield PodRule("raw", "OUTPUT", ANY, jump("ISTIO_OUTPUT_DNS"))
    families = tuple(family for family in FAMILIES if wanted.capture_all_dns or wanted.dns_servers.of(family))
    yield PodRule("nat", "ISTIO_OUTPUT", ANY, jump("ISTIO_OUTPUT_DNS"), families=families)
    servers: list[dict[Family, str] | None] = [None]
    if not wanted.capture_all_dns:
        lengths = {"v4": 32, "v6": 128}
        servers = [{family: f"{server}/{lengths[family]}"} for family, server in wanted.dns_servers.both()]
    for protocol, action in (("tcp", redirect(DNS_PORT)), ("udp", redirect_udp(DNS_PORT))):
        for server in servers:
            to, nft_to = (" -d {address}", "{ip} daddr {address} ") if server is not None else ("", "")
            matches = Notation(f"-p {protocol} --dport 53{to}", f"{nft_to}{protocol} dport 53")
            yield PodRule("nat", "ISTIO_OUTPUT_DNS", matches, action, server)
    for kind, owners in (("uid", wanted.proxy_uids), ("gid", wanted.proxy_gids)):
        for owner in owners:
            is_owner, nft_owner = f"-m owner --{kind}-owner {owner}", f"meta sk{kind} {owner}"
            asks = Notation(f"-p udp --dport 53 {is_owner}", f"udp dport 53 {nft_owner}")
            answers = Notation(f"-p udp --sport {DNS_PORT} {is_owner}", f"udp sport {DNS_PORT} {nft_owner}")
            yield PodRule("raw", "ISTIO_OUTPUT_DNS", asks, tracking_zone(1))
            yield PodRule("raw", "ISTIO_OUTPUT_DNS", answers, tracking_zone(2))
    yield PodRule("raw", "PREROUTING", ANY, jump("ISTIO_INBOUND"), families=families)
    for server in servers:
        to, nft_to = (" -d {address}", " {ip} daddr {address}") if server is not None else ("", "")
        asks = Notation(f"-p udp --dport 53{to}", f"udp dport 53{nft_to}")
        of, nft_of = (" -s {address}", " {ip} saddr {address}") if server is not None else ("", "")
        answers = Notation(f"-p udp --sport 53{of}", f"udp sport 53{nft_of}")
        yield PodRule("raw", "ISTIO_OUTPUT_DNS", asks, tracking_zone(2), server)
        yield PodRule("raw", "ISTIO_INBOUND", answers, tracking_zone(1), server)


def _outbound(wanted: Interception) -> Iterator[PodRule]:
    for family, prefix in wanted.outbound_excluded.both():
        yield PodRule("nat", "ISTIO_OUTPUT", _to("{address}"), jump("RETURN"), {family: prefix})
    for port in wanted.outbound_ports:
        matches = Notation(f"-p tcp --dport {port}", f"tcp dport {port}")
        yield PodRule("nat", "ISTIO_OUTPUT", matches, jump("ISTIO_REDIRECT"))
    if wanted.outbound.everything:
        yield PodRule("nat", "ISTIO_OUTPUT", ANY, jump("ISTIO_REDIRECT"))
        for device in wanted.virtual_interfaces:
            rule = PodRule("nat", "PREROUTING", Notation(f"-i {device}", f"iifname {device}"), jump("ISTIO_REDIRECT"))
            yield at_position(rule, 1)
        return
    for family, prefix in wanted.outbound.both():
        for device in wanted.virtual_interfaces:
            matches = Notation(f"-i {device} -d {{address}}", f"iifname {device} {{ip}} daddr {{address}}")
            yield at_position(PodRule("nat", "PREROUTING", matches, jump("ISTIO_REDIRECT"), {family: prefix}), 1)
        yield PodRule("nat", "ISTIO_OUTPUT", _to("{address}"), jump("ISTIO_REDIRECT"), {family: prefix})


def _tproxy_marks(wanted: Interception) -> Iterator[PodRule]:
    """Marks that bring the application's answers back to the proxy, and the proxy's calls to its own pod as well."""
    mark = wanted.tproxy_mark
    marked = Notation(f"-p tcp -m mark --mark {mark}", f"meta l4proto tcp mark {mark}")
    yield PodRule("mangle", "PREROUTING", marked, Notation("-j CONNMARK --save-mark", "counter ct mark set mark"))
    over_lo = Notation(f"-p tcp -o lo -m mark --mark {mark}", f"oifname lo meta l4proto tcp mark {mark}")
    yield PodRule("mangle", "OUTPUT", over_lo, jump("RETURN"))
    for kind, owners in (("uid", wanted.proxy_uids), ("gid", wanted.proxy_gids)):
        for owner in owners:
            matches = Notation(
                f"! -d {{address}} -p tcp -o lo -m owner --{kind}-owner {owner}",
                f"oifname lo meta l4proto tcp {{ip}} daddr != {{address}} sk{kind} {owner}",
            )
            yield PodRule("mangle", "OUTPUT", matches, _set_mark(LOOPED_MARK), _loopback(wanted))
    saved = Notation(f"-p tcp -m connmark --mark {mark}", f"meta l4proto tcp ct mark {mark}")
    restored = Notation("-j CONNMARK --restore-mark", "counter meta mark set ct mark")
    yield PodRule("mangle", "OUTPUT", saved, restored)
    yield at_position(PodRule("mangle", "ISTIO_INBOUND", marked, jump("RETURN")), 1)
    own = Notation("-p tcp -s {address} -i lo", "iifname lo meta l4proto tcp {ip} saddr {address}")
    yield at_position(PodRule("mangle", "ISTIO_INBOUND", own, jump("RETURN"), INBOUND_SOURCE), 2)
    other = Notation(
        f"-p tcp -i lo -m mark ! --mark {LOOPED_MARK}", f"iifname lo meta l4proto tcp mark != {LOOPED_MARK}"
    )
    yield at_position(PodRule("mangle", "ISTIO_INBOUND", other, jump("RETURN")), 3)
