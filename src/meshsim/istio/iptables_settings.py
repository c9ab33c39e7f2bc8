"""What the flags of istio-iptables mean: checked values, and the traffic they capture.

Checks are those of istio-iptables and, for what it hands on unread, of iptables itself. Each error names the flag as
it was written and the remedy. Upstream: istio/istio tools/istio-iptables/pkg/cmd/root.go, tools/common/config.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from attrs import frozen

from ..address import V6_BIT, parse_ip
from .interception import PROXY_ID, Interception, Ranges
from .iptables_flags import GivenFlags, items

MOST_OWNER_GROUPS = 64
_OWNER = re.compile(r"0|[1-9]\d{0,9}|[A-Za-z_][\w.-]*\$?")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,8}")
_INTERFACE = re.compile(r"[^\s/,!]{1,15}")
CURRENT = "current"
OLD_VERSION = "1.7"


@frozen
class PodFacts:
    """What istio-iptables looks up in the pod where it runs."""

    addresses: tuple[int, ...] = ()
    """The first decides whether IPv6 rules are written."""
    dns_servers: tuple[str, ...] = ()
    """Those of resolv.conf."""


@frozen
class Settings:
    interception: Interception
    installs_nothing: str = ""
    """The flag that keeps it from writing rules; empty: it writes them."""
    nftables: bool = False


def read_settings(
    given: GivenFlags,
    pod: PodFacts | None = None,
    version: str = CURRENT,
    *,
    ambient: bool = False,
    ambient_ingress: bool = False,
    ambient_host: bool = False,
) -> Settings:
    """InputError for a value that istio-iptables or iptables would refuse."""
    pod = pod if pod is not None else PodFacts()
    old = version != CURRENT
    inbound = given.text("--istio-inbound-ports").strip()
    v6 = [bool(address >= V6_BIT) for address in pod.addresses]
    uids = _owners(given, "--proxy-uid") or (PROXY_ID,)
    interception = Interception(
        outbound_port=_port(given, "--envoy-port"),
        inbound_port=_port(given, "--inbound-capture-port"),
        tunnel_port=_port(given, "--inbound-tunnel-port"),
        proxy_uids=uids,
        proxy_gids=_owners(given, "--proxy-gid") or uids,
        tproxy=given.text("--istio-inbound-interception-mode") == "TPROXY",
        tproxy_mark=_mark(given),
        tproxy_route_table=_number(given, "--istio-inbound-tproxy-route-table", 0xFFFFFFFF),
        inbound_all=inbound == "*",
        inbound_ports=() if inbound == "*" else _ports(given, "--istio-inbound-ports"),
        inbound_excluded_ports=_ports(given, "--istio-local-exclude-ports"),
        outbound=_ranges(given, "--istio-service-cidr", lenient=old),
        outbound_excluded=_excluded_ranges(given, lenient=old),
        outbound_ports=_ports(given, "--istio-outbound-ports"),
        outbound_excluded_ports=_ports(given, "--istio-local-outbound-ports-exclude"),
        excluded_interfaces=() if old else _interfaces(given, "--istio-exclude-interfaces"),
        virtual_interfaces=_interfaces(given, "--kube-virt-interfaces"),
        redirect_dns=given.switch("--redirect-dns"),
        capture_all_dns=given.switch("--capture-all-dns") and not old,
        dns_servers=_servers(pod.dns_servers),
        drop_invalid=given.switch("--drop-invalid") and not old,
        owner_groups=None if old else _included_groups(given),
        excluded_owner_groups=() if old else _owners(given, "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"),
        loopback=_loopback(given),
        ipv6=bool(v6) and (v6[0] or (given.switch("--dual-stack") and any(v6))),
        ambient=ambient,
        ambient_ingress=ambient_ingress,
        ambient_host=ambient_host,
        old=old,
    )
    nothing = next((name for name in ("--cleanup-only", "--skip-rule-apply") if given.switch(name)), "")
    return Settings(interception, nothing, given.switch("--native-nftables"))


def _checked(given: GivenFlags, name: str, valid: Callable[[str], bool], what: str, hint: str) -> tuple[str, ...]:
    found = tuple(items(given.text(name)))
    for item in found:
        if not valid(item):
            raise given.wrong(name, f"{item!r} is not {what}", hint)
    return found


def _is_number(text: str, most: int) -> bool:
    """Iptables reads a leading 0 as octal, which nobody means."""
    return text.isascii() and text.isdigit() and (text[0] != "0" or len(text) == 1) and int(text[:11]) <= most


def _is_port_range(text: str) -> bool:
    """iptables takes `8000:8100` too."""
    first, colon, last = text.partition(":")
    if not colon:
        return _is_number(first, 65535)
    return _is_number(first, 65535) and _is_number(last, 65535) and int(first) <= int(last)


def _ports(given: GivenFlags, name: str) -> tuple[str, ...]:
    star = "a lone * captures all; " if name == "--istio-inbound-ports" else ""
    return _checked(given, name, _is_port_range, "a port", f"{star}write numbers up to 65535, separated by commas")


def _port(given: GivenFlags, name: str) -> str:
    return _number(given, name, 65535)


def _number(given: GivenFlags, name: str, most: int) -> str:
    text = given.text(name).strip()
    if not _is_number(text, most):
        raise given.wrong(name, f"{text!r} is not a number up to {most}", "write one number")
    return text


def _mark(given: GivenFlags) -> str:
    name = "--istio-inbound-tproxy-mark"
    text = given.text(name).strip()
    return text if _HEXADECIMAL.fullmatch(text) else _number(given, name, 0xFFFFFFFF)


def _owners(given: GivenFlags, name: str) -> tuple[str, ...]:
    return _checked(
        given, name, lambda item: _OWNER.fullmatch(item) is not None, "a user or group", "write numbers or names"
    )


def _included_groups(given: GivenFlags) -> tuple[str, ...] | None:
    name = "ISTIO_OUTBOUND_OWNER_GROUPS"
    if given.text(name).strip() == "*":
        return None
    groups = _owners(given, name)
    if len(groups) > MOST_OWNER_GROUPS:
        problem = f"{len(groups)} groups, and at most {MOST_OWNER_GROUPS} fit one rule"
        raise given.wrong(name, problem, "exclude groups by ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE instead")
    return groups or None


def _interfaces(given: GivenFlags, name: str) -> tuple[str, ...]:
    return _checked(
        given,
        name,
        lambda item: _INTERFACE.fullmatch(item) is not None,
        "the name of an interface",
        "names have at most 15 characters; separate them by commas",
    )


def _ranges(given: GivenFlags, name: str, *, lenient: bool) -> Ranges:
    """1.7 passed over what is no prefix without failing."""
    text = given.text(name).strip()
    if text == "*":
        return Ranges(everything=True)
    families: dict[bool, list[str]] = {False: [], True: []}
    for item in items(text):
        v6 = _family_of_prefix(item)
        if v6 is not None:
            families[v6].append(item)
        elif not lenient:
            raise given.wrong(name, f"{item!r} is not a range of addresses", _range_remedy(item))
    return Ranges(False, tuple(families[False]), tuple(families[True]))


def _excluded_ranges(given: GivenFlags, *, lenient: bool) -> Ranges:
    name = "--istio-service-exclude-cidr"
    found = _ranges(given, name, lenient=lenient)
    if found.everything:
        raise given.wrong(name, "'*' would exclude everything, which istio-iptables refuses", "leave -i empty instead")
    return found


def _family_of_prefix(text: str) -> bool | None:
    """Whether ADDRESS/LENGTH is IPv6; None when it is no prefix."""
    address, _slash, length = text.partition("/")
    try:
        v6 = parse_ip(address) >= V6_BIT
    except ValueError:
        return None
    return bool(v6) if _is_number(length, 128 if v6 else 32) else None


def _range_remedy(item: str) -> str:
    if item == "*":
        return "a * stands alone, for everything"
    try:
        v6 = parse_ip(item) >= V6_BIT
    except ValueError:
        return "write ADDRESS/LENGTH, such as 10.0.0.0/8"
    return f"write {item}/{128 if v6 else 32} for a single address"


def _loopback(given: GivenFlags) -> str:
    name = "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR"
    text = given.text(name).strip()
    if _family_of_prefix(text) is not False or parse_ip(text.partition("/")[0]) >> 24 != 127:
        raise given.wrong(name, f"{text!r} is not a range of IPv4 loopback addresses", "such as 127.0.0.0/8")
    return text


def _servers(servers: Sequence[str]) -> Ranges:
    v4 = tuple(server for server in servers if parse_ip(server) < V6_BIT)
    return Ranges(False, v4, tuple(server for server in servers if server not in v4))
