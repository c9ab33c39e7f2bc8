"""Which flag of istio-iptables, and so which annotation, is behind a rule; told from the rule's own shape.

Works on Istio's rules wherever they come from: made here, or saved from a pod. A rule of nobody's flag, and one that is
not Istio's, has no origin.
"""

from __future__ import annotations

import re

from attrs import frozen

from .iptables_flags import flag_of


@frozen
class Origin:
    flag: str
    """Its long form; for what only the environment sets, the variable."""
    annotation: str
    """Of the pod; empty where there is none."""


@frozen
class _Shape:
    chain: str
    """Pattern of TABLE/CHAIN."""
    rule: str
    """Pattern of what follows the chain's name."""
    flags: tuple[str, ...]
    """Those it can come from."""


_PORT = r"-p tcp (?:-m tcp )?--dport \S+"
_TO = r"-d \S+"
_MODE = "--istio-inbound-interception-mode"

_SHAPES = (
    _Shape("nat/PREROUTING", r"-i \S+ -j RETURN", ("--kube-virt-interfaces", "--istio-exclude-interfaces")),
    _Shape("mangle/PREROUTING", r"-i \S+ -j RETURN", ("--istio-exclude-interfaces",)),
    _Shape("(nat|mangle)/OUTPUT", r"-o \S+ -j RETURN", ("--istio-exclude-interfaces",)),
    _Shape("nat/PREROUTING", r"(-d \S+ )?-i \S+ (-d \S+ )?-j ISTIO_REDIRECT", ("--kube-virt-interfaces",)),
    _Shape("mangle/PREROUTING", r".*INVALID -j (ISTIO_DROP|DROP)", ("--drop-invalid",)),
    _Shape("mangle/ISTIO_DROP", r".*", ("--drop-invalid",)),
    _Shape("nat/ISTIO_INBOUND", r"-p tcp (-m tcp )?--dport 15008 -j RETURN", ("--inbound-tunnel-port",)),
    _Shape("(nat|mangle)/ISTIO_INBOUND", _PORT + " -j RETURN", ("--istio-local-exclude-ports",)),
    _Shape("(nat|mangle)/PREROUTING", r"-p tcp -j ISTIO_INBOUND", ("--istio-inbound-ports",)),
    _Shape(
        "(nat|mangle)/ISTIO_INBOUND",
        rf"(-p tcp|{_PORT})( -m conntrack --ctstate \S+)? -j (ISTIO_IN_REDIRECT|ISTIO_TPROXY|ISTIO_DIVERT)",
        ("--istio-inbound-ports",),
    ),
    _Shape("mangle/(PREROUTING|OUTPUT|ISTIO_INBOUND|ISTIO_DIVERT|ISTIO_TPROXY)", r".*", (_MODE,)),
    _Shape("nat/ISTIO_REDIRECT", r".*REDIRECT.*", ("--envoy-port",)),
    _Shape("nat/ISTIO_IN_REDIRECT", r".*REDIRECT.*", ("--inbound-capture-port",)),
    _Shape(
        "nat/ISTIO_OUTPUT",
        r"-p (tcp|udp) (-m (tcp|udp) )?--dport \S+ -j RETURN",
        ("--istio-local-outbound-ports-exclude",),
    ),
    _Shape("nat/ISTIO_OUTPUT", _PORT + " -j ISTIO_REDIRECT", ("--istio-outbound-ports",)),
    _Shape("nat/ISTIO_OUTPUT", r"-d (127\.|::1/)\S* -j RETURN", ("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR",)),
    _Shape("nat/ISTIO_OUTPUT", _TO + " -j RETURN", ("--istio-service-exclude-cidr",)),
    _Shape("nat/ISTIO_OUTPUT", rf"({_TO} )?-j ISTIO_REDIRECT", ("--istio-service-cidr",)),
    _Shape("nat/ISTIO_OUTPUT", r"(-m owner ! --gid-owner \S+ )+-j RETURN", ("ISTIO_OUTBOUND_OWNER_GROUPS",)),
    _Shape("nat/ISTIO_OUTPUT", r".*--uid-owner.*", ("--proxy-uid",)),
    _Shape("nat/ISTIO_OUTPUT", r".*-o lo.*--gid-owner.*", ("--proxy-gid",)),
    _Shape("nat/ISTIO_OUTPUT", r".*--gid-owner.*", ("--proxy-gid", "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE")),
    _Shape("(nat|raw)/ISTIO_OUTPUT_DNS", r".*", ("--redirect-dns",)),
    _Shape("(nat|raw)/(ISTIO_OUTPUT|OUTPUT)", r".*-j ISTIO_OUTPUT_DNS", ("--redirect-dns",)),
    _Shape("raw/(PREROUTING|ISTIO_INBOUND)", r".*(-j ISTIO_INBOUND|-j CT .*)", ("--redirect-dns",)),
    _Shape("nat/(ISTIO_OUTPUT|OUTPUT)", r".*REDIRECT --to-ports? 15053", ("--redirect-dns",)),
)
"""The first that fits a rule decides."""

