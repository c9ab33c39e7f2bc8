"""Header mutations one by one, as the header_mutation filter and its early form list them.

envoyproxy/envoy source/common/http/header_mutation.cc. Unlike routes, they may take pseudo headers away: what matches a
name is removed, whatever it is. A request without a method or path has an empty one, one without authority none.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ..config.view import View
from ..errors import Rejected
from ..facts.request import Headers, Request
from ..match.strings import TextTest
from .format_operators import FormatFacts
from .header_mutations import MutationLevel, compiled_addition, mutated
from .matchers import compile_string_matcher

Step = MutationLevel | TextTest
"""One mutation; a test names headers that are removed."""
FIELDS = frozenset({"append", "remove", "remove_on_match"})
_PSEUDO: dict[str, tuple[str, Any]] = {
    ":method": ("method", ""),
    ":path": ("path", ""),
    ":scheme": ("scheme", ""),
    ":authority": ("authority", None),
}
"""Name -> the field of a request, and what stands there once it is gone."""


def compile_step(view: View) -> Step:
    added = view.view("append")
    if added is not None:
        addition = compiled_addition(added)
        _check_name(addition.name, added)
        return MutationLevel((), (addition,))
    matched = view.view("remove_on_match")
    matcher = matched.view("key_matcher") if matched is not None else None
    test = compile_string_matcher(matcher) if matcher is not None else None
    if test is not None:
        return test
    removed = view.text("remove", "").lower()
    _check_name(removed, view)
    return MutationLevel((removed,))


def _check_name(name: str, view: View) -> None:
    if name.startswith(":") or name == "host":
        message = f"{name}: :-prefixed or host headers may not be modified"
        raise Rejected(
            "bad-header-mutation", message, place=view.place, hint="rewrite host and path in the route's action instead"
        )


def stepped(request: Request, steps: tuple[Step, ...], facts: FormatFacts) -> Request:
    """The request after each of them; operators see it as it is by then."""
    for step in steps:
        if isinstance(step, TextTest):
            gone = {field: empty for name, (field, empty) in _PSEUDO.items() if step.holds(name)}
            request = evolve(request, headers=without(request.headers, step), **gone)
        else:
            headers = mutated(request.headers, (step,), evolve(facts, request=request))
            request = evolve(request, headers=headers)
    return request


def stepped_response(headers: Headers, steps: tuple[Step, ...], facts: FormatFacts) -> Headers:
    for step in steps:
        if isinstance(step, TextTest):
            headers = without(headers, step)
        else:
            headers = mutated(headers, (step,), facts, response=True)
    return headers


def without(headers: Headers, test: TextTest) -> Headers:
    return {name: values for name, values in headers.items() if not test.holds(name)}
