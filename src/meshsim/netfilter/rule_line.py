"""One rule of iptables text: words -> matches and target, in two steps.

First the words are shared out among the base options, the match modules and the target, as getopt does for iptables
(one list of long options, unique beginnings are enough, `!` before the option or, in old text, before its value).
Then each option becomes a condition. ValueError says what is wrong with the line; nothing here knows about files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from . import values
from .matches import BASE, MATCHES, NEEDS_PORTS, PROTOCOL_MODULES, TRACKING_MATCHES, WHOLE_MODULES
from .options import (
    NOTHING_KNOWN,
    Environment,
    Given,
    Occurrence,
    Option,
    always,
    unmodelled_match,
    unmodelled_option,
    unmodelled_target,
)
from .rules import Match, Target, Verdict
from .targets import HARMLESS_TARGETS, TARGETS, TRACKING_TARGETS, UNMODELLED_TARGETS, as_written
from .words import Word, quote_word

_BASE_NAMES = {name: option for option, entry in BASE.items() for name in (option, *entry.aliases)}


@define
class _Given:
    """An option with its values, before it is known what they mean."""

    option: str
    values: tuple[str, ...]
    negated: bool


@define
class _Module:
    """One `-m NAME` of the rule."""

    name: str
    given: list[_Given] = field(factory=list)
    raw: list[str] = field(factory=list)
    """The words of a module that is not modelled."""


@define
class _Line:
    base: dict[str, _Given] = field(factory=dict)
    modules: list[_Module] = field(factory=list)
    target: str | None = None
    goto: bool = False
    target_given: dict[str, tuple[str, ...]] = field(factory=dict)
    target_raw: list[str] = field(factory=list)


@frozen
class RuleLine:
    """What one rule says, before its jump is tied to a chain."""

    matches: tuple[Match, ...]
    words: tuple[str, ...]
    """The matches as iptables-save writes them."""
    target: Target | None
    chain: str | None
    """The chain it jumps or goes to; the target is None then."""
    goto: bool
    tracks_connections: bool


def read_rule(
    words: Sequence[Word],
    table: str,
    chains: frozenset[str],
    *,
    v6: bool,
    environment: Environment = NOTHING_KNOWN,
) -> RuleLine:
    """`words` follow `-A CHAIN`; `chains` are those of the table. ValueError when the rule is broken."""
    line = _share_out(words, chains)
    matches = [
        _compile(entry, line.base[option], environment, v6=v6) for option, entry in BASE.items() if option in line.base
    ]
    spelled = [word for match in matches for word in match.words]
    for module in line.modules:
        _check_protocol(module.name, line)
        spelled += ["-m", module.name]
        if module.name not in MATCHES:
            at = Occurrence(f"-m {module.name}", tuple(module.raw), False, v6)
            matches.append(unmodelled_match(at, at.option, ()))
            spelled += module.raw
            continue
        compiled = _compile_module(module, environment, v6=v6)
        matches += compiled
        spelled += [word for match in compiled for word in match.words]
    target, chain = _compile_target(line, table, chains, v6=v6)
    return RuleLine(
        tuple(match for match in matches if match.holds is not always),
        tuple(spelled),
        target,
        chain,
        line.goto,
        any(module.name in TRACKING_MATCHES for module in line.modules)
        or (line.target in TRACKING_TARGETS and chain is None)
        or (
            target is not None
            and target.name in TARGETS
            and TARGETS[target.name].tracks_connections
            and "--notrack" not in target.words
        ),
    )


def _share_out(words: Sequence[Word], chains: frozenset[str]) -> _Line:
    line = _Line()
    reader = _Words(words)
    negated = False
    while (word := reader.next()) is not None:
        if word.text == "!" and not word.quoted:
            if negated:
                raise ValueError("`!` stands twice before one option")
            negated = True
            continue
        if word.quoted or not word.text.startswith("-") or len(word.text) < 2:
            raise ValueError(f"{word.text!r} stands where an option is expected")
        name = _split_inline(word.text, reader)
        if name in _BASE_NAMES:
            _take_base(line, _BASE_NAMES[name], negated, reader)
        elif name in ("-m", "--match"):
            _refuse_negation(negated, name)
            line.modules.append(_Module(reader.value(name)))
        elif name in ("-j", "--jump", "-g", "--goto"):
            _refuse_negation(negated, name)
            if line.target is not None:
                raise ValueError("a rule has only one target")
            line.target, line.goto = reader.value(name), name in ("-g", "--goto")
        elif name in ("-c", "--set-counters"):
            reader.value(name)
            reader.value(name)
        elif not _take_long(line, name, negated, reader, chains):
            raise ValueError(f"option {name!r} is not known here")
        negated = False
    if negated:
        raise ValueError("`!` stands at the end of the rule")
    return line


class _Words:
    """The words of the rule, read from the left."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = list(words)
        self._at = 0

    def next(self) -> Word | None:
        if self._at == len(self._words):
            return None
        self._at += 1
        return self._words[self._at - 1]

    def value(self, option: str) -> str:
        word = self.next()
        if word is None:
            raise ValueError(f"{option} lacks its value")
        return word.text

    def negation(self) -> bool:
        """The old place of `!`: between an option and its value."""
        if self._at < len(self._words) and self._words[self._at] == Word("!", False):
            self._at += 1
            return True
        return False

    def push(self, text: str) -> None:
        self._words.insert(self._at, Word(text, True))

    def rest_of_option(self) -> list[str]:
        """What follows an option of unknown shape, up to the next option."""
        found = []
        while self._at < len(self._words):
            word = self._words[self._at]
            if not word.quoted and (word.text == "!" or (word.text.startswith("-") and not word.text[1:2].isdigit())):
                break
            found.append(quote_word(word.text) if word.quoted else word.text)
            self._at += 1
        return found


