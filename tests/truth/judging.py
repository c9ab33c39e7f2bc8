"""One observed probe against the engine's answer, field by field; the packets' own way is judged elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import meshsim
from meshsim.branches import Branch
from meshsim.facts.call import read_call
from meshsim.render import json
from tests.realism import compare, engine
from tests.truth.running import Observation

BEYOND_A_CALL = ("bytes", "trailers")
"""What a client was made to do and no call document says."""


def judge(
    mesh: meshsim.Mesh,
    observation: Observation,
    not_comparable: Sequence[str],
    asked: Mapping[str, Any] | None = None,
) -> list[str]:
    """What the engine says differently; where chance picked, it is asked for the course that was really taken.

    `asked` is what the engine is told of the call, where that is less than what the client did.
    """
    call = {name: value for name, value in (asked or observation["call"]).items() if name not in BEYOND_A_CALL}
    trace = engine.document(mesh, call)
    pins = compare.pins(observation, trace)
    if pins:
        trace = engine.document(mesh, {**call, "choices": call.get("choices", {}) | pins})
    found = compare.differences(observation, {**trace, "netfilter": []}, not_comparable)
    if found and any(_above_endpoints(choice["site"]) for choice in trace["choices"]):
        courses = (json.document(each.trace.report(), show_secrets=True) for each in _courses(mesh, call))
        for course in courses:
            if not compare.differences(observation, {**course, "netfilter": []}, not_comparable):
                return []
    return found


def _above_endpoints(site: str) -> bool:
    """A log names the endpoint that was taken; of the priority and locality that led there it says nothing."""
    return site.split("/")[1] in ("priority", "locality")


def _courses(mesh: meshsim.Mesh, call: dict[str, Any]) -> Iterable[Branch]:
    return mesh.branches(read_call(call), by="endpoint")
