"""The comparison finds what differs and nothing else: recorded observations against documents made from them."""

import copy
from typing import Any

import pytest

from tests.realism import compare, record

ALLOW_ANY = record.load()["allow_any"]["observations"]
SETTLED = {
    name: ALLOW_ANY[name]
    for name in ("a service by host", "a direct response", "its own service", "loopback, a closed port")
}


def agreeing(seen: dict[str, Any]) -> dict[str, Any]:
    """A trace document that says what the observation saw."""
    hops = []
    for hop in copy.deepcopy(seen["hops"]):
        hop["attempts"] = [{"endpoint": address} for address in hop["attempted"]]
        received = next((one for one in seen["upstream"] if one["peer"] == hop["upstream"]["local"]), None)
        if received is not None:
            hop["upstream"] = {name: received[name] for name in compare.REQUEST_FIELDS} | {
                "headers": {name: [value] for name, value in received["headers"]} if "headers" in received else {}
            }
            tls = received["tls"]
            hop["tls"] = (
                {"mode": "mtls", **tls} if tls else {"mode": "plaintext", "sni": None, "alpn_offered": [], "alpn": None}
            )
        else:
            hop["tls"] = None
        hops.append(hop)
    client = seen["client"]
    kind = {"refused": "refused"}.get(client["ended"], "delivered" if seen["upstream"] else "replied")
    return {
        "outcome": {
            "kind": kind,
            "answered_by": 0 if kind == "replied" else None,
            "client_sees": client["ended"],
            "status": client["status"],
            "location": None,
            "response_headers": dict(client["headers"]),
            "body": client["body"],
            "destination": seen["upstream"][-1]["local"] if seen["upstream"] else None,
        },
        "hops": hops,
        "netfilter": copy.deepcopy(seen["netfilter"]),
        "choices": [],
    }


@pytest.mark.parametrize("question", list(SETTLED))
def test_agreement_is_silent(question: str) -> None:
    assert compare.differences(SETTLED[question], agreeing(SETTLED[question])) == []


@pytest.mark.parametrize("field", [*compare.HOP_FIELDS, "status", "response_code_details"])
def test_each_hop_field_is_compared(field: str) -> None:
    seen = SETTLED["a service by host"]
    told = agreeing(seen)
    told["hops"][0][field] = "wrong"
    assert [line.partition(":")[0] for line in compare.differences(seen, told)] == [f"hops[0].{field}"]


@pytest.mark.parametrize("field", ["rules", "destination", "way", "sender", "result", "interface"])
def test_each_passage_field_is_compared(field: str) -> None:
    seen = SETTLED["its own service"]
    told = agreeing(seen)
    told["netfilter"][1][field] = ["wrong"] if field == "rules" else "wrong"
    assert [line.partition(":")[0] for line in compare.differences(seen, told)] == [f"netfilter[1].{field}"]


@pytest.mark.parametrize("field", compare.REQUEST_FIELDS)
def test_what_the_upstream_received_is_compared(field: str) -> None:
    seen = SETTLED["a service by host"]
    told = agreeing(seen)
    told["hops"][0]["upstream"][field] = "wrong"
    assert [line.partition(":")[0] for line in compare.differences(seen, told)] == [f"hops[0].upstream.{field}"]


@pytest.mark.parametrize("field", ["sni", "alpn_offered"])
def test_what_tls_offered_is_compared(field: str) -> None:
    seen = ALLOW_ANY["a header route"]
    told = agreeing(seen)
    told["hops"][0]["tls"][field] = ["wrong"]
    assert [line.partition(":")[0] for line in compare.differences(seen, told)] == [f"hops[0].tls.{field}"]


def test_flags_are_a_set() -> None:
    seen = ALLOW_ANY["inbound, a closed port"]
    told = agreeing(seen)
    told["hops"][0]["response_flags"] = ["URX", "UF"]
    assert compare.differences(seen, told) == []
    told["hops"][0]["response_flags"] = ["UF"]
    assert any("response_flags" in line for line in compare.differences(seen, told))


def test_a_wrong_ending_and_a_missing_hop_are_found() -> None:
    seen = SETTLED["a direct response"]
    told = agreeing(seen)
    told["outcome"] |= {"status": 200, "body": "other"}
    told["hops"] = []
    found = [line.partition(":")[0] for line in compare.differences(seen, told)]
    assert found == ["outcome.status", "outcome.body", "hops"]