def _split_inline(text: str, reader: _Words) -> str:
    """`--option=value` is `--option value`."""
    if text.startswith("--") and "=" in text:
        text, _, inline = text.partition("=")
        reader.push(inline)
    return text


def _refuse_negation(negated: bool, name: str) -> None:
    if negated:
        raise ValueError(f"{name} cannot be negated")


def _read_given(option: str, count: int, negated: bool, reader: _Words) -> _Given:
    if count and reader.negation():
        if negated:
            raise ValueError(f"{option} is negated twice")
        negated = True
    return _Given(option, tuple(reader.value(option) for _ in range(count)), negated)


def _take_base(line: _Line, option: str, negated: bool, reader: _Words) -> None:
    if option in line.base:
        raise ValueError(f"{option} stands twice")
    line.base[option] = _read_given(option, BASE[option].values, negated, reader)


def _take_long(line: _Line, name: str, negated: bool, reader: _Words, chains: frozenset[str]) -> bool:
    """An option of the target or of a module. False when nobody knows it."""
    extension = line.target is not None and line.target not in chains
    if line.target is not None and extension and line.target in TARGETS:
        option = _complete(name, TARGETS[line.target].options)
        if option is not None:
            _refuse_negation(negated, name)
            count = TARGETS[line.target].options[option]
            line.target_given[option] = tuple(reader.value(option) for _ in range(count))
            return True
    unknown = line.modules[-1] if line.modules and line.modules[-1].name not in MATCHES else None
    for module in reversed(line.modules):
        if (unknown is None or module.name in PROTOCOL_MODULES) and _take_for(module, name, negated, reader):
            return True
    implied = _protocol_of(line)
    known = next((name for name, protocol in PROTOCOL_MODULES.items() if protocol == implied), None)
    if known is not None and all(PROTOCOL_MODULES.get(module.name) != implied for module in line.modules):
        module = _Module(known)
        if _take_for(module, name, negated, reader):
            line.modules.insert(len(line.modules) - (unknown is not None), module)
            return True
    raw = ["!"] * negated + [name]
    if extension and line.target not in TARGETS:
        line.target_raw += [*raw, *reader.rest_of_option()]
    elif unknown is not None:
        unknown.raw += [*raw, *reader.rest_of_option()]
    else:
        return False
    return True


