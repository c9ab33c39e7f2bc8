"""A config dump's sections as names -> states of resources; views only, no meaning of what is inside them.

Only active resources answer calls; what Envoy rejected, is still warming, or drains is kept beside them, because it may
be what somebody is looking for. Which sections a dump has is kept too: an absent one means unknown, not none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from ..errors import InputError
from ..place import Place
from .documents import Document
from .dumps import FoundDump, find_dumps, section_type
from .view import View

SECTIONS = {
    "BootstrapConfigDump": "bootstrap",
    "ListenersConfigDump": "listeners",
    "ClustersConfigDump": "clusters",
    "RoutesConfigDump": "routes",
    "ScopedRoutesConfigDump": "scoped_routes",
    "EndpointsConfigDump": "endpoints",
    "SecretsConfigDump": "secrets",
    "EcdsConfigDump": "ecds",
}
"""Message of envoy.admin.v3 -> the section's name here."""


@frozen(eq=False)
class ErrorState:
    """An update that Envoy refused."""

    details: str
    """Envoy's own reason."""
    last_update_attempt: str
    """Envoy's time stamp; "" when the dump has none."""
    version: str
    failed: View | None
    """The configuration that was refused, when the dump holds it."""
    place: Place


@frozen(eq=False)
class ResourceState:
    """One resource by name: what is in force, and what is not."""

    name: str
    view: View | None
    """The configuration in force; None when nothing of that name is active."""
    static: bool
    """Written in the bootstrap (or inline in a listener, for route configurations)."""
    state: View
    """Where `version_info` and `last_updated` stand."""
    errors: tuple[ErrorState, ...] = ()
    warming: View | None = None
    draining: tuple[View, ...] = ()

    @property
    def place(self) -> Place:
        return self.view.place if self.view is not None else self.state.place

    @property
    def version(self) -> str:
        return self.state.text("version_info", "")

    @property
    def last_updated(self) -> str:
        return self.state.text("last_updated", "")

    @property
    def error_state(self) -> ErrorState | None:
        """The refused update that tells most: the last one with a time, else the last one."""
        timed = [error for error in self.errors if error.last_update_attempt]
        return max(timed, key=lambda error: error.last_update_attempt) if timed else next(reversed(self.errors), None)

    def joined(self, other: ResourceState) -> ResourceState:
        """Two entries of one name in the same dump; the first active one is in force."""
        first, second = (self, other) if self.view is not None or other.view is None else (other, self)
        return evolve(
            first,
            errors=self.errors + other.errors,
            warming=first.warming or second.warming,
            draining=self.draining + other.draining,
        )


Resources = Mapping[str, ResourceState]


@frozen(eq=False)
class ProxyDocument:
    """What one proxy's dump says, or several partial dumps together."""

    bootstrap: View | None = None
    listeners: Resources = field(factory=dict)
    clusters: Resources = field(factory=dict)
    route_configs: Resources = field(factory=dict)
    """What RDS delivered; only these can be named by a listener."""
    static_route_configs: tuple[ResourceState, ...] = ()
    """Written inline; often nameless, or several of one name."""
    replaced_route_configs: Mapping[str, View] = field(factory=dict)
    """Named ones from inputs without listeners, which replace inline ones of listeners that came before."""
    scoped_routes: Resources = field(factory=dict)
    endpoints: Mapping[str, View] = field(factory=dict)
    """ClusterLoadAssignments by cluster name (EDS: by its service name). Absent: unknown."""
    cluster_statuses: Mapping[str, View] = field(factory=dict)
    """What /clusters says of a cluster's hosts, by cluster name and by EDS service name."""
    secrets: Resources = field(factory=dict)
    ecds_filters: Resources = field(factory=dict)
    sections: frozenset[str] = frozenset()
    """Names of SECTIONS that were in the dump."""
    documents: tuple[str, ...] = ()
    wrapper: str = ""
    """The key under which the dump stands in a document that wraps it, such as `default/eg`."""

    @property
    def node_id(self) -> str:
        """`sidecar~IP~NAME.NAMESPACE~DOMAIN` for Istio; "" when unknown."""
        node = self.node
        return node.text("id", "") if node is not None else ""

    @property
    def service_cluster(self) -> str | None:
        """None when unknown."""
        node = self.node
        return node.text("cluster") if node is not None else None

    @property
    def node(self) -> View | None:
        return self.bootstrap.view("node") if self.bootstrap is not None else None

    @property
    def node_metadata(self) -> View | None:
        node = self.node
        return node.view("metadata") if node is not None else None

    def overlaid(self, other: ProxyDocument) -> ProxyDocument:
        """Together with a later document, whose resources replace those of the same kind and name."""
        replaced = {state.name for state in other.static_route_configs if state.name}
        kept = tuple(state for state in self.static_route_configs if state.name not in replaced)
        return ProxyDocument(
            bootstrap=other.bootstrap or self.bootstrap,
            listeners={**self.listeners, **other.listeners},
            clusters={**self.clusters, **other.clusters},
            route_configs={**self.route_configs, **other.route_configs},
            static_route_configs=kept + other.static_route_configs,
            replaced_route_configs=(
                other.replaced_route_configs
                if other.listeners
                else {**self.replaced_route_configs, **other.replaced_route_configs}
            ),
            scoped_routes={**self.scoped_routes, **other.scoped_routes},
            endpoints={**self.endpoints, **other.endpoints},
            cluster_statuses={**self.cluster_statuses, **other.cluster_statuses},
            secrets={**self.secrets, **other.secrets},
            ecds_filters={**self.ecds_filters, **other.ecds_filters},
            sections=self.sections | other.sections,
            documents=self.documents + tuple(name for name in other.documents if name not in self.documents),
            wrapper=self.wrapper or other.wrapper,
        )