@pytest.mark.parametrize("details", ["ext_authz_denied", "lua_response", "direct_response"])
def test_whoever_answered_nothing_may_stay_untold(details: str) -> None:
    seen = copy.deepcopy(SETTLED["a direct response"])
    seen["hops"][0]["response_code_details"] = details
    told = agreeing(seen)
    told["outcome"] |= {"status": None, "response_headers": {}}
    assert {line.partition(":")[0].rpartition(".")[0] for line in compare.differences(seen, told)} == {
        "outcome",
        "outcome.response_headers",
    }


def test_every_line_of_a_header_is_compared() -> None:
    seen = copy.deepcopy(SETTLED["a direct response"])
    seen["client"]["headers"] += [["x-many", "1"], ["x-many", "2"]]
    told = agreeing(seen)
    told["outcome"]["response_headers"]["x-many"] = ["1", "2"]
    assert compare.differences(seen, told) == []
    told["outcome"]["response_headers"]["x-many"] = "1"
    assert [line.partition(":")[0] for line in compare.differences(seen, told)] == ["outcome.response_headers.x-many"]


def test_a_header_that_is_not_told_is_found() -> None:
    seen = SETTLED["a direct response"]
    told = agreeing(seen)
    del told["outcome"]["response_headers"]["content-length"]
    (found,) = compare.differences(seen, told)
    assert found.startswith("outcome.response_headers.content-length:")


def test_fields_the_conversion_touched_are_excused_for_their_cluster_only() -> None:
    seen = SETTLED["a service by host"]
    told = agreeing(seen)
    told["hops"][0]["endpoint"] = "wrong"
    assert compare.differences(seen, told, ["hops[cluster=other].endpoint"])
    assert not compare.differences(seen, told, [f"hops[cluster={seen['hops'][0]['cluster']}].endpoint"])
    assert not compare.differences(seen, told, ["hops[].endpoint"])


def test_what_was_picked_becomes_a_pin() -> None:
    seen = ALLOW_ANY["a weighted route"]
    picked = seen["hops"][0]["cluster"]
    trace = {"choices": [{"site": "0/cluster", "picked": "x", "of": [{"option": picked}, {"option": "x"}]}]}
    assert compare.pins(seen, trace) == {"0/cluster": picked}
    assert compare.pins(seen, {"choices": [{"site": "0/cluster", "picked": "x", "of": [{"option": "x"}]}]}) == {}


def test_shares_within_chance_pass_and_others_do_not() -> None:
    shares = {"v1": 0.9, "v2": 0.1}
    assert compare.share_differences({"v1": 110, "v2": 10}, shares) == []
    assert compare.share_differences({"v1": 60, "v2": 60}, shares)
    assert compare.share_differences({"v3": 1}, shares)


def test_recorded_shares_are_the_routes_weights() -> None:
    (counts,) = record.load()["allow_any"]["shares"].values()
    assert compare.share_differences(counts, dict(zip(sorted(counts), (0.9, 0.1), strict=True))) == []


@pytest.mark.parametrize(
    ("told", "differing"),
    [
        ({"status": 0, "response_flags": ["DC"], "response_code_details": compare.CLIENT_LEFT}, set()),
        ({"status": None, "response_flags": ["DC"], "response_code_details": compare.CLIENT_LEFT}, {"status"}),
        ({"status": 0, "response_flags": [], "response_code_details": compare.CLIENT_LEFT}, {"response_flags"}),
        ({"status": 0, "response_flags": ["DC"], "response_code_details": None}, {"response_code_details"}),
    ],
)
def test_what_a_client_that_gives_up_leaves_is_compared_where_the_call_says_so(
    told: dict[str, Any], differing: set[str]
) -> None:
    left = {"status": 0, "response_flags": ["DC"], "response_code_details": compare.CLIENT_LEFT}
    seen = copy.deepcopy(SETTLED["a service by host"])
    seen["hops"][0].update(left)
    seen["call"]["max_time"] = "1s"
    trace = agreeing(seen)
    trace["hops"][0].update(told)
    found = {text.partition(":")[0].rpartition(".")[2] for text in compare.differences(seen, trace)}
    assert found == differing
