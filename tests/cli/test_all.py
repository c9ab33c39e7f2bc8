"""`meshsim trace --all`: every branch, in text and as documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshsim.cli.main import entry_point
from tests.golden_files import check_golden
from tests.schema_check import check_trace

Capture = pytest.CaptureFixture[str]
CANARY = ["trace", "--all", "http://helloworld/hello"]


def documents(capsys: Capture, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    assert entry_point([*CANARY, "-o", "json", *arguments]) == code
    made: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return made


def test_the_canary_prints_90_and_10_percent(capsys: Capture, request: pytest.FixtureRequest) -> None:
    assert entry_point(CANARY) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "  90 %  " in captured.out
    assert "  10 %  " in captured.out
    check_golden("trace-all-canary.txt", captured.out, request)


def test_an_array_of_trace_documents_each_with_its_probability(capsys: Capture) -> None:
    made = documents(capsys)
    for each in made:
        check_trace(each)
    assert [(each["hops"][0]["subset"], each["probability"]) for each in made] == [("v1", 0.9), ("v2", 0.1)]


def test_jsonl_is_a_line_a_branch(capsys: Capture) -> None:
    assert entry_point([*CANARY, "-o", "jsonl", "--by", "endpoint"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["hops"][0]["endpoint"] for line in lines] == ["10.80.3.111:5000", "10.80.3.112:5000"]


def test_a_branch_asked_again_by_its_call_is_the_same(capsys: Capture, tmp_path: Any) -> None:
    made = documents(capsys)
    calls = tmp_path / "calls.jsonl"
    calls.write_text("".join(json.dumps(each["call"]) + "\n" for each in made))
    assert entry_point(["trace", "--batch", str(calls)]) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    same = ("outcome", "probability", "choices", "hops", "netfilter")
    assert [{name: each[name] for name in same} for each in again] == [
        {name: each[name] for name in same} for each in made
    ]


def test_what_is_over_the_limit_is_counted(capsys: Capture) -> None:
    *shown, rest = documents(capsys, "--max-branches", "1")
    assert [each["probability"] for each in shown] == [0.9]
    assert rest == {"version": 1, "id": None, "remainder": {"branches": 1, "share": 0.1, "complete": True}}
    assert entry_point([*CANARY, "--max-branches", "1"]) == 0
    assert "and 1 branch not shown: 10 % together" in capsys.readouterr().out


def test_a_pick_or_a_random_value_leaves_what_agrees_with_it(capsys: Capture) -> None:
    (picked,) = documents(capsys, "--pick", "0/cluster=outbound|80|v2|helloworld.default.svc.cluster.local")
    (drawn,) = documents(capsys, "--random-value", "99")
    assert picked["hops"] == drawn["hops"]
    assert (picked["probability"], drawn["probability"]) == (0.1, 0.1)


def test_an_expectation_must_hold_on_every_branch(capsys: Capture) -> None:
    assert entry_point([*CANARY, "--expect", "outcome.kind=forwarded"]) == 0
    capsys.readouterr()
    assert entry_point([*CANARY, "--expect", "hops[0].subset=v1"]) == 1
    assert capsys.readouterr().err == "meshsim: branch 2: expected hops[0].subset to be v1, got v2\n"


def test_strict_is_3_where_any_branch_assumes(capsys: Capture) -> None:
    assert entry_point([*CANARY, "--strict"]) == 0
    assert entry_point(["trace", "--all", "http://nobody-knows-this.example/", "--strict"]) == 3


@pytest.mark.parametrize("depth", ["-v", "-vv"])
def test_with_v_every_branch_is_told_in_full(depth: str, capsys: Capture) -> None:
    assert entry_point([*CANARY, depth]) == 0
    assert capsys.readouterr().out.count("\ndecisions\n") == 2
    assert all("decisions" in each for each in documents(capsys, depth))
