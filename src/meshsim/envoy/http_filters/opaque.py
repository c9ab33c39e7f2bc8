"""Filters whose decision configuration does not show: external services, scripts, and what is not modelled.

Each lets the request pass by default, as an assumption; the other course is what that filter answers when it blocks.
"""

from __future__ import annotations

from attrs import frozen

from ...facts.answer import Answer
from ...place import Place
from ...reasons import Reason, because
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Open, Option, Reply, Verdict


@frozen(eq=False)
class Blocking:
    """What a kind of filter answers when it does not let a request pass, as far as that is fixed."""

    status: int | None = None
    details: str | None = None
    flags: tuple[str, ...] = ()
    body: str = ""
    in_grpc_form: bool = False


UNKNOWN = Blocking()
_BLOCKS = "blocks"

KINDS: dict[str, Blocking] = {
    "envoy.extensions.filters.http.admission_control.v3.AdmissionControl": Blocking(503, "denied_by_admission_control"),
    "envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency": Blocking(
        503, "reached_concurrency_limit", (), "reached concurrency limit"
    ),
    "envoy.extensions.filters.http.lua.v3.Lua": Blocking(None, "lua_response", in_grpc_form=True),
    "envoy.extensions.filters.http.rbac.v3.RBAC": Blocking(403, None, (), "RBAC: access denied"),
}
"""By type; everything else blocks in ways that are not known."""


@frozen(eq=False)
class Opaque:
    name: str
    type_name: str
    place: Place
    only_per_route: bool = False
    """The filter's own configuration lets everything pass; a route's may not."""

    def ask(self, _facts: FilterFacts, own: PerFilter | None) -> Verdict:
        config = own.in_force() if own is not None else None
        if config is None and self.only_per_route:
            return None
        place = config.view.place if config is not None else self.place
        blocking = KINDS.get(self.type_name, UNKNOWN)
        why = because("filter.blocked", place, filter=self.name, type=self.type_name)
        reply = Reply(
            why,
            blocking.status,
            blocking.details,
            blocking.flags,
            blocking.body,
            in_grpc_form=blocking.in_grpc_form,
        )
        return Open(
            because("filter.opaque", place, filter=self.name, type=self.type_name),
            (Option("pass", None, None), Option(_BLOCKS, None, reply)),
            default=0,
            answered=None
            if blocking.status is not None
            else lambda answer: Option(_BLOCKS, None, _stated(why, blocking, answer)),
        )


def _stated(why: Reason, blocking: Blocking, answer: Answer) -> Reply:
    """Of a filter that nothing is known of, the answer is what it writes, and Envoy makes nothing of it."""
    headers = answer.header_values()
    if not blocking.in_grpc_form:
        return Reply(why, answer.status, blocking.details, blocking.flags, answer.body, headers=headers, plain=True)
    return Reply(why, answer.status, blocking.details, blocking.flags, answer.body, added=headers)


@frozen(eq=False)
class BodyNotes:
    """Filters that only note what bodies say: they let every request pass, and a call has no body."""

    name: str
    type_name: str
    place: Place

    def ask(self, _facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        return Change(because("filter.notes-body", self.place, filter=self.name, type=self.type_name))
