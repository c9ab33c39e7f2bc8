"""--expect 'hops[0].cluster=…': a path into the trace document and the value that must stand there.

A path is checked against the document's schema first, so that a typing error is a usage error and never a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from ..render.redact import is_masked, is_secret_name, mask
from .usage import UsageError, did_you_mean

Step = str | int

_STEP = re.compile(r"""\.?([^.\[\]=!]+)|\[(-?\d+)\]|\["([^"]*)"\]|\['([^']*)'\]""")


@frozen
class Expectation:
    """`wanted` equals (or, negated, differs from) what the path leads to."""

    text: str
    """As the user wrote it."""
    path: tuple[Step, ...]
    negated: bool
    wanted: str

    def holds(self, document: Mapping[str, Any]) -> bool:
        return equals(look_up(document, self.path), self.wanted) is not self.negated

    def failure(self, shown: Mapping[str, Any]) -> str:
        """Expected and got, for people; `shown` has its secrets removed."""
        got = look_up(shown, self.path)
        sign = "anything but " if self.negated else ""
        path = self.text[: self.text.index("!=" if self.negated else "=")]
        last = next((step for step in reversed(self.path) if isinstance(step, str)), "")
        hidden = is_masked(got) or (got is None and is_secret_name(last))
        return f"expected {path} to be {sign}{mask(self.wanted) if hidden else self.wanted}, got {value_text(got)}"


def parse_expectation(text: str, schema: Mapping[str, Any]) -> Expectation:
    """PATH=VALUE or PATH!=VALUE. UsageError when malformed or when no trace has such a field."""
    found = re.match(r"""((?:\["[^"]*"\]|\['[^']*'\]|[^=!"'])+)(!?=)""", text)
    if found is None:
        raise UsageError(f"--expect {text!r} is not PATH=VALUE", hint="such as --expect 'hops[0].cluster=v1'")
    path = _steps(found[1].strip(), text)
    _check_path(path, text, schema)
    return Expectation(text, path, found[2] == "!=", text[found.end() :].strip())


def _steps(path: str, text: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None:
            raise UsageError(
                f"--expect {text!r}: cannot read the path at {path[position:]!r}", hint="such as hops[0].tls.mode"
            )
        name = next((group for group in (found[1], found[3], found[4]) if group is not None), None)
        steps.append(int(found[2]) if name is None else name)
        position = found.end()
    return tuple(steps)


def _check_path(path: Sequence[Step], text: str, schema: Mapping[str, Any]) -> None:
    """Follow the path through the schema; every object there names its fields."""
    here = schema
    for step in path:
        below = _below(_resolved(here, schema), step, text)
        if below is None:
            return
        here = below


def _below(here: Mapping[str, Any], step: Step, text: str) -> Mapping[str, Any] | None:
    """The schema one step down; None: anything may stand there."""
    if not set(here) - {"description"}:
        return None
    if isinstance(step, int):
        if "items" not in here:
            raise UsageError(f"--expect {text!r}: [{step}] stands behind something that is no list")
        items: Mapping[str, Any] = here["items"]
        return items
    if "properties" in here:
        below: Mapping[str, Any] | None = here["properties"].get(step)
        if below is None:
            hint = did_you_mean(step, here["properties"]) or "fields: " + ", ".join(here["properties"])
            raise UsageError(f"--expect {text!r}: a trace has no field {step!r} there", hint=hint)
        return below
    if "object" in here.get("type", ()):
        additional = here.get("additionalProperties")
        return additional if isinstance(additional, Mapping) else None
    if "items" in here:
        raise UsageError(f"--expect {text!r}: a list has no field {step!r}", hint="give an index, such as [0]")
    raise UsageError(f"--expect {text!r}: there is no field {step!r} below a plain value")


def _resolved(here: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Through $ref, and to the one alternative of anyOf that is not null."""
    while True:
        if "$ref" in here:
            name = here["$ref"].rpartition("/")[2]
            here = schema["$defs"][name]
        elif "anyOf" in here:
            alternatives = [option for option in here["anyOf"] if option.get("type") != "null"]
            structured = [
                option for option in alternatives if option.get("type") not in ("string", "number", "integer")
            ]
            here = (structured or alternatives)[0]
        else:
            return here


def look_up(document: Any, path: Sequence[Step]) -> Any:
    """What the path leads to; None where it leads nowhere."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(document, list) or not -len(document) <= step < len(document):
                return None
            document = document[step]
        else:
            document = document.get(step) if isinstance(document, Mapping) else None
    return document


def equals(got: Any, wanted: str) -> bool:
    """As text, or as the JSON value that `wanted` spells."""
    if isinstance(got, str) and got == wanted:
        return True
    try:
        value = json.loads(wanted)
    except ValueError:
        return False
    # in JSON true is not 1, and Python's == says it is
    return json.dumps(got, sort_keys=True) == json.dumps(value, sort_keys=True) or (
        _number(got) and _number(value) and bool(got == value)
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def value_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
