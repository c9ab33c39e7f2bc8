"""The flags of istio-iptables: every one in its long, short and environment form, and what it is for.

Reading only: a list of words becomes flag -> value, with the place each value came from; what the values mean for the
rules is `iptables_settings`. Upstream: istio/istio tools/istio-iptables/pkg/cmd/root.go, pkg/constants/constants.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from attrs import field, frozen

from ..errors import InputError

TRUE_WORDS = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE_WORDS = frozenset({"0", "f", "F", "false", "FALSE", "False", ""})


@frozen
class Flag:
    long: str
    """Without dashes; "" for what only the environment sets."""
    short: str = ""
    environment: tuple[str, ...] = ()
    default: str = ""
    switch: bool = False
    """True or false, and needs no value."""
    annotation: str = ""
    """The pod annotation an injector makes it from."""
    unused: bool = False
    """It changes how istio-iptables works, not which rules it writes."""

    @property
    def name(self) -> str:
        """How a message calls it."""
        return f"--{self.long}" if self.long else self.environment[0]


_TRAFFIC = "traffic.sidecar.istio.io/"


def _flag(long: str, short: str = "", *more_names: str, **kept: object) -> Flag:
    """A flag whose first environment name is its long name in capitals."""
    return Flag(long, short, (long.upper().replace("-", "_"), *more_names), **kept)  # type: ignore[arg-type]


FLAGS = (
    Flag("envoy-port", "p", default="15001"),
    _flag("inbound-capture-port", "z", default="15006"),
    _flag("inbound-tunnel-port", "e", default="15008"),
    _flag("proxy-uid", "u"),
    _flag("proxy-gid", "g"),
    _flag("istio-inbound-interception-mode", "m", annotation="sidecar.istio.io/interceptionMode"),
    _flag("istio-inbound-ports", "b", annotation=_TRAFFIC + "includeInboundPorts"),
    _flag("istio-local-exclude-ports", "d", annotation=_TRAFFIC + "excludeInboundPorts"),
    _flag("istio-service-cidr", "i", annotation=_TRAFFIC + "includeOutboundIPRanges"),
    _flag("istio-service-exclude-cidr", "x", annotation=_TRAFFIC + "excludeOutboundIPRanges"),
    _flag("istio-outbound-ports", "q", annotation=_TRAFFIC + "includeOutboundPorts"),
    _flag("istio-local-outbound-ports-exclude", "o", annotation=_TRAFFIC + "excludeOutboundPorts"),
    _flag("istio-exclude-interfaces", "c", annotation=_TRAFFIC + "excludeInterfaces"),
    _flag("kube-virt-interfaces", "k", annotation="istio.io/reroute-virtual-interfaces"),
    _flag("istio-inbound-tproxy-mark", "t", default="1337"),
    _flag("istio-inbound-tproxy-route-table", "r", default="133"),
    _flag("dry-run", "n", switch=True, unused=True),
    _flag("redirect-dns", "", "ISTIO_META_DNS_CAPTURE", switch=True),
    _flag("capture-all-dns", switch=True),
    _flag("drop-invalid", "", "INVALID_DROP", switch=True),
    _flag("dual-stack", "", "ISTIO_DUAL_STACK", switch=True),
    _flag("iptables-probe-port", default="15002", unused=True),
    _flag("probe-timeout", default="5s", unused=True),
    _flag("skip-rule-apply", switch=True),
    _flag("run-validation", switch=True),
    _flag("reconcile", switch=True, unused=True),
    _flag("cleanup-only", switch=True),
    _flag("force-apply", switch=True, unused=True),
    _flag("network-namespace", unused=True),
    _flag("cni-mode", switch=True, unused=True),
    _flag("native-nftables", switch=True),
    _flag("force-iptables-binary", unused=True),
    _flag("log_as_json", switch=True, unused=True),
    _flag("log_output_level", unused=True),
    Flag("", environment=("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR",), default="127.0.0.1/32"),
    Flag("", environment=("ISTIO_OUTBOUND_OWNER_GROUPS",), default="*"),
    Flag("", environment=("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE",)),
    Flag("", environment=("ENVOY_USER",), unused=True),
)

_BY_LONG = {flag.long: flag for flag in FLAGS if flag.long}
_BY_SHORT = {flag.short: flag for flag in FLAGS if flag.short}
_BY_ENVIRONMENT = {name: flag for flag in FLAGS for name in flag.environment}
_ENVIRONMENT_WORD = re.compile(r"([A-Z_][A-Z0-9_]*)=(.*)", re.DOTALL)
_HELP = "`meshsim iptables --help` lists the flags"


@frozen
class GivenFlags:
    """What was said, flag by flag (by its `name`); what was not said has its default."""

    values: Mapping[str, str] = field(factory=dict)
    written: Mapping[str, str] = field(factory=dict)
    """Flag -> how it was written: `-d`, `--istio-local-exclude-ports`, the name of a variable or an annotation."""

    def text(self, name: str) -> str:
        return self.values.get(name, _default(name))

    def switch(self, name: str) -> bool:
        text = self.text(name)
        if text in TRUE_WORDS:
            return True
        if text in FALSE_WORDS:
            return False
        raise self.wrong(name, f"{text!r} is neither true nor false", "write true or false")

    def over(self, other: GivenFlags) -> GivenFlags:
        """These, and those of another source that these leave open."""
        return GivenFlags({**other.values, **self.values}, {**other.written, **self.written})

    def wrong(self, name: str, problem: str, hint: str) -> InputError:
        """An error that names the flag as it was written."""
        written = self.written.get(name, name)
        return InputError("istio-iptables-flag", f"{written}: {problem}", hint=hint)


def _default(name: str) -> str:
    return next(flag.default for flag in FLAGS if flag.name == name)


def is_environment(word: str) -> bool:
    return _ENVIRONMENT_WORD.fullmatch(word) is not None


def read_flags(words: Iterable[str], environment: Mapping[str, str] | None = None) -> GivenFlags:
    """Words as a shell would hand them over, variables (`NAME=value`) before them or among them.

    The command line wins over the environment; of a flag given twice the last one counts, as with upstream's parser.
    """
    variables = dict(environment or {})
    values: dict[str, str] = {}
    written: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        assigned = _ENVIRONMENT_WORD.fullmatch(word)
        if assigned is not None:
            variables[assigned[1]] = assigned[2]
        elif word.startswith("--") and len(word) > 2:
            _take_long(word[2:], rest, values, written)
        elif word.startswith("-") and len(word) > 1 and word != "--":
            _take_short(word[1:], rest, values, written)
        else:
            raise InputError("istio-iptables-flag", f"{word!r} is no flag", hint=_HELP)
    for name, value in variables.items():
        flag = _BY_ENVIRONMENT.get(name)
        if flag is not None and flag.name not in written:
            values[flag.name], written[flag.name] = value, name
    return GivenFlags(values, written)


def _take_long(word: str, rest: list[str], values: dict[str, str], written: dict[str, str]) -> None:
    name, equals, value = word.partition("=")
    flag = _BY_LONG.get(name)
    if flag is None:
        near = get_close_matches(name, list(_BY_LONG), 1, 0.6)
        hint = f"did you mean --{near[0]}?" if near else _HELP
        raise InputError("istio-iptables-flag", f"istio-iptables has no flag --{name}", hint=hint)
    if not equals:
        value = "true" if flag.switch else _next_value(f"--{name}", rest)
    values[flag.name], written[flag.name] = value, f"--{name}"


def _take_short(letters: str, rest: list[str], values: dict[str, str], written: dict[str, str]) -> None:
    """`-p 15001`, `-p15001`, `-p=15001`, and switches together in one word."""
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = _BY_SHORT.get(letter)
        if flag is None:
            raise InputError("istio-iptables-flag", f"istio-iptables has no flag -{letter}", hint=_HELP)
        if letters.startswith("="):
            value, letters = letters[1:], ""
        elif flag.switch:
            value = "true"
        elif letters:
            value, letters = letters, ""
        else:
            value = _next_value(f"-{letter}", rest)
        values[flag.name], written[flag.name] = value, f"-{letter}"


def _next_value(name: str, rest: list[str]) -> str:
    if not rest:
        raise InputError("istio-iptables-flag", f"{name} lacks its value", hint=f"an empty value is written {name} ''")
    return rest.pop(0)


def flag_of(name: str) -> Flag:
    return next(flag for flag in FLAGS if flag.name == name)


def items(text: str) -> Sequence[str]:
    """A list as istio-iptables reads it: empty items are dropped."""
    return [item.strip() for item in text.split(",") if item.strip()]
