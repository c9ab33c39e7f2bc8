"""A mesh observation against a trace document: each pod's part as compare.py judges it, and how the parts join."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import meshsim
from tests.realism import compare, engine

Document = Mapping[str, Any]
CHOSEN_BY_THE_KERNEL = re.compile(r":[456]\d{4}$")


def differences(
    observation: Document, trace: Document, watched: Sequence[str], not_comparable: Mapping[str, Sequence[str]]
) -> list[str]:
    """Everything the two say differently, each line with its pod; empty when they agree.

    Only the `watched` pods have witnesses; a trace may go on into machines of the world.
    """
    trace = {**trace, **{name: [e for e in trace[name] if e["pod"] in watched] for name in ("hops", "netfilter")}}
    nobody = compare.differences({**observation, "pod": ""}, trace)
    found = [text for text in nobody if text.startswith("outcome.")]
    first = trace["netfilter"][0]["pod"] if trace["netfilter"] else None
    for pod in watched:
        said = compare.differences(_part(observation, pod, first), trace, not_comparable.get(pod, ()))
        found += [f"{pod} {text}" for text in said if not text.startswith("outcome.")]
    return [*found, *_order(observation, trace)]


def judge(mesh: meshsim.Mesh, observation: Document, recorded: Document) -> list[str]:
    """What the engine says differently; where chance picked, it is asked for the course that was really taken."""
    call = observation["call"]
    trace = engine.document(mesh, call)
    pins = compare.pins(observation, trace)
    if pins:
        trace = engine.document(mesh, {**call, "choices": pins})
    return differences(observation, trace, recorded["pods"], recorded["not_comparable"])


def _part(observation: Document, pod: str, first: str | None) -> dict[str, Any]:
    """The observation as if that pod alone had been watched; what the client negotiated is its first pod's affair."""
    call = observation["call"] if pod == first else {**observation["call"], "tls": None}
    received = [
        record for record in observation["upstream"] if record["pod"] == pod or not record["peer"].startswith("127.")
    ]
    return {
        **observation,
        "pod": pod,
        "call": call,
        "hops": [_witnessed(hop, observation["client"]) for hop in observation["hops"] if hop["pod"] == pod],
        "netfilter": [_unnumbered(entry) for entry in observation["netfilter"] if entry["pod"] == pod],
        "upstream": received,
    }


def _witnessed(hop: Document, client: Document) -> dict[str, Any]:
    """The hop without when its client hung up."""
    seen = dict(hop)
    if client["ended"] == "nothing" and hop["response_code_details"] == "downstream_remote_disconnect":
        seen |= {"response_code_details": None, "response_flags": [f for f in hop["response_flags"] if f != "DC"]}
    return seen


def _unnumbered(entry: Document) -> dict[str, Any]:
    """An arrival from another pod's proxy, whose port the kernel chose: a trace writes it as 0."""
    if entry["way"] != "in":
        return dict(entry)
    source, before = (CHOSEN_BY_THE_KERNEL.sub(":0", text) for text in (entry["source"], entry["before"]["source"]))
    return {**entry, "source": source, "before": {**entry["before"], "source": before}}


def _order(observation: Document, trace: Document) -> Iterator[str]:
    """Which pod comes after which, and which hop's connection became which other hop."""
    for name in ("hops", "netfilter"):
        told, seen = ([entry["pod"] for entry in document[name]] for document in (trace, observation))
        if trace["outcome"]["kind"] == "loop":
            seen = seen[: len(told)]  # a trace says a circle once
        if told != seen:
            yield f"{name}: the trace goes through {told}, really {seen}"
    for index, (told, seen) in enumerate(zip(trace["hops"], observation["hops"], strict=False)):
        sender = seen["downstream"]["direct_remote"]
        before = next(
            (place for place, hop in enumerate(observation["hops"]) if hop["upstream"]["local"] == sender), None
        )
        if before is not None and told["from_hop"] != before:
            yield f"hops[{index}].from_hop: the trace says {told['from_hop']}, really {before}"
