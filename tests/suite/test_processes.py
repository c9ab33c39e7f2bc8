"""Several processes come to what one comes to."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from meshsim.suite import parallel
from meshsim.suite.run import Meshes, Settings, run_work
from tests.suite_files import TODAY, loaded

SUITE = """\
    meshsim: 1
    defaults: {{from: sleep}}
    tests:
      a:
        for: {{n: [1, 2, 3, 4, 5, 6, 7, 8]}}
        call: {{destination: "helloworld:80", path: "/${{n}}"}}
        expect: {{client: {{upstream: {{path: "/[1-5]$/"}}}}}}
      b:
        for: {{n: [1, 2, 3, 9]}}
        call: {{destination: "helloworld:80", path: "/${{n}}"}}
        expect: {{client: {{service: /^helloworld/}}}}
    never: [{{client: {{upstream: {{path: /4$/}}}}}}]
    {config}
    """


def test_in_the_same_order_with_the_same_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    good, bad = loaded(tmp_path, SUITE.format(config="")), loaded(tmp_path, SUITE.format(config="config: broken.json"))
    work = [(suite, case) for suite in (good, bad, good) for case in suite.cases]
    monkeypatch.setattr(parallel, "WORTH_IT", 1)
    done: list[int] = []
    several = parallel.run_parallel(work, Settings(TODAY, done=done.append), 2)
    one = run_work(work, Settings(TODAY), Meshes())
    assert [(case.id, case.status, case.failures) for case in several.cases] == [
        (case.id, case.status, case.failures) for case in one.cases
    ]
    assert {case.status for case in several.cases} == {"passed", "failed"}
    assert several.problems == one.problems and len(one.problems) == 1
    assert sum(done) == len(work)


def test_the_same_call_is_walked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("meshsim.suite.run")

    asked = []
    observe = module.observe
    monkeypatch.setattr(module, "observe", lambda mesh, call, **more: asked.append(call) or observe(mesh, call, **more))
    suite = loaded(tmp_path, SUITE.format(config=""))
    results = run_work([(suite, case) for case in suite.cases], Settings(TODAY), Meshes())
    assert len(results.cases) == 12 and len(asked) == 9


def test_fail_fast_ends_with_the_first_failure(tmp_path: Path) -> None:
    suite = loaded(tmp_path, SUITE.format(config=""))
    results = run_work([(suite, case) for case in suite.cases], Settings(TODAY, fail_fast=True), Meshes())
    assert results.stopped
    assert [case.status for case in results.cases][-1] == "failed"
    assert [case.status for case in results.cases].count("failed") == 1
