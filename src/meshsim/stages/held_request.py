"""The request as a proxy holds it after an attempt, before any codec wrote it. Not a stage."""

from __future__ import annotations

from attrs import evolve

from ..envoy.route_actions import RouteAction
from ..envoy.stream import Stream
from ..envoy.upstream_request import replaced_host
from ..facts.request import Headers, Request
from ..states import AtTls
from .attempts import counted_again, tried_endpoints


def as_held(stream: Stream, dialled: AtTls, via: RouteAction) -> Request:
    """`dialled` is the last attempt."""
    request = stream.request
    assert request is not None
    headers = dict(counted_to(request.headers, len(tried_endpoints(dialled)) + 1))
    authority = request.authority
    if via.auto_host_rewrite and dialled.endpoint.hostname:
        authority = replaced_host(authority, dialled.endpoint.hostname, via, headers)
    return evolve(request, headers=headers, authority=authority)


def counted_to(headers: Headers, attempt: int) -> Headers:
    """x-envoy-attempt-count as that attempt has it."""
    for number in range(2, attempt + 1):
        headers = counted_again(headers, number)
    return headers