def read_config_dump(document: Document) -> ProxyDocument:
    """The proxy of a document; several dumps in one wrapper are overlaid in their order."""
    result = ProxyDocument(documents=(document.name,))
    for proxy in read_config_dumps(document):
        result = result.overlaid(proxy)
    return result


def read_config_dumps(document: Document) -> tuple[ProxyDocument, ...]:
    """One proxy for each dump that the document wraps."""
    return tuple(_read_dump(dump, document.name) for dump in find_dumps(document.data))


def named_once(states: Iterable[ResourceState]) -> dict[str, View]:
    """What is active under a name that no other has: which of several an inline one stands for, nobody can tell."""
    listed = [state for state in states if state.name and state.view is not None]
    names = Counter(state.name for state in listed)
    return {state.name: state.view for state in listed if state.view is not None and names[state.name] == 1}


def _read_dump(dump: FoundDump, name: str) -> ProxyDocument:
    by_section: dict[str, list[tuple[View, str]]] = {}
    for path, data in dump.sections:
        kind, _, single = (section_type(data) or "").removeprefix("envoy.admin.v3.").partition(".")
        section = SECTIONS.get(kind)
        if section is not None:
            by_section.setdefault(section, []).append((View(data, Place(name, path)), single))
    entries = {section: tuple(_entries(found)) for section, found in by_section.items()}
    bootstrap = next((view.view("bootstrap") for view, _ in by_section.get("bootstrap", ())), None)
    static = bootstrap.view("static_resources") if bootstrap is not None else None
    routes = tuple(_resources(entries.get("routes", ()), "route_config"))
    return ProxyDocument(
        bootstrap=bootstrap,
        listeners=by_name(
            _resources(entries["listeners"], "listener")
            if "listeners" in entries
            else static_resources(static, "listeners")
        ),
        clusters=by_name(
            _resources(entries["clusters"], "cluster")
            if "clusters" in entries
            else static_resources(static, "clusters")
        ),
        route_configs=by_name(state for state in routes if not state.static),
        static_route_configs=tuple(state for state in routes if state.static),
        replaced_route_configs={} if "listeners" in entries else named_once(routes),
        scoped_routes=by_name(_resources(entries.get("scoped_routes", ()), "scoped_route_configs")),
        endpoints=_assignments(entries.get("endpoints", ())),
        secrets=by_name(_resources(entries.get("secrets", ()), "secret")),
        ecds_filters=by_name(_resources(entries.get("ecds", ()), "ecds_filter")),
        sections=frozenset(by_section),
        documents=(name,),
        wrapper=next((part for part in reversed(dump.path) if isinstance(part, str)), ""),
    )


_ENTRY_LISTS = (
    ("static_listeners", "static"),
    ("dynamic_listeners", ""),
    ("static_clusters", "static"),
    ("dynamic_active_clusters", ""),
    ("dynamic_warming_clusters", "warming"),
    ("static_route_configs", "static"),
    ("dynamic_route_configs", ""),
    ("inline_scoped_route_configs", "static"),
    ("dynamic_scoped_route_configs", ""),
    ("static_endpoint_configs", "static"),
    ("dynamic_endpoint_configs", ""),
    ("static_secrets", "static"),
    ("dynamic_active_secrets", ""),
    ("dynamic_warming_secrets", "warming"),
    ("ecds_filters", ""),
)
"""Field of a section -> how its entries stand."""


