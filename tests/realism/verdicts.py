"""What a request asks of an authorisation service: its path says how it is to be judged.

`/?status=401&x-why=nobody+may&body=denied&end`: every other name is a header. Stands alone, as the program that serves.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

_ASKED = re.compile(rb"/\?(status=[!-~]*?)&end")
"""Wherever it stands: in a request line, or within a message of gRPC."""


class Verdict(NamedTuple):
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def path_for(answer: dict[str, Any]) -> str:
    """The path by which the service is asked for an answer, written as in a call document."""
    lines = [
        (name, each)
        for name, value in answer.get("headers", {}).items()
        for each in ([value] if isinstance(value, str) else value)
    ]
    return f"/?{urlencode([('status', answer['status']), *lines, ('body', answer.get('body', ''))])}&end"


def stated(request: bytes) -> Verdict:
    found = _ASKED.search(request)
    asked = parse_qsl(found[1].decode() if found else "status=401", keep_blank_values=True)
    fields = dict(asked)
    headers = [(name, value) for name, value in asked if name not in ("status", "body")]
    return Verdict(int(fields["status"]), headers, fields.get("body", "").encode())
