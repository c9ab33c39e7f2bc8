"""set_filter_state: writes objects that tcp_proxy and policies read.

envoyproxy/envoy source/extensions/filters/network/set_filter_state. A later write replaces an earlier one, even one
that was said to be read-only.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from ...reasons import because
from ..filter_state import dials_otherwise, made_by
from ..format_operators import FormatFacts
from ..format_strings import FormatString, compile_format_string
from ..rbac.facts import NO_REQUEST
from .verdicts import Behaviour, NetworkFacts, Open, Option, Verdict, Writes

CLUSTER = "envoy.tcp_proxy.cluster"
_OF_TCP_PROXY = "envoy.tcp_proxy."


@define(eq=False)
class Entry:
    key: str
    value: FormatString | None
    """None: it is not modelled how the value is made."""
    skip_if_empty: bool
    absent: str
    """What an operand that is not there is written as."""
    factory: str

    @property
    def unfollowed(self) -> bool:
        return dials_otherwise(self.key) or (self.key != CLUSTER and self.key.startswith(_OF_TCP_PROXY))

    def made(self, facts: FormatFacts) -> str | None:
        """None where run time decides it, or it is not modelled how the value is made."""
        return None if self.value is None else self.value.render(facts, self.absent)


@define(eq=False)
class SetFilterState(Behaviour):
    name: str
    view: View
    entries: tuple[Entry, ...]

    def new_connection(self, facts: NetworkFacts) -> Verdict:
        written = dict(facts.filter_state)
        told = FormatFacts(NO_REQUEST, facts.connection, "")
        for entry in self.entries:
            value = entry.made(told)
            if value is None or entry.unfollowed:
                what = because("network.state-not-followed", self.view.place, filter=self.name, key=entry.key)
                return Open(what, (Option("pass", None, None),), default=0)
            made = made_by(entry.factory, value) if value or not entry.skip_if_empty else None
            if made is not None:
                written[entry.key] = made
        return Writes(written)


def compile_set_filter_state(view: View, name: str) -> SetFilterState:
    return SetFilterState(name, view, tuple(map(_entry, view.views("on_new_connection"))))


def _entry(view: View) -> Entry:
    format_string = view.view("format_string")
    value = None
    if format_string is not None:
        source = format_string.view("text_format_source")
        text = source.text("inline_string") if source is not None else format_string.text("text_format")
        value = compile_format_string(text) if text is not None else None
    omits = format_string is not None and format_string.boolean("omit_empty_values", False)
    key = view.text("object_key", "")
    factory = view.text("factory_key", "") or key
    return Entry(key, value, view.boolean("skip_if_empty", False), "" if omits else "-", factory)