def _entries(section_views: Iterable[tuple[View, str]]) -> Iterator[tuple[View, str]]:
    """(entry, static | warming | "") of sections, in their order; `?resource=` dumps hold the entries themselves."""
    for view, single in section_views:
        if single:
            yield view, "static" if single.startswith(("Static", "Inline")) else ""
            continue
        for key, standing in _ENTRY_LISTS:
            for entry in view.views(key):
                yield entry, standing


def _resources(entries: Iterable[tuple[View, str]], key: str) -> Iterator[ResourceState]:
    for entry, standing in entries:
        yield _resource(entry, standing, key)


def _resource(entry: View, standing: str, key: str) -> ResourceState:
    errors = entry.view("error_state")
    if key == "listener" and standing != "static":
        active, warming, draining = (entry.view(f"{state}_state") for state in ("active", "warming", "draining"))
        config = active.view(key) if active is not None else None
        waiting = warming.view(key) if warming is not None else None
        leaving = draining.view(key) if draining is not None else None
        state = active or warming or draining or entry
    elif key == "scoped_route_configs":
        config, waiting, leaving, state = entry, None, None, entry
    else:
        found = entry.view(key)
        config, waiting = (None, found) if standing == "warming" else (found, None)
        leaving, state = None, entry
    error = _error(errors) if errors is not None else None
    known = config or waiting or leaving or (error.failed if error is not None else None)
    return ResourceState(
        name=entry.text("name") or resource_name(known),
        view=config,
        static=standing == "static",
        state=state,
        errors=(error,) if error is not None else (),
        warming=waiting,
        draining=(leaving,) if leaving is not None else (),
    )


def _error(view: View) -> ErrorState:
    return ErrorState(
        details=view.text("details", ""),
        last_update_attempt=view.text("last_update_attempt", ""),
        version=view.text("version_info", ""),
        failed=view.view("failed_configuration"),
        place=view.place,
    )


def resource_name(view: View | None) -> str:
    """The resource's own name; a nameless listener goes by its address, as in Envoy's statistics."""
    if view is None:
        return ""
    name = view.text("name") or view.text("cluster_name")
    if name:
        return name
    address = view.view("address")
    return _address_text(address) if address is not None else ""


def _address_text(address: View) -> str:
    socket = address.view("socket_address")
    if socket is not None:
        host = socket.text("address", "")
        port: Any = socket.integer("port_value") if socket.has("port_value") else socket.text("named_port", "")
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    pipe = address.view("pipe")
    if pipe is not None:
        return pipe.text("path", "")
    return ""


def by_name(states: Iterable[ResourceState]) -> dict[str, ResourceState]:
    """Entries of one name are joined; nameless ones, and two active ones that only share an address, are all kept."""
    found: dict[str, ResourceState] = {}
    for state in states:
        name = state.name
        before = found.get(name)
        if before is None:
            found[name] = state
        elif name and (before.view is None or state.view is None or _named(state)):
            found[name] = before.joined(state)
        else:
            number = 2
            while f"{name}#{number}" in found:
                number += 1
            found[f"{name}#{number}"] = evolve(state, name=f"{name}#{number}")
    return found


def _named(state: ResourceState) -> bool:
    return state.view is not None and (state.view.has("name") or state.view.has("cluster_name"))


def static_resources(static: View | None, key: str) -> Iterator[ResourceState]:
    """What a bootstrap states under a key of its `static_resources`."""
    for view in static.views(key) if static is not None else ():
        yield ResourceState(name=resource_name(view), view=view, static=True, state=view)


def _assignments(entries: Iterable[tuple[View, str]]) -> dict[str, View]:
    """Cluster name -> assignment; what EDS delivered before what is written statically."""
    found: dict[str, View] = {}
    for entry, standing in entries:
        view = entry.view("endpoint_config")
        if view is None:
            continue
        name = view.text("cluster_name", "")
        if not name:
            raise InputError(
                "nameless-assignment",
                "an endpoint configuration without a cluster name",
                place=view.place,
                hint="take the dump again, or remove this entry",
            )
        if standing == "static":
            found.setdefault(name, view)
        else:
            found[name] = view
    return found
