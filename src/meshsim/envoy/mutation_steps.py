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
_REMOVED = {**_PSEUDO, "host": _PSEUDO[":authority"]}
"""A name that is removed may be the old one, too."""


def compile_step(view: View) -> Step:
    added = view.view("append")
    if added is not None:
        return MutationLevel((), (compiled_addition(added),))
    matched = view.view("remove_on_match")
    if matched is not None:
        matcher = matched.view("key_matcher")
        test = compile_string_matcher(matcher) if matcher is not None else None
        if test is None:
            raise _refused("remove_on_match needs a key_matcher", matched)
        return test
    removed = view.text("remove", "").lower()
    if not view.has("remove"):
        raise _refused("a header mutation needs one of append, remove and remove_on_match", view)
    if any(char in removed for char in "\0\r\n"):
        raise _refused(f"header {removed!r} cannot be removed: a name may not hold a line end", view)
    return MutationLevel((removed,))


def _refused(message: str, view: View) -> Rejected:
    return Rejected("bad-header-mutation", message, place=view.place, hint="Envoy refuses it too")


def stepped(request: Request, steps: tuple[Step, ...], facts: FormatFacts) -> Request:
    """The request after each of them; operators see it as it is by then."""
    made = request
    for step in steps:
        if isinstance(step, TextTest):
            gone = {field: empty for name, (field, empty) in _PSEUDO.items() if step.holds(name)}
            made = evolve(made, headers=without(made.headers, step), **gone)
        elif step.removals and step.removals[0] in _REMOVED:
            field, empty = _REMOVED[step.removals[0]]
            made = evolve(made, **{field: empty})
        else:
            made = evolve(made, headers=mutated(made.headers, (step,), evolve(facts, request=made)))
    return made


def stepped_response(headers: Headers, steps: tuple[Step, ...], facts: FormatFacts) -> Headers:
    for step in steps:
        if isinstance(step, TextTest):
            headers = without(headers, step)
        else:
            headers = mutated(headers, (step,), facts, response=True)
    return headers


def without(headers: Headers, test: TextTest) -> Headers:
    return {name: values for name, values in headers.items() if not test.holds(name)}
