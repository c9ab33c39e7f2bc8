"""The request's own URL as filters that ask for credentials quote it (Http::Utility::buildOriginalUri)."""

from __future__ import annotations

from ...facts.request import Request

_LONGEST_PATH = 256


def original_uri(request: Request) -> str:
    """Scheme, host and path with its query, cut after 256 characters of path."""
    path = (request.headers.get("x-envoy-original-path") or (request.path,))[0]
    return f"{request.scheme}://{request.authority or ''}{path[:_LONGEST_PATH]}"
