"""A response on its way back through the HTTP filters, and who acts on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import evolve, field, frozen

from ...facts.request import Headers
from ...outcome import Ending
from ..format_operators import FormatFacts

STATUS = ":status"
BODILESS = (204, 304)
_DIGITS = 9
Memories = Mapping[object, object]
"""Filter -> what it keeps of the request for the response."""


@frozen
class Response:
    status: int
    headers: Headers
    body: str | None = ""
    """None: there is one, and nobody says which."""
    ended: bool = True
    """Whether the headers end the stream: a body that a filter took away is none of that."""
    lacks_status: bool = False
    """Whether a filter took its `:status` away."""
    encoding: str | None = field(default=None, eq=False)
    """What the compressors of the chain agreed on; None: none was asked yet."""


class WayBack(Protocol):
    """The filters as responses pass them."""

    def passed(self, response: Response, answer: FormatFacts) -> Response: ...


def response_of(ending: Ending, method: str = "") -> Response:
    """What its sender's filters get to see; `method` is the request's."""
    body = "" if method == "HEAD" else ending.body
    return Response(ending.status or 0, ending.response_headers, body, ended=body == "")


def with_response(ending: Ending, response: Response) -> Ending:
    """The ending as the response now says it."""
    headers = response.headers
    location = headers.get("location")
    return evolve(
        ending,
        status=response.status or None,
        grpc_status=stated_grpc_status(headers),
        location=location[0] if location else None,
        body=response.body,
        response_headers=headers,
    )


def stated_grpc_status(headers: Headers) -> int | None:
    """None: the header is missing, is no number, or only run time knows it."""
    stated = (headers.get("grpc-status") or ("",))[0]
    return int(stated) if stated.isascii() and stated.isdecimal() and len(stated) <= _DIGITS else None
