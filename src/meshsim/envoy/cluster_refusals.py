"""Clusters that Envoy refuses to load: what contradicts itself between discovery type, load balancing and endpoints.

Each row was seen refused by Envoy 1.40; fields that are wrong by themselves are refused where they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import frozen

from ..config.view import View
from ..errors import Rejected
from ..place import Place
from .endpoints import Assignment, NameAddress
from .upstream_protocol import UpstreamProtocol
from .upstream_tls import UpstreamTransport

_WITH_ENDPOINTS = frozenset(("STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS"))
_PROVIDED = "CLUSTER_PROVIDED"


@frozen
class _Asked:
    """What the rows look at."""

    view: View
    discovery: str
    policy: str
    assignment: Assignment | None

    @property
    def endpoints(self) -> int:
        return len(self.assignment.endpoints) if self.assignment is not None else 0


def refuse_contradictions(view: View, discovery: str, policy: str, assignment: Assignment | None) -> None:
    asked = _Asked(view, discovery, policy, assignment)
    for code, is_so, message, hint in _ROWS:
        if is_so(asked):
            raise Rejected(
                code,
                message.format(discovery=discovery, policy=policy),
                place=view.place,
                hint=f"{hint}; Envoy refuses this cluster too",
            )
    for place in _weightless(view):
        raise Rejected(
            "weight-is-zero",
            "load_balancing_weight is 0",
            place=place,
            hint="weights start at 1; Envoy refuses this cluster too",
        )


def refuse_unnegotiable(protocol: UpstreamProtocol, transport: UpstreamTransport) -> None:
    """auto_config asks ALPN for the version, so every socket an endpoint may get must be one that has it."""
    for socket in transport.sockets if protocol.auto else ():
        if socket.kind == "raw_buffer":
            raise Rejected(
                "alpn-of-plaintext",
                f"auto_config negotiates by ALPN, and the transport socket {socket.name} is plaintext",
                place=socket.place,
                hint="give it TLS, or use explicit_http_config; Envoy refuses this cluster too",
            )


def _hashes_by_hostname(asked: _Asked) -> bool:
    common = asked.view.view("common_lb_config")
    options = common.view("consistent_hashing_lb_config") if common is not None else None
    wanted = options is not None and options.boolean("use_hostname_for_hashing", False)
    return wanted and asked.discovery != "STRICT_DNS"


def _names_header_for_nothing(asked: _Asked) -> bool:
    options = asked.view.view("original_dst_lb_config")
    if options is None or asked.discovery != "ORIGINAL_DST":
        return False
    return bool(options.text("http_header_name", "")) and not options.boolean("use_http_header", False)


def _names_in_static(asked: _Asked) -> bool:
    if asked.discovery != "STATIC" or asked.assignment is None:
        return False
    return any(isinstance(endpoint.address, NameAddress) for endpoint in asked.assignment.endpoints)


Row = tuple[str, Callable[[_Asked], bool], str, str]

_ROWS: tuple[Row, ...] = (
    (
        "cluster-provides-nothing",
        lambda asked: asked.policy == _PROVIDED and asked.discovery in _WITH_ENDPOINTS,
        "a {discovery} cluster provides no load balancer of its own, as CLUSTER_PROVIDED wants",
        "name another lb_policy",
    ),
    (
        "subsets-of-nothing",
        lambda asked: asked.policy == _PROVIDED and asked.view.has("lb_subset_config"),
        "lb_subset_config cannot go with CLUSTER_PROVIDED",
        "drop one of the two",
    ),
    (
        "original-destination-with-endpoints",
        lambda asked: asked.discovery == "ORIGINAL_DST" and asked.endpoints > 0,
        "an ORIGINAL_DST cluster has no load_assignment",
        "drop it",
    ),
    (
        "header-not-used",
        _names_header_for_nothing,
        "http_header_name is set and use_http_header is not",
        "set use_http_header",
    ),
    (
        "hostname-hashing",
        _hashes_by_hostname,
        "use_hostname_for_hashing is for STRICT_DNS, and this cluster is {discovery}",
        "drop it",
    ),
    (
        "logical-dns-endpoints",
        lambda asked: asked.discovery == "LOGICAL_DNS" and asked.assignment is not None and asked.endpoints != 1,
        "a LOGICAL_DNS cluster has exactly one endpoint",
        "give it one, or use STRICT_DNS",
    ),
    (
        "name-in-static",
        _names_in_static,
        "a STATIC cluster has endpoints with names",
        "give addresses, or use STRICT_DNS",
    ),
)
"""Code, what is so, what is wrong with it, and the remedy."""


def _weightless(view: View) -> Iterator[Place]:
    assignment = view.view("load_assignment")
    for locality in assignment.views("endpoints") if assignment is not None else ():
        for each in (locality, *locality.views("lb_endpoints")):
            if each.integer("load_balancing_weight") == 0:
                yield each.place