_COMPILED = tuple((re.compile(shape.chain), re.compile(shape.rule), shape.flags) for shape in _SHAPES)
_PLAIN = re.compile(r"-[io] \S+ -j RETURN|.*mark (set )?(1337|1338|0x539|0x53a)\b.*")
"""Istio's rules in built-in chains that name no chain of Istio's: interfaces left alone, and TPROXY's marks."""
_COMMAND = re.compile(r"(?:\[\d+:\d+\] )?(?:-A|-I) \S+(?: \d+)? ?")


_NATIVE = "inet/istio-proxy-"
"""What Istio's nftables tables are called, before the iptables table each stands for."""

_NATIVE_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\bmeta l4proto (tcp|udp) (?=.*\b\1 [ds]port)", ""),
        (r"\bmeta l4proto (\w+)", r"-p \1"),
        (r"\b(tcp|udp) dport != (\{.*?\}|\S+)", r"-p \1 ! --dport \2"),
        (r"\b(tcp|udp) (dport|sport) (\{.*?\}|\S+)", r"-p \1 --\2 \3"),
        (r"\bmeta (i|o)ifname (\S+)", r"-\1 \2"),
        (r"\bip6? (d|s)addr != (\S+)", r"! -\1 \2"),
        (r"\bip6? (d|s)addr (\S+)", r"-\1 \2"),
        (r"\bmeta sk(uid|gid) != (\S+)", r"-m owner ! --\1-owner \2"),
        (r"\bmeta sk(uid|gid) (\S+)", r"-m owner --\1-owner \2"),
        (r"\bct state (\S+)", r"-m conntrack --ctstate \1"),
        (r"\bredirect to :(\d+)", r"-j REDIRECT --to-ports \1"),
        (r"\bct zone set (\d+)", r"-j CT --zone \1"),
        (r"-d ::1 ", "-d ::1/128 "),
    )
)
"""nftables' words -> those of iptables, for the rules Istio writes."""


def _from_native(table: str, chain: str, text: str) -> tuple[str, str, str]:
    """A rule of native nftables mode as its twin of iptables."""
    for pattern, words in _NATIVE_WORDS:
        text = pattern.sub(words, text)
    text = re.sub(r"\b(?:jump (istio-\S+)|(return|accept|drop))$", _jump, text)
    text = text.replace("--ctstate invalid", "--ctstate INVALID")
    return table.removeprefix(_NATIVE), _iptables_chain(chain), text


def _jump(found: re.Match[str]) -> str:
    return f"-j {_iptables_chain(found[1])}" if found[1] else f"-j {found[2].upper()}"


def _iptables_chain(name: str) -> str:
    return name.upper().replace("-", "_")


def origins(table: str, chain: str, rule: str) -> tuple[Origin, ...]:
    """`rule` is a line of iptables-save or of Istio's restore input, or nftables text where the table is Istio's own.

    Several origins where the shape leaves it open.
    """
    if table.startswith(_NATIVE):
        table, chain, text = _from_native(table, chain, rule.strip())
    else:
        text = _COMMAND.sub("", rule.strip(), count=1)
    if "ISTIO" not in f"{chain} {text}" and _PLAIN.fullmatch(text) is None:
        return ()
    for of_chain, of_rule, flags in _COMPILED:
        if of_chain.fullmatch(f"{table}/{chain}") is not None and of_rule.fullmatch(text) is not None:
            return tuple(_origin(name) for name in flags)
    return ()


def _origin(name: str) -> Origin:
    flag = flag_of(name)
    return Origin(flag.name, flag.annotation)
