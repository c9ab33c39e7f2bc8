"""buffer: waits for the whole body and refuses one that is larger.

envoyproxy/envoy source/extensions/filters/http/buffer. A call has no body; one whose content-length states a size is
taken to send that much.
"""

from __future__ import annotations

from attrs import frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from .base import FilterFacts, Reply, Verdict
from .per_route import PerRoute

TYPE_NAME = "envoy.extensions.filters.http.buffer.v3.Buffer"


@frozen(eq=False)
class Buffer:
    name: str
    place: Place
    limits: PerRoute[int | None]
    """None: switched off."""

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        limit = self.limits.of(own)
        stated = facts.request.values("content-length")
        if limit is None or not stated or not stated[0].isdecimal() or int(stated[0][:18]) <= limit:
            return None
        why = because("filter.body-too-large", self.place, filter=self.name, size=int(stated[0][:18]), limit=limit)
        return Reply(why, 413, "request_payload_too_large", body="Payload Too Large")


def _limit(view: View) -> int | None:
    return view.integer("max_request_bytes")


def _of_route(view: View) -> int | None:
    below = view.view("buffer")
    return None if below is None or view.boolean("disabled", False) else _limit(below)


def compile_buffer(view: View, name: str) -> Buffer:
    return Buffer(name, view.place, PerRoute(_limit(view), _of_route))
