"""Endpoints: a ClusterLoadAssignment as localities with their endpoints, from EDS or from inside a cluster.

Compiles and names; who of them is used, and how often, is `priorities`' matter. Health is what the assignment states:
ejections and active health checks are nobody's configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from attrs import define, frozen

from ..address import format_endpoint, try_parse_ip
from ..config.view import View
from ..errors import Rejected
from ..place import Place
from ..reasons import Reason, because
from .unmodelled import unmodelled_fields

HEALTH_STATES = ("UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED")
DEFAULT_OVERPROVISIONING = 140

_ASSIGNMENT_KNOWN = frozenset(("cluster_name", "endpoints", "policy"))
_POLICY_KNOWN = frozenset(
    ("drop_overloads", "overprovisioning_factor", "weighted_priority_health", "endpoint_stale_after")
)
_LOCALITY_KNOWN = frozenset(
    (
        "locality",
        "metadata",
        "lb_endpoints",
        "load_balancer_endpoints",
        "load_balancing_weight",
        "priority",
        "proximity",
    )
)
_LB_ENDPOINT_KNOWN = frozenset(("endpoint", "health_status", "metadata", "load_balancing_weight"))
_ENDPOINT_KNOWN = frozenset(("address", "hostname", "health_check_config"))


@frozen
class SocketAddress:
    ip: int
    port: int

    def __str__(self) -> str:
        return format_endpoint(self.ip, self.port)


@frozen
class NameAddress:
    """A name that DNS must resolve before anything can be dialled."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@frozen
class PipeAddress:
    path: str

    def __str__(self) -> str:
        return self.path


@frozen
class InternalAddress:
    """A listener of the same Envoy that has no socket."""

    listener: str
    endpoint_id: str = ""

    def __str__(self) -> str:
        return f"envoy://{self.listener}/{self.endpoint_id}"


Address: TypeAlias = SocketAddress | NameAddress | PipeAddress | InternalAddress


@define(eq=False)
class Locality:
    """One entry of `endpoints`: endpoints that share a locality and a priority."""

    name: str
    """region/zone/sub_zone; empty when none is stated."""
    place: Place
    priority: int
    weight: int | None
    """load_balancing_weight; None gets nothing where localities are weighted."""
    socket_metadata: Mapping[str, Any]
    metadata: Mapping[str, Any] = {}
    """The whole filter_metadata, by namespace."""
    endpoints: tuple[Endpoint, ...] = ()


@define(eq=False)
class Endpoint:
    name: str
    """As Envoy logs it: 10.0.0.5:80, a pipe's path, envoy://listener/id; name:port where only a name is known."""
    place: Place
    address: Address
    hostname: str = ""
    health: str = "UNKNOWN"
    weight: int = 1
    socket_metadata: Mapping[str, Any] = {}
    """filter_metadata envoy.transport_socket_match."""
    lb_metadata: Mapping[str, Any] = {}
    """filter_metadata envoy.lb, which subsets select by."""
    original_dst_metadata: Mapping[str, Any] = {}
    """filter_metadata envoy.filters.listener.original_dst, which an internal listener may be given."""
    metadata: Mapping[str, Any] = {}
    """The whole filter_metadata, by namespace."""
    locality: Locality | None = None
    metadata_stated: bool = True
    """False where the input is one that shows no metadata, so that having none means nothing."""


@define(eq=False)
class Assignment:
    name: str
    place: Place
    localities: tuple[Locality, ...]
    overprovisioning: int = DEFAULT_OVERPROVISIONING
    """Percent, so 140 means that 5 of 7 healthy hosts still count as all."""
    weighted_health: bool = False
    unmodelled: tuple[Reason, ...] = ()
    """Stated, without influence on where a call goes."""
    doubts: tuple[Reason, ...] = ()
    """Stated, not modelled, and able to change where a call goes."""
    drops: Fraction = Fraction(0)
    """The part of HTTP requests that drop_overloads turns away."""
    localities_weighed: bool = True
    """False where the input is one that shows no weights of localities."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(endpoint for locality in self.localities for endpoint in locality.endpoints)


def compile_assignment(view: View) -> Assignment:
    """A ClusterLoadAssignment."""
    policy = view.view("policy")
    reader = _Reader(view.text("cluster_name", ""))
    localities = tuple(reader.locality(below) for below in view.views("endpoints"))
    overprovisioning, weighted_health = DEFAULT_OVERPROVISIONING, False
    reader.doubt(view, _ASSIGNMENT_KNOWN)
    if policy is not None:
        overprovisioning = policy.integer("overprovisioning_factor", DEFAULT_OVERPROVISIONING)
        weighted_health = policy.boolean("weighted_priority_health", False)
        reader.doubt(policy, _POLICY_KNOWN)
    return Assignment(
        name=reader.resource,
        place=view.place,
        localities=localities,
        overprovisioning=overprovisioning,
        weighted_health=weighted_health,
        drops=Fraction(0) if policy is None else _drops(policy),
        unmodelled=tuple(reader.unmodelled),
        doubts=tuple(reader.doubts),
    )


def _drops(policy: View) -> Fraction:
    stated = policy.views("drop_overloads")
    if len(stated) > 1:
        raise Rejected(
            "several-drop-overloads",
            f"drop_overloads holds {len(stated)} categories",
            place=policy.place_of("drop_overloads"),
            hint="keep one; Envoy refuses this cluster too",
        )
    numerator, denominator = (stated[0].fraction("drop_percentage") if stated else None) or (0, 100)
    return min(Fraction(1), Fraction(numerator, denominator))


def compile_hosts(view: View, key: str) -> Assignment:
    """A cluster's `hosts`, the addresses of the time before load_assignment."""
    locality = Locality(name="", place=view.place_of(key), priority=0, weight=None, socket_metadata={})
    locality.endpoints = tuple(
        Endpoint(name=str(address), place=below.place, address=address, locality=locality)
        for below in view.views(key)
        if (address := compile_address(below)) is not None
    )
    return Assignment(name=view.text("name", ""), place=view.place_of(key), localities=(locality,))


