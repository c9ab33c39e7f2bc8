"""What a test wants against what came: mismatches as data, and which fields were found right.

envoyproxy/envoy test/tools/router_check/router.cc: every failure is told, in the order of its checks.
"""

from __future__ import annotations

from collections.abc import Callable

from ...facts.request import Headers, Request
from ...reasons import Reason, because
from ...suite_results import Mismatch
from .ask import Answer
from .model import (
    CLUSTER,
    CODE_REDIRECT,
    HOST_REWRITE,
    PATH_REDIRECT,
    PATH_REWRITE,
    REPLY_FIELDS,
    ROUTE_FIELDS,
    TIMEOUT,
    VIRTUAL_CLUSTER,
    VIRTUAL_HOST,
    Check,
    Headed,
    HeaderWant,
)

_PSEUDO = (":method", ":path", ":authority", ":scheme", "host")
_ABSENT = "NULL"


def _rewritten(read: Callable[[Request], str | None]) -> Callable[[Answer], str]:
    return lambda answer: (read(answer.request) or "") if answer.forwards and answer.request is not None else ""


ACTUAL: dict[str, Callable[[Answer], str | int]] = {
    CLUSTER: lambda answer: answer.cluster,
    VIRTUAL_CLUSTER: lambda answer: answer.virtual_cluster,
    VIRTUAL_HOST: lambda answer: answer.virtual_host,
    PATH_REWRITE: _rewritten(lambda request: request.path),
    HOST_REWRITE: _rewritten(lambda request: request.authority),
    PATH_REDIRECT: lambda answer: answer.path_redirect,
    CODE_REDIRECT: lambda answer: answer.code_redirect,
    TIMEOUT: lambda answer: answer.timeout,
}


def judge(check: Check, answer: Answer) -> tuple[tuple[Mismatch, ...], tuple[str, ...]]:
    """The mismatches, and the fields that count towards coverage."""
    counting = ROUTE_FIELDS if answer.forwards else REPLY_FIELDS if answer.replies else ()
    found: list[Mismatch] = []
    right: list[str] = []
    for field, wanted, place in check.wants:
        actual = ACTUAL[field](answer)
        if actual != wanted:
            found.append(Mismatch(field, str(wanted), str(actual), place=place))
        elif field in counting:
            right.append(field)
    for want in check.headers:
        mismatch = _header(want, answer)
        if mismatch is not None:
            found.append(mismatch)
    return tuple(found), tuple(right)


def still_open(check: Check, answer: Answer) -> Reason | None:
    """The first header asked for whose value only run time knows."""
    for want in check.headers:
        request = _headed(want, answer)
        asks = want.condition.holds(Headed(request)) if want.condition is not None else None
        if asks is None and request.headers.get(want.name.lower()) == ():
            return because("router.header-open", want.place, header=want.name, field=want.field)
    return None


def _header(want: HeaderWant, answer: Answer) -> Mismatch | None:
    request, name = _headed(want, answer), want.name.lower()
    values = request.values(name)
    if want.condition is None and values == () and want.name.lower() in request.headers:
        return None  # only run time knows it
    if want.condition is None:
        first = values[0] if values else ""
        return None if first == want.wanted else Mismatch(want.field, want.wanted, first, want.name, place=want.place)
    if want.condition.holds(Headed(request)) is not False:
        return None
    test_type = f"{want.field}.{want.kind}"
    if want.kind == "present_match":
        wanted, seen = ("false", "true") if want.invert else ("true", "false")
        return Mismatch(test_type, f"has({want.name}):{wanted}", f"has({want.name}):{seen}", place=want.place)
    shown = values[0] if values else _ABSENT
    return Mismatch(test_type, want.wanted, shown, want.name, True, negated=want.invert, place=want.place)


def _headed(want: HeaderWant, answer: Answer) -> Request:
    if want.field.startswith("request"):
        assert answer.request is not None
        return answer.request
    headers: Headers = {name: values for name, values in (answer.response_headers or {}).items() if name not in _PSEUDO}
    return Request("", "", None, "", headers)
