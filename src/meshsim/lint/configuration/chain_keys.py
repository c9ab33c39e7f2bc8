"""Can a connection take one way through a filter chain match? Only what is certain counts as no.

Keys compete at each level of the sieve: one loses for good where the others there leave no value for it, where the
listener never sees such a value, or where it contradicts a key further up.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from attrs import frozen

from ...address import V6_BIT, contains, prefix_length
from ...envoy.listeners import Listener
from ...match.sieve import Step
from .subject import listener_filters_of

_INSPECTORS = ("tls_inspector", "http_inspector")
_PREFIX_LEVELS = ("prefix_ranges", "direct_source_prefix_ranges", "source_prefix_ranges")
_ALL_OF = {
    "transport_protocol": frozenset({"tls", "raw_buffer"}),
    "source_type": frozenset({"SAME_IP_OR_LOOPBACK", "EXTERNAL"}),
}
"""Level -> all values a TCP connection can have there."""


@frozen
class Reach:
    """What a listener can know of its connections."""

    ports: frozenset[int] | None
    """The only ports they have come to; None: any."""
    sees_tls: bool
    sees_alpn: bool


def reach_of(listener: Listener, handing: Sequence[Listener]) -> Reach:
    """`handing` are the listeners that give connections away, with what they learned of them."""
    kinds = _kinds(listener)
    if kinds is None or not listener.addresses:
        return Reach(None, sees_tls=True, sees_alpn=True)
    learned = set(kinds)
    for other in handing:
        learned |= set(_kinds(other) or ("opaque",))
    blind = "opaque" not in learned
    moved = {"original_dst", "proxy_protocol", "opaque"} & set(kinds)
    ports = frozenset(port for _ip, port in listener.addresses)
    return Reach(
        None if moved or 0 in ports else ports,
        sees_tls=not blind or "tls_inspector" in learned,
        sees_alpn=not blind or not learned.isdisjoint(_INSPECTORS),
    )


def _kinds(listener: Listener) -> tuple[str, ...] | None:
    filters = listener_filters_of(listener)
    return None if filters is None else tuple(each.kind for each in filters.filters)


def lost_at(steps: Sequence[Step[Any]], reach: Reach) -> str | None:
    """The level where no connection goes on; None where one may reach the end."""
    above: dict[str, Hashable] = {}
    for step in steps:
        what = step.level.what
        if _crowded_out(step) or not _seen(what, step.key, reach) or _contradicts(what, step.key, above):
            return what
        above[what] = step.key
    return None


def _crowded_out(step: Step[Any]) -> bool:
    """More exact keys take every value that this one would."""
    values = _ALL_OF.get(step.level.what)
    if values is not None and step.key == step.level.anything:
        return values <= step.present
    if step.level.what in _PREFIX_LEVELS and isinstance(step.key, tuple):
        narrower = [key for key in step.present if isinstance(key, tuple) and _within(key, step.key)]
        return _size_of(narrower) == _size(step.key)
    return False


def _within(inner: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return inner != outer and prefix_length(inner[1]) > prefix_length(outer[1]) and contains(outer, inner[0])


def _size_of(prefixes: Sequence[tuple[Any, ...]]) -> int:
    """How many addresses are in any of them: prefixes lie within one another or apart."""
    outermost = [each for each in prefixes if not any(_within(each, other) for other in prefixes)]
    return sum(map(_size, outermost))


def _size(prefix: tuple[Any, ...]) -> int:
    width = 128 if prefix[0] >= V6_BIT else 32
    return 1 << (width - prefix_length(prefix[1]))


def _seen(what: str, key: Hashable, reach: Reach) -> bool:
    match what:
        case "destination_port":
            return key == 0 or reach.ports is None or key in reach.ports
        case "server_names":
            return key == "" or reach.sees_tls
        case "transport_protocol":
            return key != "tls" or reach.sees_tls
        case "application_protocols":
            return key == "" or reach.sees_alpn
    return True


def _contradicts(what: str, key: Hashable, above: dict[str, Hashable]) -> bool:
    """A name was read, so it is TLS."""
    return what == "transport_protocol" and key == "raw_buffer" and bool(above.get("server_names"))
