"""`meshsim trace` with the real engine and the demo mesh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshsim.cli.main import entry_point
from tests.golden_files import check_golden
from tests.schema_check import check_trace

Capture = pytest.CaptureFixture[str]


def answer(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, Any]:
    assert entry_point(["trace", "-o", "json", *arguments]) == code
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    check_trace(made)
    return made


GOLDEN = {
    "allow-any": ["--dst", "10.0.0.5:80"],
    "registry-only": ["--dst", "10.0.0.5:80", "--outbound-policy", "REGISTRY_ONLY"],
    "service-by-name": ["http://httpbin:8000/status/200"],
    "header-route": ["http://httpbin:8000/get", "-H", "x-user: jason"],
    "weighted": ["http://helloworld/hello"],
    "direct-response": ["http://httpbin:8000/teapot"],
    "redirect": ["http://httpbin:8000/old"],
    "no-endpoints": ["http://ghost:8080/"],
    "plain-tcp": ["tcp://redis:6379"],
    "as-the-proxy": ["--dst", "10.0.0.5:80", "--uid", "1337"],
    "to-the-application": ["--inbound", "--dst", "10.80.3.109:80", "--src", "10.0.0.9"],
}


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_what_a_user_sees(name: str, capsys: Capture, request: pytest.FixtureRequest) -> None:
    assert entry_point(["trace", *GOLDEN[name]]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    check_golden(f"trace-{name}.txt", captured.out, request)


@pytest.mark.parametrize("name", sorted(GOLDEN))
@pytest.mark.parametrize("depth", [[], ["-v"], ["-vv"]])
def test_each_answer_keeps_to_the_schema(name: str, depth: list[str], capsys: Capture) -> None:
    made = answer(capsys, *GOLDEN[name], *depth)
    assert ("decisions" in made) is bool(depth)


@pytest.mark.parametrize("name", sorted(GOLDEN))
@pytest.mark.parametrize("depth", ["-v", "-vv"])
def test_each_answer_can_be_explained(name: str, depth: str, capsys: Capture) -> None:
    assert entry_point(["trace", *GOLDEN[name], depth]) == 0
    assert "\ndecisions\n" in capsys.readouterr().out


def test_the_demo_says_so_in_every_format(capsys: Capture) -> None:
    entry_point(["trace", "--dst", "10.0.0.5:80"])
    assert "demo mesh" in capsys.readouterr().out
    entry_point(["trace", "--dst", "10.0.0.5:80", "-o", "jsonl"])
    captured = capsys.readouterr()
    assert "demo mesh" in captured.err
    assert len(captured.out.splitlines()) == 1


def test_the_first_line_is_the_outcome(capsys: Capture) -> None:
    entry_point(["trace", *GOLDEN["registry-only"]])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("replied 502 by the proxy of sleep: ")


def test_expectations(capsys: Capture) -> None:
    arguments = ["trace", *GOLDEN["registry-only"], "--expect", "outcome.status=502"]
    assert entry_point(arguments) == 0
    assert entry_point([*arguments, "--expect", "hops[0].virtual_host!=block_all"]) == 1
    assert "expected hops[0].virtual_host to be anything but block_all, got block_all" in capsys.readouterr().err


def test_an_expectation_sees_secrets_but_does_not_print_them(capsys: Capture) -> None:
    arguments = ["trace", *GOLDEN["allow-any"], "-H", "authorization: tellnobody", "--expect"]
    assert entry_point([*arguments, "call.headers.authorization=tellnobody"]) == 0
    assert entry_point([*arguments, "call.headers.authorization=x"]) == 1
    captured = capsys.readouterr()
    assert "tellnobody" not in captured.out + captured.err
    assert entry_point([*arguments, "call.headers.authorization=x", "--show-secrets", "-o", "json"]) == 1
    assert "tellnobody" in capsys.readouterr().out


def test_strict_makes_an_assumption_an_unknown_outcome(capsys: Capture) -> None:
    arguments = ["http://nobody-knows-this.example/"]
    assert answer(capsys, *arguments)["assumptions"]
    made = answer(capsys, *arguments, "--strict", code=3)
    assert made["outcome"]["kind"] == "unknown"
    assert answer(capsys, *GOLDEN["registry-only"], "--strict")["outcome"]["kind"] == "replied"


def test_a_pick_takes_the_other_branch(capsys: Capture) -> None:
    likeliest = answer(capsys, *GOLDEN["weighted"])
    site = next(choice for choice in likeliest["choices"] if choice["site"] == "0/cluster")
    other = next(option["option"] for option in site["of"] if option["option"] != site["picked"])
    picked = answer(capsys, *GOLDEN["weighted"], "--pick", f"0/cluster={other}")
    assert picked["hops"][0]["subset"] != likeliest["hops"][0]["subset"]
    assert picked["probability"] < likeliest["probability"]
    assert picked["call"]["choices"] == {"0/cluster": other}


def test_a_random_value_decides_too(capsys: Capture) -> None:
    subsets = {answer(capsys, *GOLDEN["weighted"], "--random-value", str(r))["hops"][0]["subset"] for r in (0, 99)}
    assert subsets == {"v1", "v2"}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--pick", "9/cluster=x"], "9/cluster"),
        (["--pick", "0/cluster=x", "http://helloworld/"], "0/cluster"),
        (["--answer", "9/filter/x=401"], "--answer 9/filter/x: this call has no such site"),
        (["--answer", "0/cluster=401", "http://helloworld/"], "a stated answer has no meaning there"),
        (["--answer", "9/filter/x=401", "--answer", "9/filter/x=402"], "given twice with different answers"),
        (["--answer", "9/filter/x=no"], "neither a status nor a JSON object"),
        (["--outbound-policy", "REGISTRY_ONLY", "-c", "x"], "--outbound-policy"),
        (["-c", "-", "--batch", "-"], "standard input"),
        (["-c", "-", "-c", "-"], "standard input"),
        (["-c", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--from", "slep"], "sleep"),
        (["--expect", "hops[0].clutser=x"], "clutser"),
        (["-o", "svg"], "-o"),
        (["--by", "subset"], "--by"),
        (["--max-branches", "3"], "--max-branches"),
        (["--all", "--batch", "-"], "--all"),
        (["--all", "--pick", "9/cluster=x"], "9/cluster"),
        (["--all", "--answer", "9/filter/x=401"], "9/filter/x"),
    ],
)
def test_bad_input_is_2_and_says_what(arguments: list[str], names: str, capsys: Capture) -> None:
    given = arguments if any("://" in argument for argument in arguments) else ["--dst", "10.0.0.5:80", *arguments]
    assert entry_point(["trace", *given]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert names in captured.err


def test_a_broken_file_is_named_with_its_place(tmp_path: Path, capsys: Capture) -> None:
    broken = tmp_path / "dump.json"
    broken.write_text('{"configs": [\n')
    assert entry_point(["trace", "--dst", "10.0.0.5:80", "-c", str(broken)]) == 2
    error = capsys.readouterr().err
    assert str(broken) in error
    assert "\n  help: " in error


def test_the_cause_names_a_line_of_the_file(capsys: Capture) -> None:
    entry_point(["trace", *GOLDEN["registry-only"]])
    lines = capsys.readouterr().out.splitlines()
    cause = next(number for number, line in enumerate(lines) if line.startswith("cause"))
    assert ".json:" in " ".join(lines[cause : cause + 3])


def test_no_colour_in_a_pipe(capsys: Capture) -> None:
    entry_point(["trace", "--dst", "10.0.0.5:80", "-vv"])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("depth", [[], ["-v"], ["-vv"]])
@pytest.mark.parametrize("output", ["text", "json", "jsonl"])
def test_no_secret_of_the_call_shows(depth: list[str], output: str, capsys: Capture) -> None:
    url = "http://user:Zq1@httpbin:8000/api/x?token=Zq2&a=1"
    headers = ["-H", "cookie: a=Zq3; b=Zq4", "-H", "x-api-key: Zq5", "-H", "proxy-authorization: Basic Zq6Zq6Zq6"]
    entry_point(["trace", url, *headers, "-o", output, *depth])
    captured = capsys.readouterr()
    assert "Zq" not in captured.out + captured.err
    assert "dXNlcjpacTE" not in captured.out
    entry_point(["trace", url, *headers, "-o", "json", "--show-secrets"])
    shown = capsys.readouterr().out
    assert all(secret in shown for secret in ("Zq2", "Zq3", "Zq4", "Zq5", "Zq6Zq6Zq6"))
