"""The runtime of one Envoy: values by key, from the static layers of its bootstrap and from the call.

envoyproxy/envoy source/common/runtime/runtime_impl.cc. Layers are merged in order, the later one wins. What a layer
of another kind holds (admin, disk, RTDS) stands in no input: `doubt` names it where it could decide a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from ..config import protojson
from ..config.view import View
from ..errors import Rejected
from ..place import Place
from ..reasons import Reason, because

GUARD_PREFIX = "envoy.reloadable_features."
_OTHER_LAYERS = ("admin_layer", "disk_layer", "rtds_layer")
_MAX_DEPTH = 32
_LARGEST = 1 << 64
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,6})?\s*")
_HEX = re.compile(r"\s*[+-]?0[xX][0-9a-fA-F]{1,64}\s*")


@frozen(eq=False)
class Entry:
    """One value, as every kind of reader sees it; None: that reader takes its default."""

    whole: int | None = None
    number: float | None = None
    truth: bool | None = None
    fraction: tuple[int, int] | None = None


@frozen(eq=False)
class HiddenLayer:
    """A layer whose values no input holds."""

    name: str
    kind: str
    place: Place


@frozen(eq=False)
class Runtime:
    entries: Mapping[str, Entry] = field(factory=dict)
    hidden: tuple[HiddenLayer, ...] = ()
    hiding: Mapping[str, tuple[HiddenLayer, ...]] = field(factory=dict)
    """For a key of a static layer, the hidden layers after it; all of them for a key in no layer."""

    def integer(self, key: str, default: int) -> int:
        """A whole number; fractions of a number are cut off."""
        entry = self.entries.get(key)
        return default if entry is None or entry.whole is None else entry.whole

    def number(self, key: str, default: float) -> float:
        entry = self.entries.get(key)
        return default if entry is None or entry.number is None else entry.number

    def boolean(self, key: str, default: bool) -> bool:
        """A RuntimeFeatureFlag."""
        entry = self.entries.get(key)
        return default if entry is None or entry.truth is None else entry.truth

    def fraction(self, key: str, default: tuple[int, int]) -> tuple[int, int]:
        """A RuntimeFractionalPercent as (numerator, denominator); a whole number is a percentage of 100."""
        entry = self.entries.get(key)
        if entry is None:
            return default
        if entry.fraction is not None:
            return entry.fraction
        if entry.whole is not None:
            return min(entry.whole, 100), 100
        return default

    def guard(self, name: str, *, default: bool = True) -> bool:
        """`envoy.reloadable_features.NAME`; those meshsim follows are on unless a layer says otherwise."""
        return self.boolean(GUARD_PREFIX + name, default)

    def doubt(self, key: str) -> Reason | None:
        """What could hold another value of that key than the one that was read."""
        layers = self.hiding.get(key, self.hidden) if key else ()
        if not layers:
            return None
        layer = layers[-1]
        return because("runtime.layer-hidden", layer.place, key=key, layer=layer.name, kind=layer.kind)

    def with_values(self, values: Mapping[str, Any]) -> Runtime:
        """The same with values on top, as a call states them; nothing hides those."""
        stated = dict(_entries(values, None))
        if not stated:
            return self
        return Runtime({**self.entries, **stated}, self.hidden, {**self.hiding, **dict.fromkeys(stated, ())})


NO_RUNTIME = Runtime()
"""Every key has its default."""


@frozen
class RuntimeFraction:
    """A RuntimeFractionalPercent: a share of requests that a runtime key may change."""

    key: str
    default: tuple[int, int]

    def of(self, runtime: Runtime) -> tuple[int, int]:
        """(numerator, denominator) as it is in that Envoy."""
        return runtime.fraction(self.key, self.default) if self.key else self.default

    def share(self, runtime: Runtime) -> float:
        """At least 1: always."""
        numerator, denominator = self.of(runtime)
        return numerator / denominator


@frozen
class RuntimeFlag:
    """A RuntimeFeatureFlag: a switch that a runtime key may turn."""

    key: str
    default: bool

    def of(self, runtime: Runtime) -> bool:
        return runtime.boolean(self.key, self.default) if self.key else self.default


def compile_runtime_fraction(view: View) -> RuntimeFraction | None:
    """None where the message has no default, which Envoy refuses except where the field's own default stands in."""
    stated = view.fraction("default_value")
    return None if stated is None else RuntimeFraction(view.text("runtime_key", ""), stated)


