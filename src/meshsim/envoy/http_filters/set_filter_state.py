"""set_filter_state: formatted texts as filter state.

envoyproxy/envoy source/extensions/filters/http/set_filter_state.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..filter_state import DESTINATION, dials_otherwise, made_by
from ..format_strings import FormatString, compile_format_string
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Open, Option, Verdict
from .format_facts import format_facts
from .per_route import PerRoute

TYPE_NAME = "envoy.extensions.filters.http.set_filter_state.v3.Config"


@frozen(eq=False)
class Setting:
    key: str
    value: FormatString
    skip_if_empty: bool
    absent: str
    """What an operand that is not there is written as."""
    factory: str


def compile_settings(view: View) -> tuple[Setting, ...]:
    made = []
    for each in view.views("on_request_headers"):
        formatted = each.view("format_string")
        source = formatted.view("text_format_source") if formatted is not None else None
        text = source.text("inline_string", "") if source is not None else ""
        if formatted is not None and not text:
            text = formatted.text("text_format", "")
        absent = "" if formatted is not None and formatted.boolean("omit_empty_values", False) else "-"
        skips = each.boolean("skip_if_empty", False)
        key = each.text("object_key", "")
        factory = each.text("factory_key", "") or key
        made.append(Setting(key, compile_format_string(text), skips, absent, factory))
    return tuple(made)


@frozen(eq=False)
class SetFilterState:
    name: str
    place: Place
    settings: PerRoute[tuple[Setting, ...]]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        """The filter's own first, then those of each level, the least specific first."""
        state, lost = dict(facts.filter_state), None
        for settings in (self.settings.own, *reversed(self.settings.levels(own))):
            for each in settings:
                value = each.value.render(evolve(format_facts(facts), filter_state=state), each.absent)
                if dials_otherwise(each.key) or (value is None and each.key == DESTINATION):
                    lost = each.key
                if value is None:
                    state.pop(each.key, None)
                elif (value or not each.skip_if_empty) and (made := made_by(each.factory, value)) is not None:
                    state[each.key] = made
        changed = Change(because("filter.changed", self.place, filter=self.name), filter_state=state)
        verdict = None if state == facts.filter_state else changed
        if lost is None:
            return verdict
        what = because("filter.state-not-followed", self.place, filter=self.name, key=lost)
        return Open(what, (Option("pass", None, verdict),), default=0)


def compile_set_filter_state(view: View, name: str) -> SetFilterState:
    return SetFilterState(name, view.place, PerRoute(compile_settings(view), compile_settings))
