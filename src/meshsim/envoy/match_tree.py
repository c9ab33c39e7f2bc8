"""xds.type.matcher.v3.Matcher -> MatchTree: lists, exact, prefix, IP range and domain trees, nested to any depth.

One room for every place that carries such a matcher. The caller's Vocabulary says which inputs there are, what an
action is, and which further custom matchers it knows. Follows envoyproxy/envoy source/common/matcher/matcher.h and
source/extensions/common/matcher/{ip_range,domain}_matcher.h.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from ..address import contains, make_prefix, parse_ip, prefix_length, try_parse_ip
from ..config.view import TypedConfig, View
from ..errors import Rejected
from ..explanation import Check
from ..match.condition import Condition
from ..match.tree import All, MatchTree, Missing, Not, OnMatch, Predicate, Row, Single, Some, by_key, in_turn
from ..place import Place
from ..reasons import Reason, because
from .matchers import compile_string_matcher

F = TypeVar("F")
A = TypeVar("A")

Read = Callable[[F], Any]
"""The value of an input: a text, None where it is absent, or Missing."""

Test = Callable[[Any], bool | None]

_HINT = "mend the matcher; Envoy refuses this configuration too"
_IP_MATCHER = "xds.type.matcher.v3.IPMatcher"
_DOMAIN_MATCHER = "xds.type.matcher.v3.ServerNameMatcher"


@frozen(eq=False)
class Vocabulary(Generic[F, A]):
    """What one kind of matcher may ask and lead to."""

    kind: str
    """What its candidates are called."""
    inputs: Mapping[str, Callable[[View], tuple[str, Read[F]]]]
    """Type name of an input -> (what it is called, how it is read). Any other input is known at run time only."""
    action: Callable[[TypedConfig], tuple[str, A]]
    """-> (label, action). Raises Rejected where Envoy does."""
    refused_input: str = ""
    """What Envoy says to an input that is not among them; empty: it takes them all."""
    custom: Mapping[str, Callable[[View], tuple[str, Test]]] = field(factory=dict)
    """Type name of a further input matcher -> (what it wants, its test on the input's value)."""
    admits: frozenset[str] | None = None
    """Behind an input that is not among them Envoy makes no action, and says nothing of it. None: all will do."""
    blank: A | None = None
    """What stands in the place of such an action."""


@frozen(eq=False)
class CompiledMatcher(Generic[F, A]):
    tree: MatchTree[F, A]
    unmodelled: tuple[Reason, ...]
    """Inputs and matchers of which nobody knows what they see."""
    keeps_matching: bool
    """Whether any row carries keep_matching."""


def compile_matcher(view: View, vocabulary: Vocabulary[F, A]) -> CompiledMatcher[F, A]:
    """A Matcher message."""
    reader = _Reader(vocabulary)
    tree = reader.tree(view)
    return CompiledMatcher(tree, tuple(reader.unmodelled), reader.keeps_matching)


class _Reader(Generic[F, A]):
    """Reads one whole matcher and collects what it does not know."""

    def __init__(self, vocabulary: Vocabulary[F, A]) -> None:
        self.vocabulary = vocabulary
        self.unmodelled: list[Reason] = []
        self.keeps_matching = False
        self.spoiled = False
        """Whether Envoy has met something it does not admit: all that it reads from there on is blank."""

    def tree(self, view: View) -> MatchTree[F, A]:
        """Read in Envoy's order, which matters where it meets what it does not admit."""
        kind = self.vocabulary.kind
        listed, keyed = view.view("matcher_list"), view.view("matcher_tree")
        if listed is not None and keyed is not None:
            raise _refused("matcher-of-two-kinds", "matcher_list and matcher_tree stand in one matcher", view.place)
        if listed is not None:
            pairs = [self.listed_row(each) for each in listed.views("matchers")]
            if not pairs:
                raise _refused("empty-matcher", "matchers must have at least one item", listed.place)
            return MatchTree(kind, tuple(row for _, row in pairs), in_turn(pairs), self.no_match(view))
        if keyed is not None:
            return self.keyed(keyed, view)
        return MatchTree(kind, (), in_turn(()), self.no_match(view))

    def no_match(self, view: View) -> OnMatch[F, A] | None:
        """A blank one is there even where none is written."""
        below = view.view("on_no_match")
        if below is not None:
            return self.way(below)
        return self.blank(view) if self.spoiled else None

    def blank(self, view: View) -> OnMatch[F, A]:
        return OnMatch(self.vocabulary.blank, None, "nothing", view.place)

    def way(self, view: View) -> OnMatch[F, A]:
        keep = view.boolean("keep_matching", False)
        self.keeps_matching |= keep
        self.spoiled |= keep and self.vocabulary.admits is not None
        if self.spoiled:
            return self.blank(view)
        below, action = view.view("matcher"), view.view("action")
        if below is not None:
            return OnMatch(None, self.tree(below), str(below.place), below.place, keep)
        typed = _named(action, "action") if action is not None else None
        if action is None or typed is None:
            raise _refused("empty-on-match", "on_match needs an action with a typed_config, or a matcher", view.place)
        label, made = self.vocabulary.action(typed)
        return OnMatch(made, None, label, action.place, keep)

    def listed_row(self, view: View) -> tuple[Predicate[F], Row[F, A]]:
        asked = view.view("predicate")
        if asked is None:
            raise _refused("empty-predicate", "a matcher needs a predicate", view.place)
        predicate = self.predicate(asked)
        return predicate, Row(self.required_way(view), predicate.checks)

    def required_way(self, view: View) -> OnMatch[F, A]:
        below = view.view("on_match")
        if below is None:
            raise _refused("empty-on-match", "a matcher needs an on_match", view.place)
        return self.way(below)

    def predicate(self, view: View) -> Predicate[F]:
        single, negated = view.view("single_predicate"), view.view("not_matcher")
        if single is not None:
            return self.single(single)
        if negated is not None:
            return Not(self.predicate(negated), view.place)
        for key in ("and_matcher", "or_matcher"):
            group = view.view(key)
            if group is not None:
                parts = tuple(self.predicate(each) for each in group.views("predicate"))
                if len(parts) < 2:
                    raise _refused("short-predicate", f"{key} must have at least 2 predicates", group.place)
                return All(parts) if key == "and_matcher" else Some(parts, group.place)
        raise _refused("empty-predicate", "predicate says nothing that can be matched", view.place)

    def single(self, view: View) -> Predicate[F]:
        what, read = self.input(view)
        value, custom = view.view("value_match"), view.view("custom_match")
        if value is not None:
            pattern = value.view("safe_regex")
            if pattern is not None and not pattern.has("google_re2"):
                raise _refused(
                    "no-regex-engine", "safe_regex of value_match needs an engine: google_re2", pattern.place
                )
            test = compile_string_matcher(value)
            if test is None:
                if not value.data.keys() - {"ignore_case"}:
                    raise _refused("empty-string-matcher", "value_match needs a pattern", value.place)
                return self.unknown(what, value)
            holds = test.holds
            return Single(
                Condition(what, test.want, read, lambda seen: isinstance(seen, str) and holds(seen), value.place)
            )
        typed = custom.extension() if custom is not None else None
        if custom is None or typed is None:
            raise _refused("empty-predicate", "single_predicate needs value_match or custom_match", view.place)
        known = {**_CUSTOM, **self.vocabulary.custom}.get(typed.type_name)
        if known is None:
            return self.unknown(what, custom, typed.type_name)
        want, asked = known(typed.view)
        return Single(Condition(what, want, read, asked, custom.place))

    def unknown(self, what: str, view: View, type_name: str = "value_match") -> Predicate[F]:
        self.unmodelled.append(because("matcher.not-modelled", view.place, matcher=type_name))
        return Single(Condition(what, type_name, lambda _facts: Missing.UNKNOWN, lambda _seen: None, view.place))

    def input(self, view: View) -> tuple[str, Read[F]]:
        entry = view.view("input")
        typed = _named(entry, "input") if entry is not None else None
        if entry is None or typed is None:
            raise _refused("no-matcher-input", "a matcher needs an input with a typed_config", view.place)
        admits = self.vocabulary.admits
        self.spoiled |= admits is not None and typed.type_name not in admits
        known = self.vocabulary.inputs.get(typed.type_name)
        if known is None and self.vocabulary.refused_input:
            words = f"{self.vocabulary.refused_input}, saw {typed.type_url}"
            raise _refused("matcher-input-refused", words, entry.place)
        if known is None:
            self.unmodelled.append(because("matcher.not-modelled", entry.place, matcher=typed.type_name))
            return typed.type_name.rpartition(".")[2], lambda _facts: Missing.UNKNOWN
        return known(typed.view)

    def keyed(self, view: View, matcher: View) -> MatchTree[F, A]:
        what, read = self.input(view)
        on_no_match = self.no_match(matcher)
        custom = view.view("custom_match")
        typed = custom.extension() if custom is not None else None
        if typed is not None and typed.type_name == _IP_MATCHER:
            rows, find = self.ip_ranges(typed.view, what, read)
        elif typed is not None and typed.type_name == _DOMAIN_MATCHER:
            rows, find = self.domains(typed.view, what, read)
        elif view.has("exact_match_map"):
            rows, find = self.mapped(view, "exact_match_map", what, read)
        elif view.has("prefix_match_map"):
            rows, find = self.mapped(view, "prefix_match_map", what, read)
        elif typed is not None:
            self.unmodelled.append(because("matcher.not-modelled", typed.view.place, matcher=typed.type_name))
            rows, find = (), _nothing
        else:
            raise _refused("empty-matcher-tree", "matcher_tree needs a map or a custom_match", view.place)
        return MatchTree(self.vocabulary.kind, rows, by_key(read, find, rows), on_no_match, ranked=True)

    def mapped(self, view: View, key: str, what: str, read: Read[F]) -> _Keyed[F, A]:
        below = view.view(key)
        entries = below.map("map") if below is not None else ()
        if not entries:
            raise _refused("empty-matcher", f"{key} must have at least one pair", view.place)
        prefixes = key == "prefix_match_map"
        rows: dict[str, Row[F, A]] = {}
        for (text, entry), way in zip(entries, self.ways(tuple(entry for _, entry in entries)), strict=True):
            holds = _begins_with(text) if prefixes else text.__eq__
            asked = f"{what} {'prefix' if prefixes else 'exact'}"
            rows[text] = Row(way, _asks(asked, text, read, holds, entry))
        lengths = sorted({len(text) for text in rows}, reverse=True)

        def exact(value: str) -> tuple[Row[F, A], ...]:
            return (rows[value],) if value in rows else ()

        def longest(value: str) -> tuple[Row[F, A], ...]:
            heads = (value[:length] for length in lengths if length <= len(value))
            return tuple(rows[head] for head in heads if head in rows)

        return tuple(rows.values()), longest if prefixes else exact

    def ways(self, entries: tuple[View, ...]) -> list[OnMatch[F, A]]:
        """Of a map, which Envoy reads in an order of its own: whatever may stand behind a spoilt entry is in doubt."""
        before, made, spoils = self.spoiled, [], []
        for entry in entries:
            self.spoiled = before
            made.append(self.way(entry))
            spoils.append(self.spoiled and not before)
        self.spoiled = before or any(spoils)
        spoilt = sum(spoils)
        return [
            self.doubtful(way, entry) if spoilt > own else way
            for way, entry, own in zip(made, entries, spoils, strict=True)
        ]

    def doubtful(self, way: OnMatch[F, A], view: View) -> OnMatch[F, A]:
        """Blank or not: nobody knows."""
        row = Row[F, A](self.blank(view), lambda _facts: ())
        order = in_turn([(self.unknown("order of a map", view, "map"), row)])
        tree = MatchTree(self.vocabulary.kind, (row,), order, way)
        return OnMatch(None, tree, str(view.place), view.place)

    def ip_ranges(self, view: View, what: str, read: Read[F]) -> _Keyed[F, A]:
        rows: list[Row[F, A]] = []
        ranked: list[tuple[int, int, tuple[int, int], bool, Row[F, A]]] = []
        for index, each in enumerate(view.views("range_matchers")):
            prefixes = tuple(_prefix(cidr) for cidr in each.views("ranges"))
            if not prefixes:
                raise _refused("empty-matcher", "ranges must have at least one item", each.place)
            texts = [
                f"{cidr.text('address_prefix', '')}/{cidr.integer('prefix_len', 0)}" for cidr in each.views("ranges")
            ]
            row = Row(self.required_way(each), _asks(f"{what} range", texts, read, _within(prefixes), each))
            rows.append(row)
            exclusive = each.boolean("exclusive", False)
            ranked += [(-prefix_length(made[1]), index, made, exclusive, row) for made in prefixes]
        ranked.sort(key=lambda entry: entry[:2])

        def find(value: str) -> tuple[Row[F, A], ...]:
            ip = try_parse_ip(value)
            if ip is None:
                return ()
            held = [(exclusive, row) for _, _, made, exclusive, row in ranked if contains(made, ip)]
            # An exclusive range counts only where it is the best of all.
            return tuple(row for at, (exclusive, row) in enumerate(held) if at == 0 or not exclusive)

        return tuple(rows), find

    def domains(self, view: View, what: str, read: Read[F]) -> _Keyed[F, A]:
        table: dict[str, Row[F, A]] = {}
        rows: list[Row[F, A]] = []
        for each in view.views("domain_matchers"):
            names = each.texts("domains")
            if not names:
                raise _refused("empty-matcher", "domains must have at least one item", each.place)
            row = Row(self.required_way(each), _asks(f"{what} domain", list(names), read, _in_domains(names), each))
            rows.append(row)
            for name in names:
                _check_domain(name, each)
                if name in table:
                    raise _refused("duplicate-domain", f"Duplicate domain in ServerNameMatcher: {name}", each.place)
                table[name] = row
        return tuple(rows), lambda value: tuple(table[key] for key in _domain_keys(value) if key in table)


_Keyed = tuple[tuple[Row[F, A], ...], Callable[[Any], tuple[Row[F, A], ...]]]


def _nothing(_value: Any) -> tuple[Any, ...]:
    return ()


def _begins_with(text: str) -> Test:
    return lambda seen: isinstance(seen, str) and seen.startswith(text)


def _asks(what: str, want: Any, read: Read[F], holds: Test, view: View) -> Callable[[F], tuple[Check, ...]]:
    place = view.place

    def checks(facts: F) -> tuple[Check, ...]:
        seen = read(facts)
        if isinstance(seen, Missing):
            return (Check(what, want, seen.value, None, place),)
        return (Check(what, want, seen, seen is not None and bool(holds(seen)), place),)

    return checks


def _prefix(cidr: View) -> tuple[int, int]:
    text = cidr.text("address_prefix", "")
    try:
        address = parse_ip(text)
    except ValueError:
        raise _refused("bad-prefix", f"malformed IP address: {text}", cidr.place) from None
    length = cidr.integer("prefix_len", 0)
    if not 0 <= length <= 128:
        raise _refused("bad-prefix", f"prefix_len {length} is not between 0 and 128", cidr.place)
    return make_prefix(address, length)


def _within(prefixes: tuple[tuple[int, int], ...]) -> Test:
    def holds(value: Any) -> bool:
        ip = try_parse_ip(value) if isinstance(value, str) else None
        return ip is not None and any(contains(prefix, ip) for prefix in prefixes)

    return holds


def _domain_keys(value: str) -> list[str]:
    """The name itself, its parent domains as wildcards, longest first, then the wildcard of everything."""
    if not value:
        return []
    keys, rest = [value], value
    while "." in rest:
        rest = rest.partition(".")[2]
        keys.append(f"*.{rest}")
    return [*keys, "*"]


def _in_domains(names: tuple[str, ...]) -> Test:
    return lambda value: any(key in names for key in _domain_keys(value))


def _check_domain(name: str, view: View) -> None:
    if not name:
        raise _refused("bad-domain", "Empty domain in ServerNameMatcher", view.place)
    if "*" in name and name != "*" and (not name.startswith("*.") or len(name) < 3 or "*" in name[1:]):
        raise _refused("bad-domain", f"Invalid wildcard domain format: {name}", view.place)


def _ip_matcher(view: View) -> tuple[str, Test]:
    """envoy.extensions.matching.input_matchers.ip.v3.Ip: any of its ranges."""
    ranges = view.views("cidr_ranges")
    if not ranges:
        raise _refused("empty-matcher", "cidr_ranges must have at least one item", view.place)
    texts = (f"{cidr.text('address_prefix', '')}/{cidr.integer('prefix_len', 0)}" for cidr in ranges)
    return "range " + ", ".join(texts), _within(tuple(map(_prefix, ranges)))


def _runtime_fraction(view: View) -> tuple[str, Test]:
    """Its hash of the value is not modelled; nothing and everything need none. An absent value never holds."""
    below = view.view("runtime_fraction")
    share = below.fraction("default_value") if below is not None else None
    numerator, denominator = share if share is not None else (0, 100)
    known = False if numerator == 0 else True if numerator >= denominator else None
    return f"{numerator} of {denominator}", lambda value: False if value is None else known


def _consistent_hashing(view: View) -> tuple[str, Test]:
    threshold, modulo = view.integer("threshold", 0), view.integer("modulo", 0)
    if threshold > modulo:
        message = f"threshold cannot be greater than modulo: {threshold} > {modulo}"
        raise _refused("bad-threshold", message, view.place)
    known = True if threshold == 0 else False if threshold == modulo else None
    return f"hash % {modulo} from {threshold} on", lambda value: False if value is None else known


_CUSTOM: dict[str, Callable[[View], tuple[str, Test]]] = {
    "envoy.extensions.matching.input_matchers.ip.v3.Ip": _ip_matcher,
    "envoy.extensions.matching.input_matchers.runtime_fraction.v3.RuntimeFraction": _runtime_fraction,
    "envoy.extensions.matching.input_matchers.consistent_hashing.v3.ConsistentHashing": _consistent_hashing,
}
"""Input matchers that mean the same wherever they stand."""


def _named(view: View, what: str) -> TypedConfig | None:
    typed = view.extension()
    if typed is not None and not view.text("name", ""):
        raise _refused("nameless-extension", f"an {what} of a matcher needs a name", view.place)
    return typed


def _refused(reference: str, message: str, place: Place) -> Rejected:
    return Rejected(reference, message, place=place, hint=_HINT)
