"""Access log filters, as local_reply_config uses them to choose among its mappers.

envoyproxy/envoy source/common/access_log/access_log_impl.cc. A kind that is not modelled is reported and never holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from ..config.view import View
from ..facts.request import Request
from ..reasons import Reason
from .grpc_codes import GRPC_STATUS_NAMES, grpc_status_of
from .matchers import compile_header_matcher
from .unmodelled import unmodelled_fields


@frozen
class LoggedReply:
    """What the filters look at."""

    status: int
    flags: tuple[str, ...]
    request: Request


LogFilter = Callable[[LoggedReply], bool]
_Compile = Callable[[View, str, list[Reason]], LogFilter]

_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "EQ": int.__eq__,
    "GE": int.__ge__,
    "LE": int.__le__,
    "NE": int.__ne__,
}


def compile_log_filter(view: View | None, resource: str, unmodelled: list[Reason]) -> LogFilter:
    """`unmodelled` is added to."""
    if view is None:
        return _never
    kind = view.one_of(tuple(_KINDS))
    below = view.view(kind) if kind is not None else None
    unmodelled += unmodelled_fields(view, frozenset(_KINDS), resource)
    if kind is None or below is None:
        return _never
    return _KINDS[kind](below, resource, unmodelled)


def _never(_reply: LoggedReply) -> bool:
    return False


def _always(_view: View, _resource: str, _unmodelled: list[Reason]) -> LogFilter:
    return lambda _reply: True


def _status(view: View, _resource: str, _unmodelled: list[Reason]) -> LogFilter:
    comparison = view.view("comparison")
    value = comparison.view("value") if comparison is not None else None
    if comparison is None or value is None:
        return _never
    compare = _COMPARISONS[comparison.enum("op", tuple(_COMPARISONS))]
    wanted = value.integer("default_value", 0)
    return lambda reply: compare(reply.status, wanted)


def _header(view: View, _resource: str, _unmodelled: list[Reason]) -> LogFilter:
    below = view.view("header")
    if below is None:
        return _never
    condition: Any = compile_header_matcher(below)
    return lambda reply: bool(condition.holds(reply))


def _flags(view: View, _resource: str, _unmodelled: list[Reason]) -> LogFilter:
    wanted = frozenset(view.texts("flags"))
    return lambda reply: bool(wanted.intersection(reply.flags) if wanted else reply.flags)


def _grpc_status(view: View, _resource: str, _unmodelled: list[Reason]) -> LogFilter:
    wanted = frozenset(map(_number, view.values("statuses")))
    exclude = view.boolean("exclude", False)
    return lambda reply: (grpc_status_of(reply.status) in wanted) is not exclude


def _number(status: Any) -> int:
    """Of an enumeration's value in a list, of which null is the first."""
    if isinstance(status, str) and not status.isdecimal():
        return GRPC_STATUS_NAMES.index(status.upper())
    return int(status or 0)


def _and(view: View, resource: str, unmodelled: list[Reason]) -> LogFilter:
    parts = [compile_log_filter(each, resource, unmodelled) for each in view.views("filters")]
    return lambda reply: all(part(reply) for part in parts)


def _or(view: View, resource: str, unmodelled: list[Reason]) -> LogFilter:
    parts = [compile_log_filter(each, resource, unmodelled) for each in view.views("filters")]
    return lambda reply: any(part(reply) for part in parts)


_KINDS: dict[str, _Compile] = {
    "status_code_filter": _status,
    "header_filter": _header,
    "response_flag_filter": _flags,
    "grpc_status_filter": _grpc_status,
    "not_health_check_filter": _always,
    "and_filter": _and,
    "or_filter": _or,
}
