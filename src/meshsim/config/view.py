"""View: a thin typed reader over one JSON object, which knows spellings and places and nothing else.

Keys are snake_case in code and match snake_case, camelCase and `hidden_envoy_deprecated_` fields in the data; null
is absent, as in protobuf's JSON. A value of the wrong type is an InputError with its place: Envoy refuses it too.
Views are made by the thousand: children are built when asked for and places only when somebody reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from attrs import frozen

from ..errors import InputError
from ..place import PathPart, Place
from . import protojson
from .dialect import PLAIN, Dialect
from .legacy import EXTENSION_TYPES

T = TypeVar("T")


@frozen(eq=False)
class TypedConfig:
    """An extension's configuration: which type it is, and its message."""

    type_url: str
    """Always with the prefix `type.googleapis.com/`; TypedStructs are unwrapped."""
    view: View

    @property
    def type_name(self) -> str:
        """`envoy.extensions.filters.http.router.v3.Router`."""
        return self.type_url.rpartition("/")[2]


class View:
    """One JSON object and where it stands."""

    __slots__ = ("_dialect", "_parent", "_parts", "_place", "_plain", "data")

    data: dict[str, Any]
    _parent: View | None
    _parts: tuple[PathPart, ...]
    _place: Place | None
    _plain: bool | None
    """Every key is snake_case, so what is absent stands under no other name either; None: not looked yet."""
    _dialect: Dialect | None

    def __init__(self, data: dict[str, Any], place: Place) -> None:
        if not isinstance(data, dict):
            raise _wrong("an object", data, place)
        self.data = data
        self._parent = None
        self._parts = ()
        self._place = place
        self._plain = None
        self._dialect = None

    def __repr__(self) -> str:
        return f"View({self.place})"

    @property
    def place(self) -> Place:
        if self._place is None:
            parts = self._parts
            above = self._parent
            while above is not None and above._place is None:
                parts = above._parts + parts
                above = above._parent
            assert above is not None and above._place is not None
            self._place = Place(above._place.doc, above._place.path + parts)
        return self._place

    @property
    def dialect(self) -> Dialect:
        """How the Envoy that this object is configuration of reads it."""
        above: View | None = self
        while above is not None:
            if above._dialect is not None:
                return above._dialect
            above = above._parent
        return PLAIN

    def under(self, dialect: Dialect) -> View:
        """The same object as configuration of an Envoy that reads so."""
        made = self._child(self.data, ())
        made._dialect = dialect
        return made

    def place_of(self, key: str) -> Place:
        """Where a field stands (or would stand)."""
        return self.place / (self._spelling(key) or key)

    def has(self, key: str) -> bool:
        return self.raw(key) is not None

    def keys(self) -> tuple[str, ...]:
        """The names of the fields that are present, as written."""
        return tuple(self.data)

    def leftovers(self, known: frozenset[str]) -> tuple[str, ...]:
        """snake_case names of the fields that are set and not among the known ones."""
        found = []
        for key, value in self.data.items():
            if key in known or value is None or value == [] or key == "@type":
                continue
            name = protojson.snake(key)
            if name not in known:
                found.append(name)
        return tuple(found)

    def raw(self, key: str) -> Any:
        """The value as parsed; None when absent."""
        value = self.data.get(key)
        if value is None:
            if self._plain is None:
                self._plain = protojson.all_snake(self.data)
            if self._plain:
                return None
            for other in protojson.other_spellings(key):
                value = self.data.get(other)
                if value is not None:
                    return value
        return value

    @overload
    def text(self, key: str) -> str | None: ...
    @overload
    def text(self, key: str, default: str) -> str: ...
    def text(self, key: str, default: str | None = None) -> str | None:
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise _wrong("a string", value, self.place_of(key))
        return value

    @overload
    def number(self, key: str) -> int | float | None: ...
    @overload
    def number(self, key: str, default: T) -> int | float | T: ...
    def number(self, key: str, default: Any = None) -> Any:
        """Plain, as a string, or wrapped in `{"value": …}`."""
        return self._read(key, protojson.number, default)

    @overload
    def integer(self, key: str) -> int | None: ...
    @overload
    def integer(self, key: str, default: T) -> int | T: ...
    def integer(self, key: str, default: Any = None) -> Any:
        return self._read(key, protojson.integer, default)

    @overload
    def boolean(self, key: str) -> bool | None: ...
    @overload
    def boolean(self, key: str, default: T) -> bool | T: ...
    def boolean(self, key: str, default: Any = None) -> Any:
        return self._read(key, protojson.boolean, default)

    @overload
    def duration_ms(self, key: str) -> int | float | None: ...
    @overload
    def duration_ms(self, key: str, default: T) -> int | float | T: ...
    def duration_ms(self, key: str, default: Any = None) -> Any:
        return self._read(key, protojson.duration_ms, default)

    def fraction(self, key: str) -> tuple[int, int] | None:
        """A FractionalPercent as (numerator, denominator)."""
        found: tuple[int, int] | None = self._read(key, protojson.fraction, None)
        return found

    def enum(self, key: str, names: tuple[str, ...], default: str | None = None, unnamed: str | None = None) -> str:
        """An enum's name; `names` are in the order of their numbers, and the first is the default unless one is given.

        A name that is not among them is returned as it stands: the caller knows whether it can live with it. Envoy's
        reader takes names in any case of letters, and numbers as texts. `unnamed`: what it takes a number without a
        name for, where it does not refuse one.
        """
        value = self.raw(key)
        if value is None:
            return names[0] if default is None else default
        if isinstance(value, str):
            if value in names:
                return value
            if not value.removeprefix("-").isdecimal() or len(value) > _LONGEST_NUMBER:
                return next((name for name in names if name.upper() == value.upper()), value)
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            if 0 <= value < len(names):
                return names[value]
            if unnamed is not None:
                return unnamed
        raise _wrong(f"one of {', '.join(names)}", value, self.place_of(key))

    def view(self, key: str) -> View | None:
        """The object under a key; None when absent."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _wrong("an object", value, self.place_of(key))
        return self._child(value, (self._spelling(key) or key,))

    def views(self, key: str) -> tuple[View, ...]:
        """The objects of a list, of which null is an empty one; () when absent."""
        made = []
        for path, value in self._items(key):
            if value is None:
                value = {}
            if not isinstance(value, dict):
                raise _wrong("an object", value, self._below(key, path))
            made.append(self._child(value, (self._spelling(key) or key, *path)))
        return tuple(made)

    def texts(self, key: str) -> tuple[str, ...]:
        """The strings of a list, of which null is an empty one; () when absent."""
        made = []
        for path, value in self._items(key):
            if value is None:
                value = ""
            if not isinstance(value, str):
                raise _wrong("a string", value, self._below(key, path))
            made.append(value)
        return tuple(made)

    def integers(self, key: str) -> tuple[int, ...]:
        """The whole numbers of a list; () when absent."""
        made = []
        for path, value in self._items(key):
            try:
                made.append(protojson.integer(0 if value is None else value))
            except ValueError as error:
                raise _refused(error, self._below(key, path)) from None
        return tuple(made)

    def values(self, key: str) -> tuple[Any, ...]:
        """The values of a list, as parsed; () when absent."""
        return tuple(value for _path, value in self._items(key))

    def map(self, key: str) -> tuple[tuple[str, View], ...]:
        """The entries of a map whose values are objects; () when absent."""
        below = self.view(key)
        if below is None:
            return ()
        made = []
        for name, value in below.data.items():
            if not isinstance(value, dict):
                raise _wrong("an object", value, below.place / name)
            made.append((name, below._child(value, (name,))))
        return tuple(made)

    def any(self, key: str) -> TypedConfig | None:
        """The Any under a key, TypedStructs unwrapped; None when absent (or a bare Struct, which has no type)."""
        below = self.view(key)
        if below is None:
            return None
        return below.unwrapped()

    def unwrapped(self) -> TypedConfig | None:
        """This object read as an Any."""
        try:
            type_url, path = protojson.unwrap_any(self.data)
        except ValueError as error:
            raise _refused(error, self.place) from None
        inner = self._descend(path)
        return TypedConfig(type_url, inner) if type_url is not None else None

    def extension(self) -> TypedConfig | None:
        """The configuration of an extension entry `{name, typed_config | config}`, also in its old untyped form.

        An untyped one is told by its name, as Envoy did; None when neither says which type it is.
        """
        typed = self.view("typed_config")
        config = self.view("config")
        if typed is not None:
            found = typed.unwrapped()
            if found is not None:
                return found
            config = typed._descend(("value",) if "value" in typed.data else ())
        type_url = EXTENSION_TYPES.get(self.text("name", ""))
        if type_url is None:
            return None
        return TypedConfig(type_url, config if config is not None else self._child({}, ("config",)))

    def one_of(self, keys: tuple[str, ...] | list[str]) -> str | None:
        """Which field of a oneof is set; the first of them, None when none is."""
        for key in keys:
            if self.raw(key) is not None:
                return key
        return None

    def _spelling(self, key: str) -> str | None:
        """The name under which a field is written here."""
        if self.data.get(key) is not None:
            return key
        for other in protojson.other_spellings(key):
            if self.data.get(other) is not None:
                return other
        return None

    def _read(self, key: str, read: Callable[[Any], Any], default: Any) -> Any:
        value = self.raw(key)
        if value is None:
            return default
        try:
            return read(value)
        except ValueError as error:
            raise _refused(error, self.place_of(key)) from None

    def _items(self, key: str) -> list[tuple[tuple[int, ...], Any]]:
        """(where below the field, value) of a list's values.

        As Envoy's reader takes them: one value is a list of one, and the values of lists inside a list are its own.
        """
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list):
            return [((), value)]
        return _flat(value)

    def _below(self, key: str, path: tuple[int, ...]) -> Place:
        place = self.place_of(key)
        for index in path:
            place = place / index
        return place

    def _child(self, data: dict[str, Any], parts: tuple[PathPart, ...]) -> View:
        child = View.__new__(View)
        child.data = data
        child._parent = self
        child._parts = parts
        child._place = None
        child._plain = None
        child._dialect = None
        return child

    def _descend(self, path: tuple[str, ...]) -> View:
        data: Any = self.data
        for part in path:
            data = data.get(part) or {}
        return self._child(data, path) if path else self


def _flat(values: list[Any]) -> list[tuple[tuple[int, ...], Any]]:
    found: list[tuple[tuple[int, ...], Any]] = []
    waiting: list[tuple[tuple[int, ...], Any]] = [
        ((index,), value) for index, value in reversed(list(enumerate(values)))
    ]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, list):
            waiting += [((*path, index), each) for index, each in reversed(list(enumerate(value)))]
        else:
            found.append((path, value))
    return found


_LONGEST_NUMBER = 11
_HINT = "take the file again from where it came; if it was edited, mend this value"
_KINDS = (
    (bool, "true or false"),
    (str, "a string"),
    (int, "a number"),
    (float, "a number"),
    (list, "a list"),
    (type(None), "null"),
)


def _wrong(wanted: str, value: object, place: Place) -> InputError:
    seen = next((name for kind, name in _KINDS if isinstance(value, kind)), "an object")
    return InputError("wrong-type", f"expected {wanted}, found {seen}", place=place, hint=_HINT)


def _refused(error: ValueError, place: Place) -> InputError:
    return InputError("wrong-value", str(error), place=place, hint=_HINT)
