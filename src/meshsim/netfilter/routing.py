"""Where a namespace sends a packet: routes in tables, and rules that choose among the tables.

Lines are read as `ip route` and `ip rule` take and print them. Upstream: linux net/ipv4/fib_rules.c,
fib_semantics.c, net/ipv6/fib6_rules.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from attrs import evolve, field, frozen

from ..address import V6_BIT, contains, make_prefix, parse_ip, parse_prefix, prefix_length

Prefix = tuple[int, int]

LOCAL, MAIN, DEFAULT = "local", "main", "default"
_TABLE_NAMES = {"255": LOCAL, "254": MAIN, "253": DEFAULT}
_REFUSING = ("blackhole", "unreachable", "prohibit", "throw")
_KINDS = ("unicast", "local", "broadcast", "anycast", "multicast", *_REFUSING)
_LONGEST_LINE = 1000


@frozen
class Route:
    kind: str
    """unicast, local, broadcast, blackhole, unreachable, prohibit or throw."""
    network: int
    mask: int
    device: str = ""
    table: str = MAIN
    gateway: int | None = None
    source: int | None = None
    metric: int = 0

    @property
    def refuses(self) -> bool:
        return self.kind in _REFUSING


@frozen
class Flow:
    """What routing is asked about."""

    destination: int
    source: int = 0
    mark: int = 0
    incoming: str = "lo"
    """`lo` for a packet that is made here."""
    uid: int | None = None
    protocol: str = "tcp"
    source_port: int = 0
    destination_port: int = 0
    device: str = ""
    """Only routes over this device count; "": all."""


@frozen
class RoutingRule:
    """One line of `ip rule`."""

    priority: int | None
    table: str = ""
    refusal: str = ""
    """blackhole, unreachable or prohibit, where the rule names no table."""
    source: Prefix | None = None
    destination: Prefix | None = None
    incoming: str = ""
    mark: int | None = None
    mark_mask: int = 0xFFFFFFFF
    uids: range | None = None
    protocol: str = ""
    source_ports: range | None = None
    destination_ports: range | None = None
    negated: bool = False
    shortest: int | None = None
    """suppress_prefixlength: routes of this length and shorter do not count."""

    @property
    def selects(self) -> bool:
        """Whether it asks anything of the packet."""
        return evolve(self, priority=0, table="", refusal="", shortest=None) != RoutingRule(0)

    def applies(self, flow: Flow) -> bool:
        return self._matches(flow) is not self.negated

    def _matches(self, flow: Flow) -> bool:
        return (
            (self.source is None or contains(self.source, flow.source))
            and (self.destination is None or contains(self.destination, flow.destination))
            and (not self.incoming or self.incoming == flow.incoming)
            and (self.mark is None or (flow.mark ^ self.mark) & self.mark_mask == 0)
            and (self.uids is None or (flow.uid is not None and flow.uid in self.uids))
            and (not self.protocol or self.protocol == flow.protocol)
            and (self.source_ports is None or flow.source_port in self.source_ports)
            and (self.destination_ports is None or flow.destination_port in self.destination_ports)
        )


@frozen(eq=False)
class Routing:
    """The tables and rules of one address family."""

    routes: tuple[Route, ...]
    rules: tuple[RoutingRule, ...] = ()
    """As stated; the kernel's own are added."""
    has_rules: bool = field(init=False)
    leads_everywhere: bool = field(init=False)
    """Whether each address has a way: a default route, nothing refused, no rules that choose among tables."""
    _rules: tuple[RoutingRule, ...] = field(init=False)
    _tables: Mapping[str, tuple[Route, ...]] = field(init=False)

    @has_rules.default
    def _any_rules(self) -> bool:
        return any(rule.selects or rule.table not in (LOCAL, MAIN, DEFAULT) for rule in self.rules)

    @leads_everywhere.default
    def _has_a_way_for_all(self) -> bool:
        if self.has_rules or any(route.refuses for route in self.routes):
            return False
        return any(
            route.kind == "unicast" and route.table == MAIN and prefix_length(route.mask) == 0 for route in self.routes
        )

    @_rules.default
    def _ordered_rules(self) -> tuple[RoutingRule, ...]:
        return _in_order(self.rules)

    @_tables.default
    def _by_table(self) -> dict[str, tuple[Route, ...]]:
        tables: dict[str, list[Route]] = {}
        for route in self.routes:
            tables.setdefault(route.table, []).append(route)
        return {
            name: tuple(sorted(held, key=lambda route: (-route.mask.bit_count(), route.metric)))
            for name, held in tables.items()
        }

    def find(self, flow: Flow) -> Route | None:
        """The route that decides; None: nothing leads there."""
        for rule in self._rules:
            if not rule.applies(flow):
                continue
            if rule.refusal:
                return Route(rule.refusal, 0, 0)
            route = self.in_table(rule.table, flow.destination, rule.shortest, flow.device)
            if route is not None and route.kind != "throw":
                return route
        return None

    def in_table(self, table: str, destination: int, shortest: int | None = None, device: str = "") -> Route | None:
        for route in self._tables.get(table, ()):
            if destination & route.mask == route.network and (not device or device == route.device):
                if shortest is not None and route.mask.bit_count() - 1 <= shortest:
                    return None
                return route
        return None


_KERNELS_OWN = (RoutingRule(0, LOCAL), RoutingRule(32766, MAIN), RoutingRule(32767, DEFAULT))


