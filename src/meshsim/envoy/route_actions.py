"""What a matched route does: forward to a cluster, answer directly, redirect, or nothing at all.

The field ledger of RouteAction lives here: what is modelled, what cannot change where a call goes, and the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from attrs import evolve, frozen

from ..config.view import View
from ..place import Place
from ..reasons import Reason
from .body_formats import BodyFormat, compile_body_format, source_text
from .cluster_specifiers import ClusterSpecifier, specifier_of
from .format_strings import FormatString, compile_format_string
from .hash_policy import HashPolicy, compile_hash_policies
from .header_mutations import MutationLevel, compile_mutations
from .internal_redirects import InternalRedirectPolicy, compile_internal_redirects
from .mirrors import MirrorPolicy, compile_mirrors
from .path_rewrites import RegexRewrite, compile_regex_rewrite
from .per_filter import PerFilter, compile_per_filter
from .retry_policy import RetryPolicy, compile_retry_policy
from .runtime import Runtime
from .tunnels import ConnectConfig, compile_connect_config
from .unmodelled import unmodelled_fields
from .uri_templates import UriTemplate, UriTemplateRewrite, compile_uri_rewrite

DEFAULT_TIMEOUT_MS = 15_000
_NOT_FOUND_STATUS = {"SERVICE_UNAVAILABLE": 503, "NOT_FOUND": 404, "INTERNAL_SERVER_ERROR": 500}
_MODELLED = frozenset(
    {
        "cluster",
        "cluster_header",
        "weighted_clusters",
        "cluster_not_found_response_code",
        "metadata_match",
        "prefix_rewrite",
        "regex_rewrite",
        "path_rewrite_policy",
        "path_rewrite",
        "host_rewrite_literal",
        "host_rewrite",
        "auto_host_rewrite",
        "host_rewrite_header",
        "host_rewrite_path_regex",
        "append_x_forwarded_host",
        "timeout",
        "idle_timeout",
        "max_grpc_timeout",
        "max_stream_duration",
        "retry_policy",
        "request_mirror_policies",
        "request_mirror_policy",
        "hash_policy",
        "upgrade_configs",
        "priority",
        "cors",
        "internal_redirect_policy",
        "internal_redirect_action",
        "max_internal_redirects",
    }
)
_HARMLESS = frozenset(
    {
        "grpc_timeout_offset",
        "rate_limits",
        "include_vh_rate_limits",
        "hedge_policy",
        "early_data_policy",
        "flush_timeout",
        "retry_policy_typed_config",
    }
)
"""They decide when or how often, or are only reported; never where."""
_WEIGHTED_FIELDS = frozenset({"clusters", "total_weight", "runtime_key_prefix", "header_name", "use_hash_policy"})
_ENTRY_FIELDS = frozenset(
    {
        "name",
        "cluster_header",
        "weight",
        "metadata_match",
        "request_headers_to_add",
        "request_headers_to_remove",
        "response_headers_to_add",
        "response_headers_to_remove",
        "host_rewrite_literal",
    }
)


@frozen(eq=False)
class StreamDuration:
    """RouteAction.MaxStreamDuration, in milliseconds; None: not stated."""

    longest: int | float | None
    grpc_longest: int | float | None
    grpc_offset: int | float | None


@frozen(eq=False)
class RouteAction:
    """Forward to a cluster."""

    name: str
    """The route's name."""
    place: Place | None
    cluster: str | None = None
    cluster_header: str | None = None
    weighted: tuple[WeightedCluster, ...] = ()
    total_weight: int = 0
    runtime_key_prefix: str = ""
    """Of the runtime keys that replace the weights: `PREFIX.CLUSTER`."""
    weighted_place: Place | None = None
    weight_header: str = ""
    """Its value takes the place of the random one."""
    weight_policies: tuple[HashPolicy, ...] = ()
    """Their hash does so. No cookie is made by then."""
    specifier: ClusterSpecifier | None = None
    """The extension that names the cluster."""
    cluster_not_found_status: int = 503
    metadata_match: Mapping[str, Any] | None = None
    """filter_metadata `envoy.lb`, or None."""
    prefix_rewrite: str | None = None
    regex_rewrite: RegexRewrite | None = None
    template_rewrite: UriTemplateRewrite | None = None
    """path_rewrite_policy"""
    path_rewrite: FormatString | None = None
    host_rewrite_literal: str | None = None
    host_rewrite: FormatString | None = None
    host_rewrite_header: str | None = None
    host_rewrite_path_regex: RegexRewrite | None = None
    auto_host_rewrite: bool = False
    """The authority becomes the chosen endpoint's hostname, where it has one."""
    append_x_forwarded_host: bool = False
    timeout_ms: int | float = DEFAULT_TIMEOUT_MS
    max_grpc_timeout_ms: int | float | None = None
    stream_duration: StreamDuration | None = None
    """max_stream_duration, which puts an end to the older time-outs; None: they hold."""
    duration_ms: int | float = 0
    """How long the whole stream may last, as one request and its connection manager have it; 0: no limit."""
    idle_timeout_ms: int | float | None = None
    """Of a stream on which nothing moves; None: the connection manager's."""
    retry_policy: RetryPolicy | None = None
    sends_again: bool = True
    """Off for a request whose body is larger than what is kept of it: it is never tried again."""
    mirrors: tuple[MirrorPolicy, ...] = ()
    internal_redirects: InternalRedirectPolicy | None = None
    """None: an upstream's redirect is the client's own business."""
    priority: str = "DEFAULT"
    """DEFAULT or HIGH: which circuit breakers of the cluster count."""
    hash_policies: tuple[HashPolicy, ...] = ()
    upgrades: Mapping[str, bool] | None = None
    """Lower-case upgrade type -> enabled."""
    envoy_headers: bool = True
    """Off where the router suppresses x-envoy- headers."""
    respects_expected_timeout: bool = False
    """x-envoy-expected-rq-timeout-ms of a request sets its time-out, where the router is told so."""
    connect_config: ConnectConfig | None = None
    """Which tunnels end here."""
    tunnels: bool = False
    """This request is one whose payload goes on as raw bytes."""
    unmodelled: tuple[Reason, ...] = ()

    kind: ClassVar[str] = "http"

    @property
    def speaks_http(self) -> bool:
        """What goes to the upstream is a request, and no tunnel's bytes."""
        return not self.tunnels

    def weights(self, runtime: Runtime) -> tuple[int, ...]:
        """Of the weighted clusters, in order; runtime values replace the configured ones where keys have a prefix."""
        prefix = self.runtime_key_prefix
        if not prefix:
            return tuple(entry.weight for entry in self.weighted)
        return tuple(runtime.integer(f"{prefix}.{entry.name}", entry.weight) for entry in self.weighted)

    @property
    def rewrites_host(self) -> bool:
        """Whether the authority may change before an endpoint is chosen."""
        literal = self.host_rewrite_literal is not None or self.host_rewrite_header is not None
        return literal or self.host_rewrite_path_regex is not None or self.host_rewrite is not None


