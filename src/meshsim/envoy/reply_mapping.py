"""local_reply_config: what a connection manager makes of replies that the proxy itself sends.

envoyproxy/envoy source/common/local_reply/local_reply.cc: the first mapper whose filter holds adds its headers, then
changes status and body; its own body format, or else the common one, then writes the body anew.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..config.view import View
from ..facts.request import Headers
from ..reasons import Reason
from .body_formats import BodyFormat, compile_body_format
from .format_operators import FormatFacts
from .header_mutations import MutationLevel, compiled_addition, mutated
from .log_filters import LogFilter, LoggedReply, compile_log_filter
from .unmodelled import unmodelled_fields

_FIELDS = frozenset({"mappers", "body_format"})
_MAPPER_FIELDS = frozenset({"filter", "status_code", "body", "body_format_override", "headers_to_add"})
_JSON = "application/json"
_TEXT, _CONTENT_TYPE = "text/plain", "content-type"


@frozen
class Reply:
    """A local reply while it takes shape."""

    status: int
    details: str | None
    flags: tuple[str, ...]
    body: str | None
    """None: known to be there, and not what it says."""
    headers: Headers
    content_type: str | None = None
    """What a body format says, whatever the headers say."""


@frozen(eq=False)
class Mapper:
    filter: LogFilter
    status: int | None
    body: str | None
    body_format: BodyFormat | None
    additions: MutationLevel


@frozen(eq=False)
class ReplyMapping:
    mappers: tuple[Mapper, ...] = ()
    body_format: BodyFormat | None = None
    unmodelled: tuple[Reason, ...] = ()

    def applied(self, reply: Reply, facts: FormatFacts) -> Reply:
        """The reply as mapped; itself where nothing is configured. `facts` are those of the stream."""
        if not self.mappers and self.body_format is None:
            return reply
        facts = evolve(facts, status=reply.status, details=reply.details or "", flags=reply.flags)
        logged = LoggedReply(reply.status, reply.flags, facts.request)
        body_format, before = self.body_format, reply
        for mapper in self.mappers:
            if not mapper.filter(logged):
                continue
            headers = mutated(reply.headers, (mapper.additions,), facts, response=True)
            body = reply.body if mapper.body is None else mapper.body
            reply = evolve(reply, headers=headers, status=mapper.status or reply.status, body=body)
            body_format = mapper.body_format or body_format
            break
        if body_format is None:
            return _typed(reply, before, _TEXT)
        body = body_format.render(evolve(facts, status=reply.status, body=reply.body, response=reply.headers))
        content_type = body_format.content_type or _TEXT
        if body and content_type == _JSON and facts.request.replied_as_grpc():
            # it becomes a header, which can hold no line feed
            body = body.removesuffix("\n")
        return _typed(evolve(reply, body=body), before, content_type)


def _typed(reply: Reply, before: Reply, content_type: str) -> Reply:
    """The type of a body that mapping changed, unless a mapper states one itself; else only where there is none.

    envoyproxy/envoy source/common/http/utility.cc (prepareLocalReply).
    """
    if reply.headers.get(_CONTENT_TYPE) != before.headers.get(_CONTENT_TYPE):
        return evolve(reply, content_type=None)
    known = _CONTENT_TYPE in reply.headers or reply.content_type is not None
    if known and reply.body == before.body and reply.body is not None:
        return reply
    return evolve(reply, content_type=content_type)


def compile_reply_mapping(view: View, resource: str) -> ReplyMapping:
    """Of a connection manager."""
    below = view.view("local_reply_config")
    if below is None:
        return ReplyMapping()
    unmodelled = [*unmodelled_fields(below, _FIELDS, resource)]
    body_format = _body_format(below.view("body_format"), resource, unmodelled)
    mappers = []
    for each in below.views("mappers"):
        unmodelled += unmodelled_fields(each, _MAPPER_FIELDS, resource)
        mappers.append(_mapper(each, resource, unmodelled))
    return ReplyMapping(tuple(mappers), body_format, tuple(unmodelled))


def _body_format(view: View | None, resource: str, unmodelled: list[Reason]) -> BodyFormat | None:
    made = None if view is None else compile_body_format(view, resource)
    unmodelled += () if made is None else made.unmodelled
    return made


def _mapper(view: View, resource: str, unmodelled: list[Reason]) -> Mapper:
    body = view.view("body")
    text = None if body is None else body.text("inline_string")
    if body is not None and text is None:
        unmodelled += unmodelled_fields(body, frozenset(), resource)
    return Mapper(
        filter=compile_log_filter(view.view("filter"), resource, unmodelled),
        status=view.integer("status_code"),
        body=text,
        body_format=_body_format(view.view("body_format_override"), resource, unmodelled),
        additions=MutationLevel((), tuple(map(compiled_addition, view.views("headers_to_add")))),
    )
