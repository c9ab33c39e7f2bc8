"""Whether a message is one that Envoy's reader takes: the types of its fields, their rules, and its oneofs.

The table of messages says what to look for. Extensions are followed by their `@type`; what the table does not know,
Envoy may know. Large configurations are checked part by part, as they are compiled: see _DOORS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..config import protojson
from ..config.view import View
from ..errors import Rejected
from ..place import PathPart
from .message_table import Field, Kind, kind_of
from .message_values import SCALARS, empty, shown, wrong_absence, wrong_scalar, wrong_size

_ANY = "google.protobuf.Any"
_OBJECTS = frozenset((_ANY, "google.protobuf.Struct", "google.protobuf.Empty"))
_DOORS = frozenset(
    (
        ("envoy.config.listener.v3.Listener", "filter_chains"),
        ("envoy.config.listener.v3.Listener", "default_filter_chain"),
        ("envoy.config.listener.v3.FilterChain", "filters"),
        ("envoy.config.listener.v3.Filter", "typed_config"),
        (
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "route_config",
        ),
        ("envoy.config.route.v3.ScopedRouteConfiguration", "route_configuration"),
        ("envoy.config.route.v3.RouteConfiguration", "virtual_hosts"),
        ("envoy.config.route.v3.VirtualHost", "routes"),
        ("envoy.config.route.v3.VirtualHost", "matcher"),
    )
)
"""What stands behind these fields is checked when it is compiled itself."""
_OFF: Mapping[tuple[str, str], str] = {
    ("envoy.config.route.v3.FilterConfig", "config"): "disabled",
    ("envoy.config.route.v3.ClusterSpecifierPlugin", "extension"): "is_optional",
}
"""What nobody may ever look at, by the switch beside it: only the reader does."""
_NEVER_HELD = (
    "envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig",
    "envoy.extensions.load_balancing_policies.",
    "envoy.extensions.matching.common_inputs.transport_socket.v3.EndpointMetadataInput",
)
_HELD = "envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost"
"""Extensions whose rules Envoy does not check, and one that it does check."""

Path = tuple[PathPart, ...]
Fault = tuple[Path, str] | None
"""(where below, what is wrong there)."""
Rules = Mapping[str, Any]
_NO_RULES: Rules = {}


def refuse_malformed(view: View, type_name: str, *, held: bool = True) -> None:
    """Raises Rejected for the first fault of a message of that type; not `held`: only for what cannot be read."""
    kind = kind_of(type_name)
    found = _fault(kind, view.data, held and _is_held(type_name)) if kind is not None else None
    if found is None:
        return
    path, words = found
    place = view.place
    for part in path:
        place = place / part
    raise Rejected("message-refused", words, place=place, hint="mend this field; Envoy refuses it too")


def _fault(kind: Kind, data: dict[str, Any], held: bool) -> Fault:
    present: set[str] = set()
    foreign = False
    for key, value in data.items():
        if value is None or key == "@type":
            continue
        field = kind.fields.get(key)
        if field is None:
            foreign = True
            continue
        present.add(field.name)
        site = (kind.name, field.name)
        if site in _DOORS:
            continue
        found = _of_field(field, value, held and not (site in _OFF and data.get(_OFF[site]) is True))
        if found is not None:
            return (key, *found[0]), found[1] if found[0] else f"{_short(kind)}.{field.name}: {found[1]}"
    return _missing(kind, present, foreign, held)


def _missing(kind: Kind, present: set[str], foreign: bool, held: bool) -> Fault:
    for members, required in kind.oneofs:
        chosen = [name for name in members if name in present]
        if len(chosen) > 1:
            return (), f"{_short(kind)}: {' and '.join(chosen)} exclude each other"
        if held and required and not chosen and not foreign:
            return (), f"{_short(kind)}: one of {', '.join(members)} is required"
    for field in kind.held if held else ():
        words = None if field.name in present else wrong_absence(field)
        if words is not None:
            return (), f"{_short(kind)}.{field.name}: {words}"
    return None


def _of_field(field: Field, value: Any, held: bool) -> Fault:
    rules = field.rules if held else _NO_RULES
    if field.label == "map":
        return _map(field, value, rules, held)
    if field.label == "repeated":
        return _list(field, value, rules, held)
    return _one(field, value, rules, held)


def _map(field: Field, value: Any, rules: Rules, held: bool) -> Fault:
    if not isinstance(value, dict):
        return (), f"expected an object, found {shown(value)}"
    for name, each in value.items():
        found = _one(field, each, rules.get("values", _NO_RULES), held)
        if found is not None:
            return (name, *found[0]), found[1]
        if not name and rules.get("keys", _NO_RULES).get("min_len"):
            return (), "a key's length must be at least 1 characters"
    words = wrong_size(len(value), field.label, rules)
    return ((), words) if words is not None else None


def _list(field: Field, value: Any, rules: Rules, held: bool) -> Fault:
    items = rules.get("items", _NO_RULES)
    size = 0
    for path, each in _items(value):
        found = _one(field, empty(field) if each is None else each, items, held)
        if found is not None:
            return (*path, *found[0]), found[1]
        size += 1
    words = wrong_size(size, field.label, rules)
    return ((), words) if words is not None else None


def _items(value: Any) -> Iterator[tuple[Path, Any]]:
    """As Envoy's reader takes them: one value is a list of one, and the values of lists inside are its own."""
    if not isinstance(value, list):
        yield (), value
        return
    for index, each in enumerate(value):
        for path, item in _items(each):
            yield (index, *path), item


def _one(field: Field, value: Any, rules: Rules, held: bool) -> Fault:
    if field.enum is not None or field.kind in SCALARS:
        words = wrong_scalar(field, value, rules)
        return ((), words) if words is not None else None
    below = kind_of(field.kind)
    if below is None and field.kind not in _OBJECTS:
        return None
    if not isinstance(value, dict):
        return (), f"expected an object, found {shown(value)}"
    if field.kind == _ANY:
        return _extension(value, held)
    return _fault(below, value, held and not rules.get("skip")) if below is not None else None


def _extension(value: dict[str, Any], held: bool) -> Fault:
    if not value:
        return None
    try:
        type_url, path = protojson.unwrap_any(value)
    except ValueError as error:
        return (), str(error)
    type_name = type_url.rpartition("/")[2] if type_url is not None else ""
    kind = kind_of(type_name)
    if kind is None:
        return None
    inner: Any = value
    for part in path:
        inner = inner.get(part) or {}
    found = _fault(kind, inner, held and _is_held(type_name)) if isinstance(inner, dict) else None
    return ((*path, *found[0]), found[1]) if found is not None else None


def _is_held(type_name: str) -> bool:
    return type_name == _HELD or not type_name.startswith(_NEVER_HELD)


def _short(kind: Kind) -> str:
    return kind.name.rpartition(".")[2]