def _in_order(stated: tuple[RoutingRule, ...]) -> tuple[RoutingRule, ...]:
    """By priority; one without a priority goes before all others but the first (linux fib_default_rule_pref)."""
    rules = [rule for rule in _KERNELS_OWN if not any(_same(rule, other) for other in stated)]
    rules += [rule for rule in stated if rule.priority is not None]
    rules.sort(key=lambda rule: rule.priority or 0)
    for rule in stated:
        if rule.priority is None:
            later = [other.priority or 0 for other in rules[1:]]
            priority = later[0] - 1 if later and later[0] else 0
            rules.insert(1 if rules and rules[0].priority == 0 else 0, evolve(rule, priority=priority))
            rules.sort(key=lambda rule: rule.priority or 0)
    return tuple(rules)


def _same(own: RoutingRule, stated: RoutingRule) -> bool:
    return stated.table == own.table and not stated.selects and stated.priority is not None


# -- reading ------------------------------------------------------------------------------------------------------

_FLAGS = frozenset({"onlink", "linkdown", "dead", "pervasive", "offload", "trap", "rt_trap", "cache", "notify"})
_IGNORED = frozenset({"proto", "scope", "mtu", "advmss", "pref", "expires", "hoplimit", "initcwnd", "weight", "error"})


def of_family(lines: Iterable[str], *, v6: bool) -> Iterator[str]:
    """The lines of one family: `v6:` marks the IPv6 twin of a line that names no address."""
    for line in lines:
        text = line.strip()
        marked = text.startswith("v6:")
        if marked:
            text = text[3:].strip()
        elif text.startswith("v4:"):
            if not v6:
                yield text[3:].strip()
            continue
        if text and (marked or ":" in _addresses(text)) is v6:
            yield text


def _addresses(text: str) -> str:
    """The line without what may hold a colon and be no address: the priority, the device."""
    words = re.sub(r"^\d+:\s*", "", text).split()
    kept = [word for before, word in pairwise(["", *words]) if before not in ("dev", "iif", "oif")]
    return " ".join(word for word in kept if re.search(r"[0-9a-fA-F]*:[0-9a-fA-F:]*", word))


def parse_route(line: str, *, v6: bool) -> Route:
    """ValueError when it is not a line of `ip route`."""
    words = _words(line)
    kind = words.pop(0) if words and words[0] in _KINDS else "unicast"
    if not words:
        raise ValueError(f"{line!r} names no destination")
    network, mask = _prefix(words.pop(0), v6=v6)
    device, table, gateway, source, metric = "", "", None, None, 0
    rest = iter(words)
    for word in rest:
        if word in _FLAGS:
            continue
        value = next(rest, None)
        if value is None:
            raise ValueError(f"{word!r} lacks its value in {line!r}")
        if word == "dev":
            device = value
        elif word == "table":
            table = _TABLE_NAMES.get(value, value)
        elif word == "via":
            gateway = parse_ip(next(rest, "") if value in ("inet", "inet6") else value)
        elif word == "src":
            source = parse_ip(value)
        elif word in ("metric", "preference"):
            metric = _number(value)
        elif word not in _IGNORED:
            raise ValueError(f"{word!r} is not known in the route {line!r}")
    if not table:
        table = LOCAL if kind in ("local", "broadcast", "anycast") else MAIN
    return Route(kind, network, mask, device, table, gateway, source, metric)


def parse_routing_rule(line: str, *, v6: bool) -> RoutingRule:
    """ValueError when it is not a line of `ip rule`."""
    found: dict[str, object] = {}
    text = line.strip()
    numbered = re.match(r"(\d{1,10}):\s*", text)
    if numbered:
        found["priority"] = int(numbered[1])
        text = text[numbered.end() :]
    rest = iter(_words(text))
    for word in rest:
        if word == "not":
            found["negated"] = True
            continue
        if word in ("blackhole", "unreachable", "prohibit"):
            found["refusal"] = word
            continue
        value = next(rest, None)
        if value is None:
            raise ValueError(f"{word!r} lacks its value in the rule {line!r}")
        if word in ("from", "to"):
            prefix = _prefix(value, v6=v6)
            if prefix[1] & ~V6_BIT:
                found["source" if word == "from" else "destination"] = prefix
        elif word == "type":
            found["refusal"] = value
        elif word in ("iif", "dev"):
            found["incoming"] = value
        elif word == "fwmark":
            mark, slash, mask = value.partition("/")
            found["mark"] = _number(mark)
            if slash:
                found["mark_mask"] = _number(mask)
        elif word in ("lookup", "table"):
            found["table"] = _TABLE_NAMES.get(value, value)
        elif word in ("pref", "preference", "priority", "order"):
            found["priority"] = _number(value)
        elif word in ("uidrange", "sport", "dport"):
            first, _, last = value.partition("-")
            name = {"uidrange": "uids", "sport": "source_ports", "dport": "destination_ports"}[word]
            found[name] = range(_number(first), _number(last or first) + 1)
        elif word == "ipproto":
            found["protocol"] = {"6": "tcp", "17": "udp"}.get(value, value)
        elif word == "suppress_prefixlength":
            found["shortest"] = _number(value)
        elif word not in ("proto", "protocol"):
            raise ValueError(f"{word!r} is not known in the rule {line!r}")
    if "table" not in found and "refusal" not in found:
        raise ValueError(f"the rule {line!r} names no table")
    return RoutingRule(**{"priority": None, **found})  # type: ignore[arg-type]


def _words(line: str) -> list[str]:
    if len(line) > _LONGEST_LINE:
        raise ValueError("the line is too long")
    return line.split()


def _number(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(f"{text!r} is not a number from 0")
    return number


def _prefix(text: str, *, v6: bool) -> Prefix:
    if text in ("default", "all", "any"):
        return make_prefix(V6_BIT if v6 else 0, 0)
    return parse_prefix(text)
