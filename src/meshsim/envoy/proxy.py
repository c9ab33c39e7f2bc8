"""One Envoy: its resources by name, compiled on first use.

Knows no stage and no kernel. What a partial dump does not hold is None here (`sections` says whether it could).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ..config.certificate_names import Certificate
from ..config.config_dump import ProxyDocument
from ..config.dialect import Dialect
from ..config.view import View
from ..place import Place
from .cluster_validation import refuse_unknown_clusters
from .clusters import Cluster, compile_cluster
from .dialects import dialect_of
from .endpoints import Assignment, compile_assignment
from .host_status import compile_cluster_status, with_health
from .listeners import ListenerTable, compile_listener_table
from .message_check import refuse_malformed
from .runtime import Runtime, compile_runtime
from .scopes import Key, Scope, by_key, compile_scopes
from .server_certificates import read_inline
from .vhosts import RouteTable, compile_route_table


@define(eq=False)
class Proxy:
    document: ProxyDocument
    node_id: str
    """`sidecar~IP~NAME.NAMESPACE~DOMAIN` for Istio; may be empty."""
    _runtime: Runtime | None = None
    _dialect: Dialect | None = field(default=None, init=False)
    _listeners: ListenerTable | None = field(default=None, init=False)
    _route_tables: dict[str, RouteTable | None] = field(factory=dict, init=False)
    _clusters: dict[str, Cluster | None] = field(factory=dict, init=False)
    _assignments: dict[str, Assignment | None] = field(factory=dict, init=False)
    _certificates: dict[str, Certificate | None] = field(factory=dict, init=False)

    @property
    def kind(self) -> str:
        """sidecar, router, waypoint …: the node id's first part; "" when it is not Istio's."""
        kind, tilde, _rest = self.node_id.partition("~")
        return kind if tilde else ""

    @property
    def last_updated(self) -> str | None:
        """The newest time stamp of any resource; Envoy writes them in one sortable form."""
        document = self.document
        resources = (*document.listeners.values(), *document.clusters.values(), *document.route_configs.values())
        return max((resource.last_updated for resource in resources), default="") or None

    @property
    def envoy_version(self) -> str | None:
        """major.minor.patch of the Envoy that wrote the dump, from the bootstrap's node."""
        node = self.document.node
        build = node.view("user_agent_build_version") if node is not None else None
        version = build.view("version") if build is not None else None
        if version is None:
            return None
        return ".".join(str(version.integer(part, 0)) for part in ("major_number", "minor_number", "patch"))

    @property
    def runtime(self) -> Runtime:
        """Values of the bootstrap's static layers, and what a call states on top of them."""
        if self._runtime is None:
            self._runtime = compile_runtime(self.document.bootstrap)
        return self._runtime

    def with_runtime(self, values: Mapping[str, Any]) -> Proxy:
        """The same Envoy with these runtime values; it compiles anew, since values may decide what is compiled."""
        return Proxy(self.document, self.node_id, self.runtime.with_values(values))

    @property
    def dialect(self) -> Dialect:
        """How this Envoy reads its configuration."""
        if self._dialect is None:
            self._dialect = dialect_of(self.runtime, runtime_known=self.document.bootstrap is not None)
        return self._dialect

    @property
    def listeners(self) -> ListenerTable:
        if self._listeners is None:
            self._listeners = compile_listener_table(self.document, self.dialect)
        return self._listeners

    def lacks_secret(self, name: str) -> bool:
        """Whether the dump says that it waits for that secret; what it does not mention is taken to be there."""
        resource = self.document.secrets.get(name)
        return resource is not None and resource.view is None and resource.warming is not None

    def certificate(self, secret: str) -> Certificate | None:
        """The certificate that the dump shows for a secret; None where it shows none."""
        if secret not in self._certificates:
            resource = self.document.secrets.get(secret)
            held = resource.view.view("tls_certificate") if resource is not None and resource.view is not None else None
            self._certificates[secret] = None if held is None else read_inline(held)
        return self._certificates[secret]

    def route_table(self, name: str) -> RouteTable | None:
        """The RDS route configuration of that name; None when the dump holds none."""
        if name not in self._route_tables:
            resource = self.document.route_configs.get(name)
            view = resource.view if resource is not None else None
            loaded = resource is not None and resource.state is not view
            if view is not None and not loaded and "clusters" in self.document.sections:
                # what stands in a dump, its Envoy has taken
                refuse_unknown_clusters(view, self._has_cluster, by_default=False)
            self._route_tables[name] = self._compiled_table(view)
        return self._route_tables[name]

    def refuse_inline(self, table: View, listener: Place) -> None:
        """Raises where Envoy would not start with that table in a listener of its bootstrap."""
        root = self.document.bootstrap
        resources = root.view("static_resources") if root is not None else None
        if resources is not None and listener.within(resources.place):
            refuse_unknown_clusters(table, self._has_cluster, by_default=True)

    def _has_cluster(self, name: str) -> bool:
        return name in self.document.clusters

    def scopes(self, name: str) -> dict[Key, Scope] | None:
        """What scoped_rds delivered under that name; None when no input holds it."""
        resource = self.document.scoped_routes.get(name)
        view = resource.view if resource is not None else None
        return None if view is None else by_key(compile_scopes(view.under(self.dialect).views("scoped_route_configs")))

    def replaced_table(self, name: str) -> RouteTable | None:
        """What a later input puts in the place of an inline route configuration of that name."""
        return self._compiled_table(self.document.replaced_route_configs.get(name))

    def _compiled_table(self, view: View | None) -> RouteTable | None:
        return None if view is None else compile_route_table(view.under(self.dialect))

    def cluster(self, name: str) -> Cluster | None:
        if name not in self._clusters:
            resource = self.document.clusters.get(name)
            view = resource.view if resource is not None else None
            self._clusters[name] = compile_cluster(view.under(self.dialect)) if view is not None else None
        return self._clusters[name]

    def assignment(self, name: str) -> Assignment | None:
        """The EDS assignment of that service name; None when no input holds one: unknown, not empty."""
        if name not in self._assignments:
            view = self.document.endpoints.get(name)
            if view is not None:
                # a dump states weights of 0 that nobody ever wrote
                refuse_malformed(view, "envoy.config.endpoint.v3.ClusterLoadAssignment", held=False)
                self._assignments[name] = self.with_health(compile_assignment(view), name)
            else:
                self._assignments[name] = self.status(name)
        return self._assignments[name]

    def status(self, cluster: str) -> Assignment | None:
        """The cluster's hosts as /clusters shows them; None when no input does."""
        view = self.document.cluster_statuses.get(cluster)
        return compile_cluster_status(view) if view is not None else None

    def with_health(self, assignment: Assignment, cluster: str) -> Assignment:
        """The same hosts, those that /clusters found unfit marked so."""
        status = self.status(cluster)
        return assignment if status is None else with_health(assignment, status)