def compile_address(view: View) -> Address | None:
    """A core Address; None for a form that is not modelled."""
    socket = view.view("socket_address")
    if socket is not None:
        host, port = socket.text("address", ""), socket.integer("port_value")
        if port is None:
            if socket.has("named_port"):
                return None
            port = 0
        ip = try_parse_ip(host)
        return NameAddress(host, port) if ip is None else SocketAddress(ip, port)
    pipe = view.view("pipe")
    if pipe is not None:
        return PipeAddress(pipe.text("path", ""))
    internal = view.view("envoy_internal_address")
    if internal is not None and internal.has("server_listener_name"):
        return InternalAddress(internal.text("server_listener_name", ""), internal.text("endpoint_id", ""))
    return None


class _Reader:
    """Collects what is not modelled while one assignment is compiled."""

    def __init__(self, resource: str) -> None:
        self.resource = resource
        self.unmodelled: list[Reason] = []
        self.doubts: list[Reason] = []

    def doubt(self, view: View, known: frozenset[str]) -> None:
        self.doubts += unmodelled_fields(view, known, self.resource)

    def locality(self, view: View) -> Locality:
        locality = Locality(
            name=locality_name(view.view("locality")),
            place=view.place,
            priority=view.integer("priority", 0),
            # envoy: the weight of a locality that is not named is not read.
            weight=view.integer("load_balancing_weight") if view.has("locality") else None,
            socket_metadata=filter_metadata(view, "envoy.transport_socket_match"),
            metadata=all_filter_metadata(view),
        )
        listed = view.view("load_balancer_endpoints") or view
        locality.endpoints = tuple(
            endpoint
            for below in listed.views("lb_endpoints")
            if (endpoint := self.endpoint(below, locality)) is not None
        )
        self.doubt(view, _LOCALITY_KNOWN)
        return locality

    def endpoint(self, view: View, locality: Locality) -> Endpoint | None:
        self.doubt(view, _LB_ENDPOINT_KNOWN)
        below = view.view("endpoint")
        if below is None:
            return None
        stated = below.view("address")
        address = compile_address(stated) if stated is not None else None
        if address is None:
            field = because("config.field-not-modelled", below.place, field="address", resource=self.resource)
            self.doubts.append(field)
            return None
        self.unmodelled += unmodelled_fields(below, _ENDPOINT_KNOWN, self.resource)
        return Endpoint(
            name=str(address),
            place=view.place,
            address=address,
            hostname=below.text("hostname", ""),
            health=view.enum("health_status", HEALTH_STATES, unnamed="UNKNOWN"),
            weight=view.integer("load_balancing_weight", 1),
            socket_metadata=filter_metadata(view, "envoy.transport_socket_match"),
            lb_metadata=filter_metadata(view, "envoy.lb"),
            original_dst_metadata=filter_metadata(view, "envoy.filters.listener.original_dst"),
            metadata=all_filter_metadata(view),
            locality=locality,
        )


def all_filter_metadata(view: View) -> Mapping[str, Any]:
    """`metadata.filter_metadata` as parsed; empty when absent."""
    metadata = view.view("metadata")
    spaces = metadata.view("filter_metadata") if metadata is not None else None
    return spaces.data if spaces is not None else {}


def filter_metadata(view: View, namespace: str, key: str = "metadata") -> Mapping[str, Any]:
    """`metadata.filter_metadata[namespace]` as parsed; empty when absent."""
    metadata = view.view(key)
    spaces = metadata.view("filter_metadata") if metadata is not None else None
    space = spaces.raw(namespace) if spaces is not None else None
    return space if isinstance(space, dict) else {}


def locality_name(view: View | None) -> str:
    if view is None:
        return ""
    return "/".join(view.text(key, "") for key in ("region", "zone", "sub_zone")).rstrip("/")
