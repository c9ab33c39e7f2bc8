"""--batch: a line in, a line out, whatever the line holds."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from meshsim.cli.main import entry_point
from tests.schema_check import check_trace

Capture = pytest.CaptureFixture[str]


def batch(tmp_path: Path, capsys: Capture, lines: list[bytes], *flags: str) -> tuple[int, list[dict[str, Any]]]:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    code = entry_point(["trace", "--batch", str(file), *flags])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


GOOD = b'{"id": "a", "destination": "10.0.0.5:80"}'
BAD = [
    b"not json",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b'{"destination": 5}',
    b'{"destinaton": "10.0.0.5:80"}',
    b'{"id": 1, "id": 2}',
    b'{"id": NaN}',
    b'{"destination": "10.0.0.5:99999"}',
    b'{"destination": "10.0.0.5:80", "from": "nobody"}',
    b'{"destination": "10.0.0.5:80", "choices": {"0/cluster": 5}}',
    b'{"destination": "10.0.0.5:80", "answers": {"0/filter/x": {"status": 99}}}',
    b'{"destination": "10.0.0.5:80", "answers": {"0/filter/x": {"status": 401}}}',
    b"{}",
    b"[" * 100_000,
    b'{"destination": "10.0.0.5:80", "path": "/\\ud800"}',
    b'{"destination": "10.0.0.5:99999", "direction": "inbound"}',
    b'{"destination": "10.0.0.5:80", "uid": ' + b"9" * 5000 + b"}",
    b'{"destination": "helloworld:80", "choices": {"0/clutser": "x"}}',
]


def test_answers_come_in_order_with_their_ids(tmp_path: Path, capsys: Capture) -> None:
    lines = [json.dumps({"id": n, "destination": f"10.0.0.{n}:80"}).encode() for n in range(1, 6)]
    code, answers = batch(tmp_path, capsys, [*lines, b"", GOOD])
    assert code == 0
    assert [answer["id"] for answer in answers] == [1, 2, 3, 4, 5, "a"]
    for answer in answers:
        check_trace(answer)


@pytest.mark.parametrize("line", BAD, ids=lambda line: line[:40].decode("ascii", "replace"))
def test_a_bad_line_spoils_only_itself(line: bytes, tmp_path: Path, capsys: Capture) -> None:
    code, answers = batch(tmp_path, capsys, [GOOD, line, GOOD])
    assert code == 1
    assert [set(answer) == {"id", "error"} for answer in answers] == [False, True, False]
    assert answers[1]["error"].startswith("line 2: ")


def test_an_error_keeps_the_id(tmp_path: Path, capsys: Capture) -> None:
    _, answers = batch(tmp_path, capsys, [b'{"id": 42, "destination": []}'])
    assert answers[0]["id"] == 42


def test_a_byte_order_mark_is_no_error(tmp_path: Path, capsys: Capture) -> None:
    assert batch(tmp_path, capsys, [b"\xef\xbb\xbf" + GOOD])[0] == 0


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD)))
    assert entry_point(["trace", "--batch", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "a"


def test_expectations_hold_for_every_line(tmp_path: Path, capsys: Capture) -> None:
    assert batch(tmp_path, capsys, [GOOD], "--expect", "outcome.kind!=dropped")[0] == 0
    assert batch(tmp_path, capsys, [GOOD, GOOD], "--expect", "outcome.kind=dropped")[0] == 1


def test_strict_is_3_unless_a_line_was_bad(tmp_path: Path, capsys: Capture) -> None:
    unsure = b'{"destination": "nobody-knows-this.example:80"}'
    assert batch(tmp_path, capsys, [GOOD, unsure, GOOD], "--strict")[0] == 3
    assert batch(tmp_path, capsys, [unsure, b"{"], "--strict")[0] == 1


def test_verbose_adds_decisions(tmp_path: Path, capsys: Capture) -> None:
    _, answers = batch(tmp_path, capsys, [GOOD], "-v")
    assert answers[0]["decisions"]


@pytest.mark.parametrize("flags", [["--dst", "10.0.0.5:80"], ["http://a/"], ["-o", "text"], ["-H", "a: b"]])
def test_a_batch_takes_no_call_flags(flags: list[str], tmp_path: Path, capsys: Capture) -> None:
    assert batch(tmp_path, capsys, [GOOD], *flags) == (2, [])


def test_a_missing_file_is_2(capsys: Capture) -> None:
    assert entry_point(["trace", "--batch", "/nowhere/at/all"]) == 2
    assert "/nowhere/at/all" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {"authorization": {"a": "hunter2"}}},
        {"headers": "x-api-key: hunter2"},
        {"path": ["/?token=hunter2"]},
    ],
    ids=str,
)
def test_a_bad_field_is_named_without_repeating_secrets(
    fields: dict[str, Any], tmp_path: Path, capsys: Capture
) -> None:
    _, [answer] = batch(tmp_path, capsys, [json.dumps({"destination": "10.0.0.5:80", **fields}).encode()])
    assert "call field" in answer["error"]
    assert "hunter2" not in answer["error"]
