"""What a file of router_check_tool tests says: the schema envoy.RouterCheckToolSchema.Validation as plain data.

envoyproxy/envoy test/tools/router_check/validation.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ...facts.request import Headers, Request
from ...match.condition import Condition
from ...place import Place

CLUSTER, VIRTUAL_CLUSTER, VIRTUAL_HOST = "cluster_name", "virtual_cluster_name", "virtual_host_name"
PATH_REWRITE, HOST_REWRITE = "path_rewrite", "host_rewrite"
PATH_REDIRECT, CODE_REDIRECT = "path_redirect", "code_redirect"
TIMEOUT = "timeout"

ROUTE_FIELDS = (CLUSTER, VIRTUAL_CLUSTER, VIRTUAL_HOST, PATH_REWRITE, HOST_REWRITE)
"""Comprehensive coverage asks for all of these on a route that forwards."""
REPLY_FIELDS = (PATH_REDIRECT, CODE_REDIRECT)
"""And for these on one that answers itself."""


@frozen
class CheckInput:
    """The request, as the route stages see it."""

    request: Request
    random_value: int
    """As the 64 bits Envoy makes of it."""
    runtime: str
    """The one runtime key whose fractions may hold; empty: none."""
    response_headers: Headers
    metadata: Mapping[str, Any]
    """Dynamic metadata by filter."""


@frozen
class Headed:
    """Headers for a header condition to read."""

    request: Request


@frozen(eq=False)
class HeaderWant:
    """One HeaderMatcher, or one header field that must have a value."""

    field: str
    """request_header_matches, response_header_fields …"""
    kind: str
    """Of a matcher, as messages name it; empty for a header field."""
    name: str
    condition: Condition[Headed] | None
    """None for a header field."""
    wanted: str | None
    """The exact text; None where there is no single one."""
    invert: bool
    place: Place


@frozen(eq=False)
class Check:
    """One test."""

    name: str
    id: str
    """The name, made unique within its file."""
    place: Place
    input: CheckInput
    wants: tuple[tuple[str, str | int, Place], ...]
    """(field, value, where it is written) in the order in which they are told; only those that are stated."""
    headers: tuple[HeaderWant, ...]


@frozen(eq=False)
class CheckFile:
    name: str
    runtime: Mapping[str, Any]
    """Runtime values that hold for all of them."""
    checks: tuple[Check, ...]
