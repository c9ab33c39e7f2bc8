"""A route: its conditions, its action, where it came from, and what it means for filters and headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from ..config.view import View
from ..match.condition import Condition
from ..place import Place
from ..reasons import Reason
from .cluster_specifiers import ClusterSpecifier
from .header_mutations import MutationLevel, compile_mutations
from .mirrors import MirrorPolicy
from .path_rewrites import PathRule
from .per_filter import PerFilter, compile_cors, compile_per_filter, layered
from .redirects import Redirect, TlsRedirect, compile_redirect
from .retry_policy import RetryPolicy
from .route_actions import (
    DirectResponse,
    NonForwarding,
    RouteAction,
    WeightedCluster,
    compile_direct_response,
    compile_route_action,
)
from .route_checks import check_route
from .route_matches import RouteCondition, compile_match
from .runtime import RuntimeFraction
from .unmodelled import unmodelled_fields

Action = RouteAction | DirectResponse | Redirect | TlsRedirect | NonForwarding
_ACTION_KEYS = ("route", "redirect", "direct_response", "filter_action", "non_forwarding_action")
_FIELDS = frozenset(
    {
        *_ACTION_KEYS,
        "name",
        "match",
        "metadata",
        "typed_per_filter_config",
        "per_filter_config",
        "request_headers_to_add",
        "request_headers_to_remove",
        "response_headers_to_add",
        "response_headers_to_remove",
    }
)
_HARMLESS = frozenset(
    {
        "decorator",
        "tracing",
        "per_request_buffer_limit_bytes",
        "request_body_buffer_limit",
        "stat_prefix",
    }
)


@frozen(eq=False)
class Surroundings:
    """What a route inherits from its virtual host and route configuration."""

    per_filter: Mapping[str, PerFilter]
    request_levels: tuple[MutationLevel, MutationLevel]
    """Virtual host, route configuration."""
    response_levels: tuple[MutationLevel, MutationLevel]
    most_specific_wins: bool
    retry_policy: RetryPolicy | None
    attempt_count: bool
    """include_request_attempt_count"""
    tells_attempts: bool = False
    """include_attempt_count_in_response"""
    rate_limited: bool = False
    metadata: Mapping[str, Any] = field(factory=dict)
    """filter_metadata of the virtual host."""
    mirrors: tuple[MirrorPolicy, ...] = ()
    specifiers: Mapping[str, ClusterSpecifier] = field(factory=dict)
    """Cluster specifier plugins of the route configuration, by name."""
    body_limits: tuple[int | None, int | None] = (None, None)
    """request_body_buffer_limit and the older per_request_buffer_limit_bytes of the virtual host."""


@frozen(eq=False)
class Route:
    name: str
    """As configured; may be empty or shared with its neighbours."""
    label: str
    """Names it within its virtual host: the name, or `#3`, or `name#3` where the name is shared."""
    place: Place
    conditions: tuple[RouteCondition, ...]
    rule: PathRule
    fraction: RuntimeFraction | None
    action: Action
    origin: str | None
    """filter_metadata istio.config: the object in the cluster that made it."""
    per_filter: Mapping[str, PerFilter]
    """By filter name, with what virtual host and route configuration say."""
    request_mutations: tuple[MutationLevel, ...]
    """In the order in which Envoy applies them, after a weighted cluster's own."""
    response_mutations: tuple[MutationLevel, ...]
    attempt_count: bool
    unmodelled: tuple[Reason, ...]
    metadata: Mapping[str, Any] = field(factory=dict)
    """filter_metadata of the route: namespace -> struct."""
    vhost_metadata: Mapping[str, Any] = field(factory=dict)
    rate_limited: bool = False
    """Route or virtual host describe requests to the rate limit filter."""
    body_limit: int | None = None
    """How many bytes of a body are kept to be sent again; None: what the connection may hold."""
    tells_attempts: bool = False
    """Whether replies say how many attempts there were."""
    _by_entry: dict[WeightedCluster, Route] = field(factory=dict, init=False, repr=False)

    def by_entry(self, entry: WeightedCluster | None) -> Route:
        """As filters see it once one of its weighted clusters is picked."""
        if entry is None or not entry.per_filter:
            return self
        made = self._by_entry.get(entry)
        if made is None:
            made = self._by_entry[entry] = evolve(self, per_filter=layered(self.per_filter, entry.per_filter))
        return made

    @property
    def forwards(self) -> bool:
        """Not a redirect or direct response: only then do some filters look at the route at all."""
        return isinstance(self.action, RouteAction | NonForwarding)

    def upgrade_allowed(self, upgrade: str) -> bool | None:
        """What the route itself says about an upgrade type; None: nothing."""
        if isinstance(self.action, RouteAction) and self.action.upgrades is not None:
            return self.action.upgrades.get(upgrade)
        return None


