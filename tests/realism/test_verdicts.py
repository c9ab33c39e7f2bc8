"""An authorisation service reads from a request what the path for it says, wherever the path stands."""

from typing import Any

import pytest

from tests.realism import verdicts

MANY = {"status": 302, "headers": {"location": "/a?b=c&d", "x-many": ["1", "2 3"]}, "body": "é &end"}


@pytest.mark.parametrize("before", [b"GET ", b"\x0a\x05proto\x22\x7f"])
@pytest.mark.parametrize("answer", [{"status": 403}, MANY], ids=["short", "long"])
def test_what_was_asked_for_is_read(answer: dict[str, Any], before: bytes) -> None:
    read = verdicts.stated(before + verdicts.path_for(answer).encode() + b"*\x06a.test")
    lines = [("location", "/a?b=c&d"), ("x-many", "1"), ("x-many", "2 3")] if "headers" in answer else []
    assert (read.status, read.headers, read.body) == (answer["status"], lines, answer.get("body", "").encode())


def test_who_asks_for_nothing_is_denied() -> None:
    assert verdicts.stated(b"GET / HTTP/1.1").status == 401
