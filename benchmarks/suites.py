"""How long 10,000 tests on one dump take: reading the suite, and tracing and judging every branch, in one process."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from meshsim.suite import load, run
from meshsim.suite.run import Meshes, Settings

from .figures import Table
from .timing import beside_empty_calls

TESTS = 10_000
TODAY = date(2026, 1, 1)
HEAD = """\
meshsim: 1
defaults: {from: sleep}
expect: {mtls: {outcome: forwarded, client: {tls: {mode: mtls}}}}
tests:
"""
TEST = """\
  test-{n}:
    call: {{destination: "httpbin:8000", path: /get/{n}, headers: {{x-user: jason}}}}
    expect: [mtls, {{client: {{subset: v2}}}}]
"""


def measure(tests: int = TESTS) -> Table:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "suite.yaml"
        path.write_text(HEAD + "".join(TEST.format(n=n) for n in range(tests)), encoding="utf-8")
        reading, reading_in_calls = beside_empty_calls(partial(load, path), rounds=1)
        suite = load(path)
    meshes = Meshes()
    results = run([suite], Settings(TODAY), selected=lambda _suite, case: case.id == "test-0", meshes=meshes)
    assert results.count("passed") == 1
    running, running_in_calls = beside_empty_calls(
        partial(run, [suite], Settings(TODAY), meshes=meshes),
        rounds=1,
    )
    return Table(
        "suites",
        ("tests", "s to read", "s to run", "tests/s"),
        ((tests, reading, running, tests / (reading + running)),),
        {"one test read": reading_in_calls / tests, "one test run": running_in_calls / tests},
        note="different calls, one process; several share the work from 2,000 different calls on",
    )
