"""What was recorded: still about today's demo files, complete, and free of what chance decides."""

import pytest

from tests.realism import demo_calls, demo_stack, record

DOCUMENT = record.load()


@pytest.mark.parametrize("name", list(demo_calls.CALLS))
def test_the_recording_is_of_todays_inputs(name: str) -> None:
    assert DOCUMENT[name]["inputs"] == demo_stack.variants()[name].digest(), (
        "run `make truth` (root) and look at the difference"
    )


@pytest.mark.parametrize("name", list(demo_calls.CALLS))
def test_every_call_was_recorded(name: str) -> None:
    assert list(DOCUMENT[name]["observations"]) == list(demo_calls.CALLS[name])


@pytest.mark.parametrize(
    ("name", "question"), [(name, question) for name, calls in demo_calls.CALLS.items() for question in calls]
)
def test_a_recorded_call_left_its_marks(name: str, question: str) -> None:
    seen = DOCUMENT[name]["observations"][question]
    assert seen["netfilter"], "every call sends a first packet"
    assert seen["netfilter"][0]["sender"] in ("application", "peer")
    assert seen["netfilter"][0]["before"]["source"] == seen["call"]["source"]
    redirected = any(entry["destination"].endswith((":15001", ":15006")) for entry in seen["netfilter"])
    assert bool(seen["hops"]) or not redirected, "what reaches the proxy is logged by it"


def test_the_block_all_route_answers_502() -> None:
    seen = DOCUMENT["registry_only"]["observations"]["an address nobody knows"]
    assert (seen["client"]["status"], seen["hops"][0]["virtual_host"]) == (502, "block_all")


def test_a_circle_passes_the_same_listener_until_its_cap() -> None:
    hops = DOCUMENT["loop"]["observations"]["tcp in a circle"]["hops"]
    assert len(hops) == demo_stack.CAPPED["max_connections"] + 1
    assert {hop["original_destination"] for hop in hops} == {"198.51.100.7:5555"}
    assert hops[-1]["response_flags"] == ["UO"]
