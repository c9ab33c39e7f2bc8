"""The targets of a rule: each is one entry in a table. Targets that are not here load as unmodelled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ..address import LOOPBACK_V4, LOOPBACK_V6, split_host_port
from . import values
from .frame import Frame
from .options import TargetKind, unmodelled_target
from .rules import Target, Verdict

Given = Mapping[str, tuple[str, ...]]
"""Option -> its values, as a rule gives them."""

_ALL_BITS = 0xFFFFFFFF
_RANGES = re.compile(r"[0-9a-fA-F.:\[\]]*-[0-9a-fA-F.:\[\]/-]*")
"""A DNAT destination with a range of addresses or ports, of which the kernel picks one."""


def as_written(given: Given) -> tuple[str, ...]:
    return tuple(word for option, option_values in given.items() for word in (option, *option_values))


def _fixed(verdict: Verdict) -> Callable[[str, Given, bool], Target]:
    return lambda name, given, _v6: Target(name, as_written(given), verdict)


def _reject(name: str, given: Given, v6: bool) -> Target:
    kind = given.get("--reject-with", ("icmp6-port-unreachable" if v6 else "icmp-port-unreachable",))
    return Target(name, ("--reject-with", *kind), Verdict.REJECT)


def _flags(given: Given) -> tuple[str, ...]:
    return tuple(option for option in ("--random", "--random-fully", "--persistent") if option in given)


def _redirect(name: str, given: Given, v6: bool) -> Target:
    """linux net/netfilter/nf_nat_redirect.c: OUTPUT to loopback, PREROUTING to the interface's first address."""
    text = given.get("--to-ports", ("",))[0]
    ports = values.port_range(text, "-") if text else None
    words = (*(("--to-ports", values.range_text(ports, "-")) if ports is not None else ()), *_flags(given))
    loopback = LOOPBACK_V6 if v6 else LOOPBACK_V4
    if ports is not None and len(ports) > 1:
        return unmodelled_target(name, words)
    port = ports.start if ports else None

    def apply(frame: Frame) -> Verdict:
        if not frame.incoming:
            frame.destination = loopback
        else:
            primary = frame.addresses.primary(frame.incoming, v6=v6)
            if primary is not None:
                frame.destination = primary
            elif frame.incoming in frame.addresses.interfaces:
                return Verdict.DROP
        if port is not None:
            frame.destination_port = port
        frame.translated = True
        return Verdict.ACCEPT

    return Target(name, words, Verdict.CHANGE, apply)


def _destination_nat(name: str, given: Given, v6: bool) -> Target:
    if "--to-destination" not in given:
        raise ValueError("DNAT needs --to-destination")
    text = given["--to-destination"][0]
    words = ("--to-destination", text, *_flags(given))
    if _RANGES.fullmatch(text):
        return unmodelled_target(name, words)
    host, port = split_host_port(text)
    ip = values.address(host, v6=v6) if host else None

    def apply(frame: Frame) -> Verdict:
        if ip is not None:
            frame.destination = ip
        if port is not None:
            frame.destination_port = port
        frame.translated = True
        return Verdict.ACCEPT

    return Target(name, words, Verdict.CHANGE, apply)


def _set_mark(name: str, given: Given, _v6: bool) -> Target:
    """linux net/netfilter/xt_mark.c: the bits of the mask are cleared, then the value is xored in."""
    if len(given) != 1:
        raise ValueError("MARK needs exactly one of --set-xmark, --set-mark, --and-mark, --or-mark, --xor-mark")
    (option, (text,)) = next(iter(given.items()))
    if option in ("--set-xmark", "--set-mark"):
        value, mask = values.mark(text)
        if option == "--set-mark":
            mask |= value
    else:
        bits = values.decimal(text, _ALL_BITS)
        value, mask = {
            "--and-mark": (0, ~bits & _ALL_BITS),
            "--or-mark": (bits, bits),
            "--xor-mark": (bits, 0),
        }[option]

    def apply(frame: Frame) -> Verdict:
        frame.mark = frame.mark & ~mask ^ value
        return Verdict.CONTINUE

    return Target(name, ("--set-xmark", f"{value:#x}/{mask:#x}"), Verdict.CHANGE, apply)


_MARK_OPTIONS = {"--set-xmark": 1, "--set-mark": 1, "--and-mark": 1, "--or-mark": 1, "--xor-mark": 1}

_HARMLESS = (
    "AUDIT", "CHECKSUM", "CLASSIFY", "CONNSECMARK", "DSCP", "ECN", "HL", "IDLETIMER", "LED", "LOG", "NFLOG", "RATEEST",
    "SECMARK", "TCPMSS", "TCPOPTSTRIP", "TOS", "TRACE", "TTL", "ULOG",
)  # fmt: skip
"""Targets that change nothing about where a first packet goes."""

TARGETS: Mapping[str, TargetKind] = {
    "ACCEPT": TargetKind(_fixed(Verdict.ACCEPT), {}),
    "DROP": TargetKind(_fixed(Verdict.DROP), {}),
    "RETURN": TargetKind(_fixed(Verdict.RETURN), {}),
    "REJECT": TargetKind(_reject, {"--reject-with": 1}, tables=("filter",)),
    "REDIRECT": TargetKind(
        _redirect, {"--to-ports": 1, "--random": 0, "--random-fully": 0}, tables=("nat",), tracks_connections=True
    ),
    "DNAT": TargetKind(
        _destination_nat,
        {"--to-destination": 1, "--random": 0, "--persistent": 0},
        tables=("nat",),
        tracks_connections=True,
    ),
    "MARK": TargetKind(_set_mark, _MARK_OPTIONS),
}

HARMLESS_TARGETS = frozenset(_HARMLESS)

UNMODELLED_TARGETS = frozenset(
    {
        "CLUSTERIP", "CONNMARK", "CT", "DNPT", "HMARK", "MASQUERADE", "NETMAP", "NFQUEUE", "NOTRACK", "QUEUE", "SET",
        "SNAT", "SNPT", "SYNPROXY", "TEE", "TPROXY",
    }
)  # fmt: skip
"""Known names, so that a jump to a chain that does not exist can be told from them."""

TRACKING_TARGETS = frozenset({"CONNMARK", "CT", "MASQUERADE", "NETMAP", "SNAT", "SYNPROXY"})
"""Unmodelled targets that switch conntrack on."""