@frozen(eq=False)
class WeightedCluster:
    """One entry of weighted_clusters; `via` is the route's action as this entry changes it."""

    name: str
    place: Place | None
    weight: int
    cluster_header: str | None
    host_rewrite_literal: str | None
    request_mutations: MutationLevel
    response_mutations: MutationLevel
    via: RouteAction
    per_filter: Mapping[str, PerFilter] = {}
    """More specific than the route's own."""


@frozen(eq=False)
class DirectResponse:
    name: str
    place: Place | None
    status: int
    body: str | None
    """None: it comes from a file or the environment."""
    body_format: BodyFormat | None = None
    unmodelled: tuple[Reason, ...] = ()


@frozen(eq=False)
class NonForwarding:
    """non_forwarding_action, filter_action and actions that are not modelled: no cluster to forward to."""

    name: str
    place: Place | None
    kind: str
    unmodelled: tuple[Reason, ...] = ()


def compile_route_action(
    view: View,
    name: str,
    retry_policy: RetryPolicy | None = None,
    template: UriTemplate | None = None,
    mirrors: tuple[MirrorPolicy, ...] = (),
    specifiers: Mapping[str, ClusterSpecifier] | None = None,
) -> RouteAction:
    """`retry_policy` and `mirrors` are the virtual host's, for a route without its own.

    `template` is what the route matches, where that is a URI template; `specifiers` are the route configuration's.
    """
    weighted = view.view("weighted_clusters")
    leftovers = unmodelled_fields(view, _MODELLED | _HARMLESS | _PLUGINS, name)
    if weighted is not None:
        leftovers += unmodelled_fields(weighted, _WEIGHTED_FIELDS, name)
    grpc_timeout = view.duration_ms("max_grpc_timeout")
    upgrades = view.views("upgrade_configs")
    redirects = compile_internal_redirects(view, name)
    action = RouteAction(
        name=name,
        place=view.place,
        cluster=view.text("cluster") or None,
        cluster_header=view.text("cluster_header") or None,
        specifier=specifier_of(view, specifiers or {}),
        cluster_not_found_status=_NOT_FOUND_STATUS.get(
            view.enum("cluster_not_found_response_code", tuple(_NOT_FOUND_STATUS)), 503
        ),
        metadata_match=_subset(view),
        prefix_rewrite=view.text("prefix_rewrite") or None,
        regex_rewrite=_regex_rewrite(view, "regex_rewrite"),
        template_rewrite=_template_rewrite(view, template),
        path_rewrite=_format(view, "path_rewrite"),
        host_rewrite_literal=view.text("host_rewrite_literal") or None,
        host_rewrite=_format(view, "host_rewrite"),
        host_rewrite_header=view.text("host_rewrite_header") or None,
        host_rewrite_path_regex=_regex_rewrite(view, "host_rewrite_path_regex"),
        auto_host_rewrite=view.boolean("auto_host_rewrite", False),
        append_x_forwarded_host=view.boolean("append_x_forwarded_host", False),
        timeout_ms=view.duration_ms("timeout", DEFAULT_TIMEOUT_MS),
        max_grpc_timeout_ms=grpc_timeout,
        stream_duration=_stream_duration(view.view("max_stream_duration")),
        idle_timeout_ms=view.duration_ms("idle_timeout"),
        retry_policy=compile_retry_policy(view) or retry_policy,
        mirrors=compile_mirrors(view) or mirrors,
        internal_redirects=redirects,
        priority=view.enum("priority", ("DEFAULT", "HIGH")),
        hash_policies=compile_hash_policies(view.views("hash_policy")),
        upgrades=_upgrades(upgrades),
        connect_config=compile_connect_config(upgrades),
        unmodelled=(*leftovers, *(redirects.unmodelled if redirects is not None else ())),
    )
    if weighted is None:
        return action
    entries = tuple(_weighted_cluster(entry, action) for entry in weighted.views("clusters"))
    return evolve(
        action,
        weighted=entries,
        total_weight=sum(entry.weight for entry in entries),
        runtime_key_prefix=weighted.text("runtime_key_prefix", ""),
        weight_header=weighted.text("header_name", "").lower(),
        weight_policies=tuple(evolve(each, generates=False) for each in action.hash_policies)
        if weighted.boolean("use_hash_policy", False)
        else (),
        weighted_place=weighted.place,
        unmodelled=action.unmodelled
        + tuple(
            reason for entry in weighted.views("clusters") for reason in unmodelled_fields(entry, _ENTRY_FIELDS, name)
        ),
    )


