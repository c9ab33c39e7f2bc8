"""The targets of table nat: REDIRECT, DNAT, SNAT, MASQUERADE, NETMAP. What they choose in is nat_range's.

Upstream: linux net/netfilter/nf_nat_redirect.c, nf_nat_masquerade.c, xt_nat.c, xt_NETMAP.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ..address import LOOPBACK_V4, LOOPBACK_V6, V6_BIT, is_loopback
from . import values
from .addresses import is_link_scoped
from .conntrack import Ends
from .frame import Frame
from .nat_range import NatRange
from .rules import Target, Verdict

Given = Mapping[str, tuple[str, ...]]
"""Option -> its values, as a rule gives them."""

_RANDOM = ("--random", "--random-fully")
_SOURCE_HOOKS = ("INPUT", "POSTROUTING")


def redirect(name: str, given: Given, v6: bool) -> Target:
    """OUTPUT to loopback, PREROUTING to the interface's first address."""
    words, ports, random = _ports(given)
    loopback = LOOPBACK_V6 if v6 else LOOPBACK_V4
    port = ports.start if ports is not None and len(ports) == 1 else None

    def apply(frame: Frame) -> Verdict:
        ip = loopback
        if frame.hook != "OUTPUT":
            primary = frame.addresses.primary(frame.incoming, v6=v6)
            if primary is None and frame.incoming in frame.addresses.interfaces:
                return Verdict.DROP
            ip = frame.destination if primary is None else primary
        if port is not None and frame.tracked is not None:
            frame.destination, frame.destination_port = ip, port
            frame.tracked = frame.tracked.with_destination(ip, port)
        else:
            _send_to(frame, NatRange(ip, ip, ports, random=random))
        return Verdict.ACCEPT

    return Target(name, words, Verdict.CHANGE, apply)


def destination_nat(name: str, given: Given, v6: bool) -> Target:
    if "--to-destination" not in given:
        raise ValueError("DNAT needs --to-destination")
    text = given["--to-destination"][0]
    allowed = _range(text, given, v6=v6)

    def apply(frame: Frame) -> Verdict:
        _send_to(frame, allowed)
        return Verdict.ACCEPT

    return Target(name, ("--to-destination", text, *_flags(given)), Verdict.CHANGE, apply)


def source_nat(name: str, given: Given, v6: bool) -> Target:
    if "--to-source" not in given:
        raise ValueError("SNAT needs --to-source")
    text = given["--to-source"][0]
    allowed = _range(text, given, v6=v6)

    def apply(frame: Frame) -> Verdict:
        _come_from(frame, allowed)
        return Verdict.ACCEPT

    return Target(name, ("--to-source", text, *_flags(given)), Verdict.CHANGE, apply)


def masquerade(name: str, given: Given, v6: bool) -> Target:
    """The address the way out would give a socket of this host."""
    words, ports, random = _ports(given)

    def apply(frame: Frame) -> Verdict:
        ip = _own_address_v6(frame) if v6 else _own_address_v4(frame)
        if ip is None:
            return Verdict.DROP
        _come_from(frame, NatRange(ip, ip, ports, random=random))
        return Verdict.ACCEPT

    return Target(name, words, Verdict.CHANGE, apply)


def network_map(name: str, given: Given, v6: bool) -> Target:
    if "--to" not in given:
        raise ValueError("NETMAP needs --to")
    network, mask = values.prefix(given["--to"][0], v6=v6)
    bits = mask & ~V6_BIT

    def mapped(ip: int) -> NatRange:
        new = network & mask | ip & ~bits & (~0 if v6 else 0xFFFFFFFF)
        return NatRange(new, new)

    def apply(frame: Frame) -> Verdict:
        if frame.hook in _SOURCE_HOOKS:
            _come_from(frame, mapped(frame.source))
        else:
            _send_to(frame, mapped(frame.destination))
        return Verdict.ACCEPT

    return Target(name, ("--to", values.prefix_text(network, mask)), Verdict.CHANGE, apply)


# -- what they share ----------------------------------------------------------------------------------------------


