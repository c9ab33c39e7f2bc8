"""cdn_loop: refuses requests that passed this CDN too often (RFC 8586).

envoyproxy/envoy source/extensions/filters/http/cdn_loop; the header's grammar is RFC 8586's, with empty list items.
"""

from __future__ import annotations

import re

from attrs import evolve, frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Reply, Verdict

TYPE_NAME = "envoy.extensions.filters.http.cdn_loop.v3.CdnLoopConfig"
HEADER = "cdn-loop"
_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\uffff]|\\[\t \x21-\x7e\x80-\uffff])*"'
_ID = re.compile(rf"(?:\[[0-9A-Fa-f:.]*\]|{_TOKEN})(?::[0-9]*)?")
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*{_TOKEN}=(?:{_QUOTED}|{_TOKEN})")
_BLANKS = re.compile(r"[ \t]*")


def cdn_ids(text: str) -> tuple[str, ...] | None:
    """The ids that a CDN-Loop header lists; None where it is malformed."""
    found: list[str] = []
    position = _skipped(text, 0)
    while position < len(text):
        if text[position] == ",":
            position = _skipped(text, position + 1)
            continue
        named = _ID.match(text, position)
        if named is None:
            return None
        found.append(named.group())
        position = named.end()
        while (parameter := _PARAMETER.match(text, position)) is not None:
            position = parameter.end()
        position = _skipped(text, position)
        if position < len(text) and text[position] != ",":
            return None
    return tuple(found)


def _skipped(text: str, position: int) -> int:
    found = _BLANKS.match(text, position)
    return position if found is None else found.end()


@frozen(eq=False)
class CdnLoop:
    name: str
    place: Place
    cdn_id: str
    most: int

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        text = ",".join(facts.request.values(HEADER))
        ids = cdn_ids(text)
        if ids is None:
            why = because("filter.cdn-loop-malformed", self.place, filter=self.name, value=text)
            return Reply(why, 400, "invalid_cdn_loop_header", body="Invalid CDN-Loop header in request.")
        times = ids.count(self.cdn_id)
        if times > self.most:
            why = because("filter.cdn-loop", self.place, filter=self.name, cdn=self.cdn_id, times=times)
            body = "The server has detected a loop between CDNs."
            return Reply(why, 502, "cdn_loop_detected", body=body)
        headers = {**facts.request.headers, HEADER: (f"{text},{self.cdn_id}" if text else self.cdn_id,)}
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(facts.request, headers=headers))


def compile_cdn_loop(view: View, name: str) -> CdnLoop:
    return CdnLoop(name, view.place, view.text("cdn_id", ""), view.integer("max_allowed_occurrences", 0))
