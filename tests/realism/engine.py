"""Asks meshsim the question a real stack was asked. The only file here, beside comparison tests, that may import it."""

from collections.abc import Mapping, Sequence
from typing import Any

import meshsim
from meshsim.facts.call import read_call
from meshsim.render import json
from tests.realism import compare


def document(mesh: meshsim.Mesh, call: Mapping[str, Any]) -> dict[str, Any]:
    """The trace document of one call document."""
    return json.document(mesh.trace(read_call(call)).report(), show_secrets=True)


def judge(mesh: meshsim.Mesh, observation: Mapping[str, Any], not_comparable: Sequence[str]) -> list[str]:
    """What the engine says differently; where chance picked, it is asked for the course that was really taken."""
    call = observation["call"]
    trace = document(mesh, call)
    pins = compare.pins(observation, trace)
    if pins:
        trace = document(mesh, {**call, "choices": pins})
    return compare.differences(observation, trace, not_comparable)
