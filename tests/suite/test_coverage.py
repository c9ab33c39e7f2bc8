"""Coverage: what suites exercised, what never, floors, reports, and parts that are combined."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from meshsim.cli.main import entry_point
from meshsim.place import Place
from meshsim.render.coverage_html import coverage_html
from meshsim.render.coverage_json import coverage_document, read_coverage
from meshsim.render.options import Options
from meshsim.suite import load, run
from meshsim.suite.inventory import inventory
from meshsim.suite.model import MeshSpec
from meshsim.suite.run import Settings
from meshsim.suite_coverage import KINDS, Coverage, Thing, combined, percent_text
from tests.suite_files import TODAY, demo_meshes, written

VHOST = "reviews.default.svc.cluster.local:9080"
SUITE = """\
    meshsim: 1
    defaults: {from: productpage}
    tests:
      everyone: {call: http://reviews:9080/, expect: {client: {service: /^reviews/}}}
      jason: {call: "curl -H 'end-user: jason' http://reviews:9080/", expect: {client: {service: /^reviews/}}}
    """
FLOOR = SUITE + f"coverage: {{virtual-host/{VHOST}: {{routes: SHARE}}}}\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ran(*flags: str) -> tuple[int, Coverage]:
    code = entry_point(["test", "suite.yaml", "--cov-report", "json:c.json", *flags])
    return code, read_coverage(json.loads(Path("c.json").read_text("utf-8")), "c.json")


def exercised(found: Coverage, kind: str) -> set[tuple[str, str]]:
    return {(thing.pod, thing.name) for thing in found.of(kind) if thing.suites}


def test_only_what_had_a_say_is_exercised(tmp_path: Path) -> None:
    written(tmp_path, SUITE)
    code, found = ran()
    assert code == 0
    assert ("productpage", VHOST) in exercised(found, "virtual_host")
    assert ("details", VHOST) not in exercised(found, "virtual_host")
    assert {name for pod, name in exercised(found, "route") if pod == "productpage"} == {"jason-to-v2", "canary"}
    never = {(thing.pod, thing.name) for thing in found.never}
    assert ("productpage", "testers-to-v3") in never
    assert all(thing.place.line for thing in found.never[:100])


def test_whatever_a_call_touches_is_in_the_inventory(tmp_path: Path) -> None:
    calls = ["http://reviews:9080/", "http://ratings:9080/", "http://books.example.com/", "http://203.0.113.9:80/"]
    test = "  t{}: {{call: '{}', expect: {{assumptions: {{not: x}}}}}}\n"
    tests = "".join(test.format(number, call) for number, call in enumerate(calls))
    written(tmp_path, "meshsim: 1\ndefaults: {from: productpage}\ntests:\n" + tests)
    settings = Settings(TODAY, collect=True)
    results = run([load(tmp_path / "suite.yaml", "suite.yaml")], settings, meshes=demo_meshes())
    mesh = demo_meshes().get(MeshSpec("", ()))
    known = {(thing.pod, thing.kind, thing.place) for thing in inventory(mesh, "")}
    used = [each for case in results.cases for each in case.touched if each.kind in KINDS]
    touched = {(each.pod, each.kind, each.place) for each in used}
    assert {kind for _pod, kind, _place in touched} == set(KINDS)
    assert any("route_config" in place.path for _pod, kind, place in touched if kind == "route")  # an inline one
    assert touched <= known


@pytest.mark.parametrize(("share", "code"), [("66 %", 0), ("100 %", 1)])
def test_floors(tmp_path: Path, share: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, FLOOR.replace("SHARE", share))
    assert entry_point(["test", "suite.yaml"]) == code
    err = capsys.readouterr().err
    assert ("wanted routes 100 %, exercised 2 of 3 in productpage" in err) is bool(code)


def test_a_floor_of_what_no_mesh_has_is_not_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, SUITE + "coverage: {virtual-host/nobody: {routes: 1 %}, virtual-host/allow_an: {routes: 1 %}}\n")
    assert entry_point(["test", "suite.yaml"]) == 1
    err = capsys.readouterr().err
    assert "no mesh has such a thing\n" in err and "(did you mean virtual-host/allow_any?)" in err


def test_shards_combine_to_the_whole(tmp_path: Path) -> None:
    written(tmp_path, FLOOR.replace("SHARE", "60 %"))
    _code, whole = ran()
    parts = []
    for shard in ("1/2", "2/2"):
        code, part = ran("--shard", shard)
        assert code == 0  # a part is not held to the floor
        Path(f"{shard[0]}.json").write_bytes(Path("c.json").read_bytes())
        parts.append(part)
    assert all(part.share < whole.share for part in parts if part.share is not None and whole.share is not None)
    together = combined(parts)
    assert {thing.key: thing.suites for thing in together.things} == {thing.key: thing.suites for thing in whole.things}
    both = ["--cov-combine", "1.json", "--cov-combine", "2.json"]
    assert entry_point(["test", *both, "--cov-report", "json:both.json"]) == 0
    assert entry_point(["test", "--cov-combine", "1.json", "--cov-report", "json:one.json"]) == 1


@pytest.mark.parametrize(("floor", "code"), [("1", 0), ("99.5", 1), ("101", 2), ("x", 2)])
def test_fail_under(tmp_path: Path, floor: str, code: int) -> None:
    written(tmp_path, SUITE)
    assert entry_point(["test", "suite.yaml", "--fail-under", floor]) == code


@pytest.mark.parametrize("text", ["{}", "[]", "x", '{"meshsim_coverage": 2}', '{"meshsim_coverage": 1, "things": 3}'])
def test_what_is_no_coverage_is_refused(tmp_path: Path, text: str) -> None:
    Path("c.json").write_text(text, encoding="utf-8")
    assert entry_point(["test", "--cov-combine", "c.json"]) == 2


def test_names_are_escaped_in_html() -> None:
    thing = Thing("", "<pod>", "route", "<script>alert(1)</script>", Place("a&b.json", (1,)))
    page = coverage_html(Coverage((thing,)), Options())
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "a&amp;b.json" in page
    assert read_coverage(json.loads(json.dumps(coverage_document(Coverage((thing,))))), "x").things == (thing,)


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    shares = [Fraction(0), Fraction(1, 9999), Fraction(1, 3), Fraction(9999, 10000), Fraction(1), None]
    assert [percent_text(share) for share in shares] == ["0 %", "0.1 %", "33.3 %", "99.9 %", "100 %", "-"]
