"""What whoever stands behind a filter answers: an authorisation service, a script."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from .request import Headers, lower_case_headers

MOST_HEADERS = 100
"""Lines: a proxy takes no more from a service."""
MOST_HEADER_BYTES = 60 << 10
MOST_BODY_BYTES = 1 << 20


@frozen
class Answer:
    """Header values are a text or a list of texts, as those of a call are."""

    status: int
    headers: Mapping[str, str | tuple[str, ...]] = field(factory=dict)
    body: str = ""

    def header_values(self) -> Headers:
        return lower_case_headers(self.headers)
