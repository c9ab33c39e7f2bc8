"""`mesh` and `trace`, for tests written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]

CLUSTERS = """
configs:
- "@type": type.googleapis.com/envoy.admin.v3.ClustersConfigDump
"""


def test_the_marker_without_a_path_is_the_demo(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.meshsim

        @pytest.mark.parametrize("call", [
            "http://10.0.0.5/", "curl -H 'Host: a' http://10.0.0.5/", {"destination": "10.0.0.5:80"},
        ])
        def test_calls(trace, call):
            assert trace(call).hops[0].original_destination == "10.0.0.5:80"

        def test_fields(trace, mesh):
            assert mesh.pods
            assert trace(destination="10.0.0.5:80", authority="a").hops[0].pod == "sleep"
        """
    )
    run("--strict-markers").assert_outcomes(passed=4)


def test_paths_are_relative_to_the_test_that_names_them(pytester: pytest.Pytester, run: Run) -> None:
    folder = pytester.mkpydir("inner")
    (folder / "dump.yaml").write_text(CLUSTERS)
    (folder / "test_it.py").write_text(
        "import pytest\n\n@pytest.mark.meshsim('here=dump.yaml')\n"
        "def test_a(mesh):\n    assert [p.name for p in mesh.pods] == ['here']\n"
    )
    run().assert_outcomes(passed=1)


def test_the_option_is_relative_to_the_root(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeini("[pytest]\nmeshsim_config =\n    here=configuration/dump.yaml\n")
    pytester.mkdir("configuration").joinpath("dump.yaml").write_text(CLUSTERS)
    pytester.makepyfile("def test_a(mesh):\n    assert [p.name for p in mesh.pods] == ['here']\n")
    run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "said"),
    [("", "*which mesh?*meshsim_config*"), ("@pytest.mark.meshsim('gone')\n", "*no such file*")],
    ids=["nothing said", "no such file"],
)
def test_what_cannot_be_loaded_says_so(pytester: pytest.Pytester, run: Run, marker: str, said: str) -> None:
    pytester.makepyfile(f"import pytest\n\n{marker}def test_a(mesh):\n    pass\n")
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])
