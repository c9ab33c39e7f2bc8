"""The table of targets: each is one entry. Targets that are not here load as unmodelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import mark_targets, nat_targets
from .options import TargetKind
from .rules import Target, Verdict

Given = Mapping[str, tuple[str, ...]]
"""Option -> its values, as a rule gives them."""


def as_written(given: Given) -> tuple[str, ...]:
    return tuple(word for option, option_values in given.items() for word in (option, *option_values))


def _fixed(verdict: Verdict) -> Callable[[str, Given, bool], Target]:
    return lambda name, given, _v6: Target(name, as_written(given), verdict)


def _reject(name: str, given: Given, v6: bool) -> Target:
    kind = given.get("--reject-with", ("icmp6-port-unreachable" if v6 else "icmp-port-unreachable",))
    return Target(name, ("--reject-with", *kind), Verdict.REJECT)


_MARK_OPTIONS = {"--set-xmark": 1, "--set-mark": 1, "--and-mark": 1, "--or-mark": 1, "--xor-mark": 1}
_NAT = ("nat",)

TARGETS: Mapping[str, TargetKind] = {
    "ACCEPT": TargetKind(_fixed(Verdict.ACCEPT), {}),
    "DROP": TargetKind(_fixed(Verdict.DROP), {}),
    "RETURN": TargetKind(_fixed(Verdict.RETURN), {}),
    "REJECT": TargetKind(_reject, {"--reject-with": 1}, tables=("filter",)),
    "REDIRECT": TargetKind(
        nat_targets.redirect, {"--to-ports": 1, "--random": 0, "--random-fully": 0}, _NAT, tracks_connections=True
    ),
    "DNAT": TargetKind(
        nat_targets.destination_nat,
        {"--to-destination": 1, "--random": 0, "--random-fully": 0, "--persistent": 0},
        _NAT,
        tracks_connections=True,
    ),
    "SNAT": TargetKind(
        nat_targets.source_nat,
        {"--to-source": 1, "--random": 0, "--random-fully": 0, "--persistent": 0},
        _NAT,
        tracks_connections=True,
    ),
    "MASQUERADE": TargetKind(
        nat_targets.masquerade, {"--to-ports": 1, "--random": 0, "--random-fully": 0}, _NAT, tracks_connections=True
    ),
    "NETMAP": TargetKind(nat_targets.network_map, {"--to": 1}, _NAT, tracks_connections=True),
    "MARK": TargetKind(mark_targets.set_mark, _MARK_OPTIONS),
    "CONNMARK": TargetKind(
        mark_targets.set_connection_mark,
        {**_MARK_OPTIONS, "--save-mark": 0, "--restore-mark": 0, "--mask": 1, "--nfmask": 1, "--ctmask": 1},
        tracks_connections=True,
    ),
    "CT": TargetKind(
        mark_targets.connection_target,
        {
            "--notrack": 0,
            "--zone": 1,
            "--zone-orig": 1,
            "--zone-reply": 1,
            "--helper": 1,
            "--timeout": 1,
            "--ctevents": 1,
            "--expevents": 1,
        },
        ("raw",),
        tracks_connections=True,
    ),
    "NOTRACK": TargetKind(mark_targets.connection_target, {}, ("raw",)),
    "TPROXY": TargetKind(
        mark_targets.transparent_proxy, {"--on-port": 1, "--on-ip": 1, "--tproxy-mark": 1}, ("mangle",)
    ),
}

_HARMLESS = (
    "AUDIT", "CHECKSUM", "CLASSIFY", "CONNSECMARK", "DSCP", "ECN", "HL", "IDLETIMER", "LED", "LOG", "NFLOG", "RATEEST",
    "SECMARK", "TCPMSS", "TCPOPTSTRIP", "TOS", "TRACE", "TTL", "ULOG",
)  # fmt: skip
"""Targets that change nothing about where a first packet goes."""

HARMLESS_TARGETS = frozenset(_HARMLESS)

UNMODELLED_TARGETS = frozenset({"CLUSTERIP", "DNPT", "HMARK", "NFQUEUE", "QUEUE", "SET", "SNPT", "SYNPROXY", "TEE"})
"""Known names, so that a jump to a chain that does not exist can be told from them."""

TRACKING_TARGETS = frozenset({"SYNPROXY"})
"""Unmodelled targets that switch conntrack on."""
