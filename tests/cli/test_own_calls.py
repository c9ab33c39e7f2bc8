"""--cluster: the proxy's own calls, from the command line to the document."""

import json
from pathlib import Path

import pytest

from meshsim.cli.main import entry_point
from tests.schema_check import check_trace

Capture = pytest.CaptureFixture[str]


def test_the_document_says_what_was_called(capsys: Capture) -> None:
    assert entry_point(["trace", "--cluster", "prometheus_stats", "-o", "json", "-vv"]) == 0
    document = json.loads(capsys.readouterr().out)
    check_trace(document)
    assert (document["call"]["cluster"], document["call"]["destination"]) == ("prometheus_stats", None)
    (hop,) = document["hops"]
    assert (hop["direction"], hop["received_by"], hop["endpoint"]) == ("outbound", None, "127.0.0.1:15000")


def test_a_completed_call_asks_the_same_again(capsys: Capture, tmp_path: Path) -> None:
    assert entry_point(["trace", "--cluster", "xds-grpc", "--protocol", "grpc", "-o", "json"]) == 0
    first = json.loads(capsys.readouterr().out)
    calls = tmp_path / "calls.jsonl"
    calls.write_text(json.dumps(first["call"]) + "\n", encoding="utf-8")
    assert entry_point(["trace", "--batch", str(calls)]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["outcome"], again["call"]) == (first["outcome"], first["call"])
    assert (again["outcome"]["kind"], again["outcome"]["destination"]) == ("forwarded", "./etc/istio/proxy/XDS")


@pytest.mark.parametrize(
    "flags",
    [
        ["--cluster", "x", "--dst", "10.0.0.5:80"],
        ["--cluster", "x", "http://a.example/"],
        ["--cluster", "x", "--from", "outside"],
        ["--cluster", "x", "--inbound"],
        ["--cluster", "x", "--protocol", "udp"],
    ],
)
def test_what_makes_no_sense_beside_it(flags: list[str], capsys: Capture) -> None:
    assert entry_point(["trace", *flags]) == 2
    assert "cluster" in capsys.readouterr().err
