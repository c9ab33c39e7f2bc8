"""buffer: waits for the whole body and refuses one that is larger.

envoyproxy/envoy source/extensions/filters/http/buffer. One whose content-length states a size is taken to send that
much.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...facts.request import Request
from ...place import Place
from ...reasons import Reason, because
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Reply, Verdict
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
        size = facts.request.body
        if limit is None or (size == 0 and not facts.request.chunked):
            return None
        if size <= limit:
            return Change(_why(self, size), request=_counted(facts.request), body_limit=limit)
        why = because("filter.body-too-large", self.place, filter=self.name, size=size, limit=limit)
        return Reply(why, 413, "request_payload_too_large", body="Payload Too Large")


def _why(buffer: Buffer, size: int) -> Reason:
    return because("filter.body-buffered", buffer.place, filter=buffer.name, size=size)


def _counted(request: Request) -> Request | None:
    """Of chunks the length is known once all are there."""
    if not request.chunked:
        return None
    headers = {**request.headers, "content-length": (str(request.body),)} if request.body else request.headers
    return evolve(request, headers=headers, chunked=False)


def _limit(view: View) -> int | None:
    return view.integer("max_request_bytes")


def _of_route(view: View) -> int | None:
    below = view.view("buffer")
    return None if below is None or view.boolean("disabled", False) else _limit(below)


def compile_buffer(view: View, name: str) -> Buffer:
    return Buffer(name, view.place, PerRoute(_limit(view), _of_route))
