"""`--update` writes what came, and nothing else: comments stay, shared lines are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshsim.suite import load, run
from meshsim.suite.matching import holds
from meshsim.suite.run import Settings
from meshsim.suite.source import Node, Source
from meshsim.suite.trace_fields import Field
from meshsim.suite.update import edited, plan, yaml_text
from meshsim.suite.wants import read_want
from tests.suite_files import TODAY, demo_meshes, written

BEFORE = """\
# what the canary does
meshsim: 1
defaults: {from: sleep}
expect:
  shared: {client: {subset: v1}}   # two tests read this
tests:
  canary:
    call: http://helloworld/hello
    expect:
      client: {subset: v1, service: /helloworld/}  # for now
      outcome: 'delivered'
    shares: {client.subset: {v1: 80 %, v2: 20 %}}
  one: {call: http://helloworld/, expect: shared}
  two: {call: http://httpbin:8000/get, expect: shared}
"""
AFTER = """\
# what the canary does
meshsim: 1
defaults: {from: sleep}
expect:
  shared: {client: {subset: v1}}   # two tests read this
tests:
  canary:
    call: http://helloworld/hello
    expect:
      client: {subset: [v1, v2], service: /helloworld/}  # for now  # because: it grew
      outcome: forwarded  # because: it grew
    shares: {client.subset: {v1: 90 %, v2: 10 %}}  # because: it grew
  one: {call: http://helloworld/, expect: shared}
  two: {call: http://httpbin:8000/get, expect: shared}
"""


def test_only_the_values_change_and_the_reason_stands_beside_them(tmp_path: Path) -> None:
    suite = load(written(tmp_path, BEFORE), "suite.yaml")
    results = run([suite], Settings(TODAY), meshes=demo_meshes())
    edits, left = plan([suite], results.cases)
    assert edited(BEFORE, edits, "it grew") == AFTER
    (kept,) = left
    assert (kept.case, kept.what) == ("suite.yaml::one", "client.subset")
    assert "1 other cases read this line, such as suite.yaml::two" in kept.why
    again = load(written(tmp_path, AFTER), "suite.yaml")
    assert run([again], Settings(TODAY), meshes=demo_meshes()).cases[0].status == "passed"


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    [
        "",
        "on",
        "2027-01-31",
        "1",
        "null",
        "/a/",
        "/",
        "a: b",
        "- a",
        "a #b",
        "[x]",
        "it's",
        '"',
        "${x}",
        "~",
        "outbound|80||a.b",
    ]
)


@given(TEXTS | st.integers() | st.booleans() | st.none() | st.lists(TEXTS, min_size=1, max_size=3))
def test_a_written_value_is_read_back_as_the_same(value: object) -> None:
    data = yaml.safe_load(f"[{yaml_text(value)}]")[0]
    want = read_want(Node(Source("x", Path("x"), {}), data), Field(a_list=isinstance(value, list)))
    assert holds(want, value)


@pytest.mark.parametrize(
    "said",
    [
        "expect: {any_hop: {subset: v3}}",
        "expect: {server: {route: x}}",
        "expect: {client: bypassed}",
        "some: {client: {subset: v3}}",
        "expect: {client: {upstream: {headers: {authorization: nope}}}}",
        "expect: {client: {subset: v1}}, known_gap: {why: x, until: 2020-01-01}",
    ],
)
def test_what_a_person_must_decide_is_left(tmp_path: Path, said: str) -> None:
    call = '{destination: "helloworld:80", headers: {authorization: Bearer abcdefgh}}'
    text = f"meshsim: 1\ndefaults: {{from: sleep}}\ntests:\n  t: {{call: {call}, {said}}}\n"
    suite = load(written(tmp_path, text), "suite.yaml")
    results = run([suite], Settings(TODAY), meshes=demo_meshes())
    assert results.cases[0].status == "failed"
    edits, left = plan([suite], results.cases)
    assert left
    assert all(edit.key == "subset" for edit in edits)
