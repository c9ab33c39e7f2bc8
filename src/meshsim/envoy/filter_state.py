"""Filter state as text that remembers what made it.

envoyproxy/envoy source/extensions/filters/common/set_filter_state: an object's factory is named by `factory_key`, or
by its own key, and decides what readers make of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..address import parse_endpoint

STRING = "envoy.string"
HASHABLE_STRING = "envoy.hashable_string"
DESTINATION = "envoy.network.transport_socket.original_dst_address"
_OF_DIALLING = ("envoy.network.", "envoy.upstream.", "envoy.filters.listener.original_dst.")


class StateText(str):
    """An object as text, and the name of its factory."""

    __slots__ = ("factory",)

    factory: str

    def __new__(cls, text: str, factory: str) -> StateText:
        made = super().__new__(cls, text)
        made.factory = factory
        return made


def dials_otherwise(key: str) -> bool:
    """Whether an object of that key changes where or how an upstream is dialled, in a way that is not followed."""
    return key != DESTINATION and key.startswith(_OF_DIALLING)


def made_by(factory: str, text: str) -> StateText | None:
    """None: the factory takes no such text, and nothing is written."""
    if factory == DESTINATION and address_in(text) is None:
        return None
    return StateText(text, factory)


def address_in(text: str) -> tuple[int, int] | None:
    try:
        return parse_endpoint(text)
    except ValueError:
        return None


def destination_in(state: Mapping[str, str]) -> tuple[int, int] | None:
    """The address that an ORIGINAL_DST cluster dials whatever else it is told."""
    text = state.get(DESTINATION)
    return None if text is None else address_in(text)