def compile_runtime_flag(view: View | None, *, default: bool) -> RuntimeFlag:
    """`default` is what the field means where it is absent."""
    if view is None:
        return RuntimeFlag("", default)
    return RuntimeFlag(view.text("runtime_key", ""), view.boolean("default_value", False))


def compile_runtime(bootstrap: View | None) -> Runtime:
    """The layers of a bootstrap. Rejected where Envoy would refuse them."""
    layered = bootstrap.view("layered_runtime") if bootstrap is not None else None
    if layered is None:
        return NO_RUNTIME
    entries: dict[str, Entry] = {}
    hiding: dict[str, tuple[HiddenLayer, ...]] = {}
    hidden: list[HiddenLayer] = []
    names: set[str] = set()
    for layer in layered.views("layers"):
        name = layer.text("name", "")
        if name in names:
            raise Rejected("runtime-layer-twice", f"two runtime layers are called {name!r}", place=layer.place)
        names.add(name)
        static = layer.view("static_layer")
        if static is not None:
            found = dict(_entries(static.data, static.place))
            entries.update(found)
            hiding.update(dict.fromkeys(found, ()))
            continue
        kind = layer.one_of(_OTHER_LAYERS)
        if kind is not None:
            other = HiddenLayer(name, kind, layer.place)
            hidden.append(other)
            hiding = {key: (*layers, other) for key, layers in hiding.items()}
    return Runtime(entries, tuple(hidden), hiding)


def _entries(values: Mapping[str, Any], place: Place | None) -> Iterator[tuple[str, Entry]]:
    """Every value with its full key: objects join their keys with a dot."""
    waiting = [(str(key), value, 1) for key, value in reversed(list(values.items()))]
    while waiting:
        key, value, depth = waiting.pop()
        if value is None or isinstance(value, list | tuple) or depth > _MAX_DEPTH:
            raise Rejected(
                "runtime-value",
                f"runtime key {key!r} holds no number, text, boolean or fraction",
                place=place,
                hint="Envoy refuses this layer too; give a number, a text, true or false, or an object of such values",
            )
        if isinstance(value, dict) and value and "numerator" not in value and "denominator" not in value:
            waiting.extend((f"{key}.{below}", inner, depth + 1) for below, inner in reversed(list(value.items())))
        else:
            yield key, _entry(value)


def _entry(value: Any) -> Entry:
    if isinstance(value, bool):
        return Entry(truth=value)
    if isinstance(value, dict):
        return Entry(fraction=_fraction(value))
    number = float(value) if isinstance(value, int | float) else _number_of(str(value))
    return Entry() if number is None else _of_number(number)


def _number_of(text: str) -> float | None:
    """A text that writes a number; the texts `true` and `false` are nothing to Envoy."""
    if _NUMBER.fullmatch(text):
        return float(text)
    return float(int(text, 16)) if _HEX.fullmatch(text) else None


def _of_number(number: float) -> Entry:
    whole = int(number) if 0 <= number < _LARGEST else None
    return Entry(whole=whole, number=number, truth=bool(number) if number.is_integer() else None)


def _fraction(value: dict[str, Any]) -> tuple[int, int] | None:
    """A FractionalPercent inside a layer; None where it is none. A numerator that is a text counts as 0."""
    numerator, denominator = value.get("numerator", 0), value.get("denominator", "HUNDRED")
    if set(value) - {"numerator", "denominator"} or not isinstance(denominator, str):
        return None
    try:
        if isinstance(numerator, str):
            numerator = 0
        return protojson.fraction({"numerator": numerator, "denominator": denominator})
    except ValueError:
        return None
