"""One observed probe against the engine's answer, field by field; the packets' own way is judged elsewhere."""

from collections.abc import Sequence

import meshsim
from tests.realism import compare, engine
from tests.truth.running import Observation


def judge(mesh: meshsim.Mesh, observation: Observation, not_comparable: Sequence[str]) -> list[str]:
    """What the engine says differently; where chance picked, it is asked for the course that was really taken."""
    call = {name: value for name, value in observation["call"].items() if name != "bytes"}
    trace = engine.document(mesh, call)
    pins = compare.pins(observation, trace)
    if pins:
        trace = engine.document(mesh, {**call, "choices": call.get("choices", {}) | pins})
    return compare.differences(observation, {**trace, "netfilter": []}, not_comparable)
