"""The page of --all: how the call can end, a row a branch, each branch in short, the rest counted."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from meshsim.outcome import Outcome
from meshsim.reasons import because
from meshsim.render.branches_text import branches_text
from meshsim.render.json import document, remainder_document
from meshsim.render.options import Options
from meshsim.report import Merged, Remainder, Report
from tests.render.builders import a_call, a_hop, a_report
from tests.schema_check import check_trace

WHY = because("wire.outside", destination="10.0.0.5:80")


def branch(probability: float | None, cluster: str, *endpoints: str, **changes: Any) -> Report:
    hop = evolve(a_hop(), cluster=cluster, endpoint=endpoints[0] if endpoints else None)
    made = evolve(a_report(), probability=probability, hops=(hop,), merged=Merged(2, (endpoints,)))
    return evolve(made, **{"outcome": Outcome("forwarded", WHY), **changes})


def page(*reports: Report, remainder: Remainder | None = None, **options: Any) -> list[str]:
    return branches_text(reports, remainder, Options(**options)).splitlines()


def test_the_first_line_says_how_often_the_call_ends_how() -> None:
    refused = branch(0.25, "v2", outcome=Outcome("replied", WHY, status=503, answered_by=0))
    lines = page(branch(0.5, "v1", "1.1.1.1:1"), branch(0.25, "v3", "1.1.1.2:1"), refused)
    assert lines[0] == "3 branches: 75 % forwarded, 25 % replied 503"


def test_each_branch_has_a_row_with_its_share_and_endpoints() -> None:
    lines = page(branch(0.9, "v1", "1.1.1.1:1", "1.1.1.2:1"), branch(None, "v2", *(f"2.2.2.{i}:1" for i in range(9))))
    head = next(index for index, line in enumerate(lines) if line.startswith("branch  share"))
    assert lines[head + 1].split() == ["1", "90", "%", "forwarded", "v1", "1.1.1.1:1,", "1.1.1.2:1"]
    assert lines[head + 2].startswith("2       unknown  forwarded  v2       2.2.2.0:1, ")
    assert lines[head + 2].endswith(", … 5 more")


def test_later_hops_stand_below_the_first() -> None:
    two = branch(1.0, "near", "1.1.1.1:1")
    two = evolve(two, hops=(*two.hops, evolve(a_hop(), cluster="far")), merged=Merged(1, (("1.1.1.1:1",), ("x:1",))))
    lines = page(two)
    row = next(index for index, line in enumerate(lines) if line.startswith("1  "))
    assert lines[row + 1].split() == ["far", "x:1"]
    assert lines[row + 1].index("far") == lines[row].index("near")


def test_the_rest_is_counted() -> None:
    (rest,) = [line for line in page(branch(0.9, "v1"), remainder=Remainder(3, 0.1, True)) if line.startswith("and ")]
    assert rest == "and 3 branches not shown: 10 % together"
    lines = page(branch(0.9, "v1"), remainder=Remainder(7, None, False))
    assert lines[0] == "1 branch: 90 % forwarded, an unknown share not shown"
    assert any("7 bundles of branches that were not walked" in line for line in lines)


def test_secrets_are_hidden_on_the_brief_and_on_the_long_page() -> None:
    secret = branch(1.0, "v1", call=a_call(path="/x?token=tell-nobody", headers={"cookie": "tell-nobody"}))
    for depth in (0, 2):
        assert "tell-nobody" not in "\n".join(page(secret, depth=depth))


def test_with_v_each_branch_has_its_whole_page() -> None:
    lines = page(branch(0.9, "v1"), branch(0.1, "v2"), depth=1)
    assert [line for line in lines if line.startswith("branch ") and " of " in line] == [
        "branch 1 of 2",
        "branch 2 of 2",
    ]
    assert lines.count("path") == 2


def test_the_document_tells_what_was_merged() -> None:
    made = document(branch(0.9, "v1", "1.1.1.1:1"))
    check_trace(made)
    assert made["merged"] == {"courses": 2, "endpoints": [["1.1.1.1:1"]]}
    assert "merged" not in document(a_report())


def test_the_remainder_is_no_trace_document() -> None:
    assert remainder_document(Remainder(3, 0.1, True), 7) == {
        "version": 1,
        "id": 7,
        "remainder": {"branches": 3, "share": 0.1, "complete": True},
    }