def compile_route(view: View, label: str, around: Surroundings) -> Route:
    name = view.text("name", "")
    check_route(view)
    match_view = view.view("match")
    match = compile_match(match_view if match_view is not None else View({}, view.place / "match"))
    action = _action(view, name or label, around, match.rule)
    return Route(
        name=name,
        label=label,
        place=view.place,
        conditions=match.conditions + _registered(action),
        rule=match.rule,
        fraction=match.fraction,
        action=action,
        origin=istio_config(view),
        per_filter=layered(around.per_filter, {**_legacy_cors(view), **compile_per_filter(view)}),
        request_mutations=ordered(compile_mutations(view, "request"), around.request_levels, around),
        response_mutations=ordered(compile_mutations(view, "response"), around.response_levels, around),
        attempt_count=around.attempt_count,
        unmodelled=unmodelled_fields(view, _FIELDS | _HARMLESS, name or label),
        metadata=filter_metadata(view),
        vhost_metadata=around.metadata,
        rate_limited=around.rate_limited or _has_rate_limits(view.view("route")),
        body_limit=_body_limit(view, around),
        tells_attempts=around.tells_attempts,
    )


def _registered(action: Action) -> tuple[RouteCondition, ...]:
    """A route by an optional extension that Envoy has not got is passed over, and the next one is tried."""
    specifier = action.specifier if isinstance(action, RouteAction) else None
    if specifier is None or not specifier.absent:
        return ()
    seen = specifier.type_name
    return (
        Condition("is_optional", "an extension of Envoy", lambda _facts: seen, lambda _seen: False, specifier.place),
    )


def tls_redirect_route(place: Place, around: Surroundings) -> Route:
    """What require_tls puts in the place of a route: nameless, with the virtual host's surroundings."""
    return Route(
        name="",
        label="require_tls",
        place=place,
        conditions=(),
        rule=PathRule("prefix", ""),
        fraction=None,
        action=TlsRedirect("require_tls", place),
        origin=None,
        per_filter=around.per_filter,
        request_mutations=(),
        response_mutations=(),
        attempt_count=False,
        unmodelled=(),
    )


def ordered(
    own: MutationLevel, outer: tuple[MutationLevel, MutationLevel], around: Surroundings
) -> tuple[MutationLevel, ...]:
    """Route, virtual host, configuration; the other way round where the most specific is to win."""
    host, table = outer
    levels = (table, host, own) if around.most_specific_wins else (own, host, table)
    return tuple(level for level in levels if level)


def body_limits(view: View) -> tuple[int | None, int | None]:
    """Of a route or virtual host: request_body_buffer_limit, per_request_buffer_limit_bytes."""
    newer, older = "request_body_buffer_limit", "per_request_buffer_limit_bytes"
    return (
        view.integer(newer, 0) if view.has(newer) else None,
        view.integer(older, 0) if view.has(older) else None,
    )


def _body_limit(view: View, around: Surroundings) -> int | None:
    """The newer field goes before the older one, wherever it stands; each of the route's goes before the host's."""
    (newer, older), (newer_of_host, older_of_host) = body_limits(view), around.body_limits
    stated = (newer, newer_of_host, older, older_of_host)
    return next((limit for limit in stated if limit is not None), None)


def filter_metadata(view: View) -> Mapping[str, Any]:
    """metadata.filter_metadata: by filter, as written."""
    metadata = view.view("metadata")
    filters = metadata.view("filter_metadata") if metadata is not None else None
    return filters.data if filters is not None else {}


def _has_rate_limits(action: View | None) -> bool:
    return action is not None and bool(action.views("rate_limits"))


def istio_config(view: View) -> str | None:
    """metadata.filter_metadata.istio.config, where Istio wrote which object this came from."""
    metadata = view.view("metadata")
    filters = metadata.view("filter_metadata") if metadata is not None else None
    istio = filters.view("istio") if filters is not None else None
    return istio.text("config") if istio is not None else None


def _legacy_cors(view: View) -> Mapping[str, PerFilter]:
    action = view.view("route")
    return compile_cors(action) if action is not None else {}


def _action(view: View, name: str, around: Surroundings, rule: PathRule) -> Action:
    kind = view.one_of(_ACTION_KEYS)
    below = view.view(kind) if kind is not None else None
    if kind is None or below is None:
        return NonForwarding(name, view.place, "none")
    match kind:
        case "route":
            return compile_route_action(
                below, name, around.retry_policy, rule.template, around.mirrors, around.specifiers
            )
        case "redirect":
            return compile_redirect(below, name)
        case "direct_response":
            return compile_direct_response(below, name)
    return NonForwarding(name, below.place, kind)