_PLUGINS = frozenset({"cluster_specifier_plugin", "inline_cluster_specifier_plugin"})


def _weighted_cluster(entry: View, action: RouteAction) -> WeightedCluster:
    subset = _subset(entry)
    merged = {**(action.metadata_match or {}), **subset} if subset is not None else action.metadata_match
    return WeightedCluster(
        name=entry.text("name", ""),
        place=entry.place,
        weight=entry.integer("weight", 0),
        cluster_header=entry.text("cluster_header") or None,
        host_rewrite_literal=entry.text("host_rewrite_literal") or None,
        request_mutations=compile_mutations(entry, "request"),
        response_mutations=compile_mutations(entry, "response"),
        via=action if merged is action.metadata_match else evolve(action, metadata_match=merged),
        per_filter=compile_per_filter(entry),
    )


def _stream_duration(view: View | None) -> StreamDuration | None:
    if view is None:
        return None
    names = ("max_stream_duration", "grpc_timeout_header_max", "grpc_timeout_header_offset")
    return StreamDuration(*(view.duration_ms(name) for name in names))


def _subset(view: View) -> Mapping[str, Any] | None:
    metadata = view.view("metadata_match")
    filters = metadata.view("filter_metadata") if metadata is not None else None
    wanted = filters.view("envoy.lb") if filters is not None else None
    return None if wanted is None else wanted.data


def _regex_rewrite(view: View, key: str) -> RegexRewrite | None:
    below = view.view(key)
    return None if below is None else compile_regex_rewrite(below)


def _format(view: View, key: str) -> FormatString | None:
    """A text with command operators. Before 1.14 `host_rewrite` was a plain one, which reads the same."""
    value = view.text(key)
    return compile_format_string(value, view.place_of(key)) if value else None


def _template_rewrite(view: View, template: UriTemplate | None) -> UriTemplateRewrite | None:
    policy = view.view("path_rewrite_policy")
    return compile_uri_rewrite(policy, template) if policy is not None else None


def _upgrades(entries: Sequence[View]) -> Mapping[str, bool] | None:
    return {entry.text("upgrade_type", "").lower(): entry.boolean("enabled", True) for entry in entries} or None


_RESPONSE_FIELDS = frozenset({"status", "body", "body_format"})


def compile_direct_response(view: View, name: str) -> DirectResponse:
    written = view.view("body_format")
    body_format = compile_body_format(written, name) if written is not None else None
    return DirectResponse(
        name=name,
        place=view.place,
        status=view.integer("status", 0),
        body=source_text(view.view("body")),
        body_format=body_format,
        unmodelled=(
            *unmodelled_fields(view, _RESPONSE_FIELDS, name),
            *(body_format.unmodelled if body_format is not None else ()),
        ),
    )