def _protocol_of(line: _Line) -> str:
    """The protocol the rule asks for; "" when it asks for none, or for all but one."""
    given = line.base.get("-p")
    if given is None or given.negated:
        return ""
    return values.protocol(given.values[0])


def _take_for(module: _Module, name: str, negated: bool, reader: _Words) -> bool:
    options = MATCHES.get(module.name, {})
    aliases = {alias: option for option, entry in options.items() for alias in (option, *entry.aliases)}
    completed = _complete(name, aliases)
    if completed is None:
        return False
    option = aliases[completed]
    if any(given.option == option for given in module.given):
        raise ValueError(f"{option} stands twice in one -m {module.name}")
    if negated and not options[option].negatable:
        raise ValueError(f"{option} cannot be negated")
    module.given.append(_read_given(option, options[option].values, negated, reader))
    return True


def _complete(name: str, options: Mapping[str, object]) -> str | None:
    """The option of that name, or the only one that begins so."""
    if name in options:
        return name
    if not name.startswith("--") or len(name) < 4:
        return None
    longer = [option for option in options if option.startswith(name)]
    return longer[0] if len(longer) == 1 else None


def _check_protocol(module: str, line: _Line) -> None:
    wanted = frozenset({PROTOCOL_MODULES[module]}) if module in PROTOCOL_MODULES else NEEDS_PORTS.get(module)
    if wanted is None:
        return
    if _protocol_of(line) not in wanted:
        raise ValueError(f"-m {module} needs -p {' or '.join(sorted(wanted))}")


def _compile(
    option: Option, given: _Given, environment: Environment, *, v6: bool, module: _Module | None = None
) -> Match:
    beside = frozenset(other.option for other in module.given) if module is not None else frozenset()
    name = module.name if module is not None else ""
    at = Occurrence(given.option, given.values, given.negated, v6, beside, name, environment)
    try:
        return option.compile(at)
    except values.UnresolvedNameError:
        return unmodelled_option(at)


def _compile_module(module: _Module, environment: Environment, *, v6: bool) -> list[Match]:
    """In the order iptables-save prints a module's options."""
    options = MATCHES[module.name]
    order = list(options)
    given = sorted(module.given, key=lambda given: order.index(given.option))
    if module.name in WHOLE_MODULES:
        at = Occurrence(f"-m {module.name}", (), False, v6, frozenset(), module.name, environment)
        by_option = {entry.option: Given(entry.negated, entry.values) for entry in given}
        return [WHOLE_MODULES[module.name](at, by_option)]
    return [_compile(options[entry.option], entry, environment, v6=v6, module=module) for entry in given]


def _compile_target(line: _Line, table: str, chains: frozenset[str], *, v6: bool) -> tuple[Target | None, str | None]:
    name = line.target
    if name is None:
        return None, None
    if name in chains and name not in ("ACCEPT", "DROP", "RETURN"):
        return None, name
    if line.goto:
        raise ValueError(f"chain {name!r} does not exist in table {table}")
    kind = TARGETS.get(name)
    if kind is not None:
        if kind.tables is not None and table not in kind.tables:
            raise ValueError(f"{name} is valid in table {' or '.join(kind.tables)} only")
        return kind.compile(name, line.target_given, v6), None
    words = (*as_written(line.target_given), *line.target_raw)
    if name in HARMLESS_TARGETS:
        return Target(name, words, Verdict.CONTINUE), None
    if name in UNMODELLED_TARGETS or line.target_raw:
        return unmodelled_target(name, words), None
    raise ValueError(f"{name!r} is neither a chain of table {table} nor a known target")