def _current(frame: Frame) -> Ends:
    """The connection as nat has it by now, seen from its first packet."""
    return frame.tracked.answer.turned() if frame.tracked is not None else frame.ends


def _send_to(frame: Frame, allowed: NatRange) -> None:
    zone = frame.tracked.zone.id if frame.tracked is not None else 0
    ip, port = allowed.destination(_current(frame), zone)
    frame.destination, frame.destination_port = ip, port
    if frame.tracked is not None:
        frame.tracked = frame.tracked.with_destination(ip, port)


def _come_from(frame: Frame, allowed: NatRange) -> None:
    zone = frame.tracked.zone.id if frame.tracked is not None else 0
    ip, port = allowed.source(_current(frame), zone)
    frame.source, frame.source_port = ip, port
    if frame.tracked is not None:
        frame.tracked = frame.tracked.with_source(ip, port)


def _own_address_v4(frame: Frame) -> int | None:
    """linux inet_select_addr: of the way out's addresses the one beside the next hop, else its first, else any."""
    route = frame.nexthop
    next_hop = frame.destination if route is None or route.gateway is None else route.gateway
    held = [
        (ip, mask)
        for ip, mask in frame.addresses.interfaces.get(frame.outgoing, ())
        if ip < V6_BIT and not is_loopback(ip)
    ]
    beside = next((ip for ip, mask in held if ip & mask == next_hop & mask), None)
    if beside is not None or held:
        return beside if beside is not None else held[0][0]
    return next(
        (
            ip
            for addresses in frame.addresses.interfaces.values()
            for ip, _ in addresses
            if ip < V6_BIT and not is_loopback(ip)
        ),
        None,
    )


def _own_address_v6(frame: Frame) -> int | None:
    """linux ipv6_dev_get_saddr, as far as addresses without lifetimes and labels go."""
    held = [
        (device, ip, mask)
        for device, addresses in frame.addresses.interfaces.items()
        for ip, mask in addresses
        if ip >= V6_BIT
    ]
    if not held:
        return None

    def merit(entry: tuple[str, int, int]) -> tuple[bool, bool, bool, int]:
        device, ip, _ = entry
        differing = (ip ^ frame.destination).bit_length()
        same_scope = is_link_scoped(ip) == is_link_scoped(frame.destination)
        return ip == frame.destination, same_scope, device == frame.outgoing, -differing

    return max(held, key=merit)[1]


def _flags(given: Given) -> tuple[str, ...]:
    return tuple(option for option in (*_RANDOM, "--persistent") if option in given)


def _ports(given: Given) -> tuple[tuple[str, ...], range | None, bool]:
    """(words, ports, random) of REDIRECT and MASQUERADE."""
    text = given.get("--to-ports", ("",))[0]
    ports = values.port_range(text, "-") if text else None
    words = (*(("--to-ports", values.range_text(ports, "-")) if ports is not None else ()), *_flags(given))
    return words, ports, any(option in given for option in _RANDOM)


_BRACKETED = re.compile(r"\[([^\]]*)\](?::(.*))?")


def _range(text: str, given: Given, *, v6: bool) -> NatRange:
    """`IP[-IP][:PORT[-PORT][/BASE]]`; IPv6 addresses in brackets where a port follows."""
    bracketed = _BRACKETED.fullmatch(text)
    if v6:
        addresses, ports_text = (bracketed[1], bracketed[2] or "") if bracketed else (text, "")
        if text.startswith(":") and not text.startswith("::"):
            addresses, ports_text = "", text[1:]
    else:
        addresses, _, ports_text = text.partition(":")
    first: int | None = None
    last: int | None = None
    if addresses:
        first_text, dash, last_text = addresses.partition("-")
        first = values.address(first_text.strip("[]"), v6=v6)
        last = values.address(last_text.strip("[]"), v6=v6) if dash else first
        if last < first:
            raise ValueError(f"{text!r} ends before it begins")
    ports, _, base_text = ports_text.partition("/")
    return NatRange(
        first,
        last,
        values.port_range(ports, "-") if ports else None,
        values.port(base_text) if base_text else None,
        any(option in given for option in _RANDOM),
        "--persistent" in given,
    )


Compile = Callable[[str, Given, bool], Target]
