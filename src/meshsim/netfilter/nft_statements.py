"""What an nftables rule does: verdicts, nat, marks, zones, TPROXY; several statements in one rule, in their order.

The effects are those of the iptables targets; here stands only what differs.
Upstream: linux net/netfilter/nft_redir.c, nft_nat.c, nft_tproxy.c, nft_meta.c, nft_ct.c.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from ..address import V6_BIT
from . import mark_targets, nat_targets
from .frame import Frame
from .nft_fields import NotModelledError, compile_read, text_of
from .rules import Target, Verdict

Apply = Callable[[Frame], Verdict | None]
"""None: the rule breaks off here, and the next one is asked."""

VERDICTS = {"accept": Verdict.ACCEPT, "drop": Verdict.DROP, "return": Verdict.RETURN, "continue": Verdict.CONTINUE}
COUNTING = frozenset({"counter", "log", "comment", "quota_comment", "notify"})
"""Statements that change nothing about where a packet goes."""
NAT = frozenset({"redirect", "dnat", "snat", "masquerade"})


@frozen(eq=False)
class Statement:
    text: str
    verdict: Verdict
    """CHANGE: `apply` says how to go on."""
    apply: Apply | None = None
    jump: str = ""
    goto: bool = False
    tracks: bool = False


def compile_statement(kind: str, inside: Any, *, v6: bool) -> Statement | None:
    """None for what only counts. NotModelledError for what is not known here."""
    if kind in COUNTING:
        return None
    if kind in VERDICTS:
        return Statement(kind, VERDICTS[kind])
    if kind in ("jump", "goto"):
        return Statement(f"{kind} {inside['target']}", Verdict.JUMP, jump=str(inside["target"]), goto=kind == "goto")
    if kind == "reject":
        return Statement("reject", Verdict.REJECT)
    if kind in NAT:
        return _nat(kind, inside if isinstance(inside, dict) else {}, v6=v6)
    if kind == "mangle":
        return _mangle(inside)
    if kind == "tproxy":
        return _tproxy(inside, v6=v6)
    if kind == "notrack":
        target = mark_targets.connection_target("NOTRACK", {}, v6)
        return Statement("notrack", Verdict.CHANGE, target.apply, tracks=True)
    raise NotModelledError(kind)


def _nat(kind: str, inside: Mapping[str, Any], *, v6: bool) -> Statement:
    if not set(inside) <= {"port", "addr", "family"}:
        raise NotModelledError(f"{kind} {' '.join(inside)}")
    if inside.get("family") not in (None, "ip6" if v6 else "ip"):
        return Statement(kind, Verdict.CHANGE, lambda _frame: None, tracks=True)
    port, address = _range(inside.get("port")), _range(inside.get("addr"))
    text = " ".join(word for word in (kind, "to" if port or address else "", _target(address, port, v6=v6)) if word)
    if kind in ("redirect", "masquerade"):
        given = {"--to-ports": (port,)} if port else {}
        make = nat_targets.redirect if kind == "redirect" else nat_targets.masquerade
        return Statement(text, Verdict.CHANGE, make(kind, given, v6).apply, tracks=True)
    option, make = {
        "dnat": ("--to-destination", nat_targets.destination_nat),
        "snat": ("--to-source", nat_targets.source_nat),
    }[kind]
    target = make(kind, {option: (_target(address, port, v6=v6),)}, v6)
    return Statement(text, Verdict.CHANGE, target.apply, tracks=True)


def _target(address: str, port: str, *, v6: bool) -> str:
    if not port:
        return address
    return f"[{address}]:{port}" if v6 and address else f"{address}:{port}"


def _range(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict) and "range" in value:
        return "-".join(map(str, value["range"]))
    if isinstance(value, int | str) and not isinstance(value, bool):
        return str(value)
    raise NotModelledError(text_of(value))


def _mangle(inside: Mapping[str, Any]) -> Statement:
    key, value = inside["key"], inside["value"]
    text = f"{text_of(key)} set {text_of(value)}"
    if key == {"ct": {"key": "zone"}} and isinstance(value, int):
        target = mark_targets.connection_target("CT", {"--zone": (str(value),)}, False)
        return Statement(text, Verdict.CHANGE, target.apply, tracks=True)
    if key not in ({"meta": {"key": "mark"}}, {"ct": {"key": "mark"}}):
        raise NotModelledError(text)
    _label, read = compile_read(value)
    of_connection = "ct" in key

    def apply(frame: Frame) -> Verdict | None:
        mark = read(frame)
        if not isinstance(mark, int):
            return None
        if not of_connection:
            frame.mark = mark
        elif frame.tracked is not None and not frame.tracked.template:
            frame.tracked = frame.tracked.marked(mark)
        return Verdict.CONTINUE

    return Statement(text, Verdict.CHANGE, apply, tracks=of_connection or "ct" in str(value))


def _tproxy(inside: Mapping[str, Any], *, v6: bool) -> Statement:
    """Where no transparent socket takes the packet the rule breaks off; iptables would drop it."""
    family = inside.get("family")
    port, address = inside.get("port"), inside.get("addr")
    if not isinstance(port, int) or (address is not None and not isinstance(address, str)):
        raise NotModelledError("tproxy")
    text = f"tproxy {family or ''} to {address or ''}:{port}".replace("  ", " ")
    if family not in (None, "ip6" if v6 else "ip"):
        return Statement(text, Verdict.CHANGE, lambda _frame: None)
    given = {"--on-port": (str(port),), **({"--on-ip": (address,)} if address is not None else {})}
    taken = mark_targets.transparent_proxy("TPROXY", given, v6).apply

    def apply(frame: Frame) -> Verdict | None:
        if (frame.destination >= V6_BIT) is not v6 or taken is None or taken(frame) is not Verdict.ACCEPT:
            return None
        return Verdict.CONTINUE

    return Statement(text, Verdict.CHANGE, apply)


def target_of(statements: Sequence[Statement]) -> Target | None:
    """All statements of a rule as one target; a jump is not among them. None when there is none."""
    if not statements:
        return None
    name = " ".join(statement.text for statement in statements)
    if len(statements) == 1 and statements[0].verdict is not Verdict.CHANGE:
        return Target(name, (), statements[0].verdict)

    def apply(frame: Frame) -> Verdict:
        for statement in statements:
            verdict: Verdict | None = statement.verdict
            if statement.apply is not None:
                verdict = statement.apply(frame)
                if verdict is None:
                    return Verdict.CONTINUE
            if verdict is not None and verdict is not Verdict.CONTINUE:
                return verdict
        return Verdict.CONTINUE

    return Target(name, (), Verdict.CHANGE, apply)
