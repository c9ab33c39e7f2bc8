"""Route configurations: which virtual host answers for a host, and why the others do not.

envoyproxy/envoy source/common/router/config_impl.cc (RouteMatcher). Exact domain, then the longest suffix wildcard,
then the longest prefix wildcard, then `*`; once a virtual host is chosen there is no falling back.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field, frozen

from ..config.view import View
from ..errors import Rejected
from ..explanation import Candidate, Check, Fate
from ..facts.request import Request
from ..match.first import FirstMatch
from ..match.strings import ascii_lower
from ..place import Place
from ..reasons import Reason
from .cluster_specifiers import ClusterSpecifier, compile_specifiers
from .header_mutations import MutationLevel, compile_mutations
from .hosts import without_port
from .message_check import refuse_malformed
from .message_rules import Message, every, filled, listed, one_line, refuse_broken
from .mirrors import MirrorPolicy, compile_mirrors
from .per_filter import PerFilter, compile_per_filter, layered
from .retry_policy import compile_retry_policy
from .route_constraints import VIRTUAL_HOST
from .route_matches import RouteFacts
from .routes import Route, Surroundings, body_limits, filter_metadata, tls_redirect_route
from .unmodelled import unmodelled_fields
from .vhost_matcher import MatchedRoutes, RouteTree, compile_vhost_matcher
from .vhost_routes import routes_of

EXACT, SUFFIX, PREFIX, ANY = "exact", "suffix", "prefix", "any"
_ORDER = (ANY, PREFIX, SUFFIX, EXACT)
"""From the weakest to the strongest kind of domain."""

_MUTATIONS = (
    "request_headers_to_add",
    "request_headers_to_remove",
    "response_headers_to_add",
    "response_headers_to_remove",
)
_VHOST_FIELDS = frozenset(
    {
        "name",
        "domains",
        "routes",
        "require_tls",
        "retry_policy",
        "include_request_attempt_count",
        "typed_per_filter_config",
        "per_filter_config",
        *_MUTATIONS,
        "virtual_clusters",
        "rate_limits",
        "metadata",
        "include_attempt_count_in_response",
        "include_is_timeout_retry_header",
        "hedge_policy",
        "per_request_buffer_limit_bytes",
        "request_body_buffer_limit",
        "cors",
        "matcher",
        "request_mirror_policies",
    }
)
"""Modelled, or harmless to where a call goes (from virtual_clusters on)."""
_TABLE_FIELDS = frozenset(
    {
        "name",
        "virtual_hosts",
        "vhds",
        "ignore_port_in_host_matching",
        "ignore_path_parameters_in_path_matching",
        "most_specific_header_mutations_wins",
        "vhost_header",
        "typed_per_filter_config",
        "internal_only_headers",
        *_MUTATIONS,
        "validate_clusters",
        "max_direct_response_body_size_bytes",
        "request_mirror_policies",
        "request_mirror_policy",
        "metadata",
        "cluster_specifier_plugins",
    }
)
DEFAULT_MOST_BODY = 4096
_REQUIRE_TLS = ("NONE", "EXTERNAL_ONLY", "ALL")


@frozen
class Domain:
    """One domain of a virtual host, taken apart."""

    text: str
    """As configured."""
    kind: str
    body: str
    """Lower case, without the star."""

    def matches(self, host: str) -> bool:
        """`host` in lower case. A wildcard needs at least one character for its star."""
        match self.kind:
            case "exact":
                return host == self.body
            case "suffix":
                return len(host) > len(self.body) and host.endswith(self.body)
            case "prefix":
                return len(host) > len(self.body) and host.startswith(self.body)
        return True

    @property
    def rank(self) -> tuple[int, int]:
        return _ORDER.index(self.kind), len(self.body)


def read_domain(text: str) -> Domain:
    lower = ascii_lower(text)
    if lower == "*":
        return Domain(text, ANY, "")
    if lower.startswith("*"):
        return Domain(text, SUFFIX, lower[1:])
    if lower.endswith("*"):
        return Domain(text, PREFIX, lower[:-1])
    return Domain(text, EXACT, lower)


@frozen(eq=False)
class TableLevels:
    """What a route configuration hands down to its virtual hosts."""

    per_filter: Mapping[str, PerFilter]
    request_level: MutationLevel
    response_level: MutationLevel
    most_specific_wins: bool
    most_body: int
    """max_direct_response_body_size_bytes"""
    mirrors: tuple[MirrorPolicy, ...]
    specifiers: Mapping[str, ClusterSpecifier]


@define(eq=False)
class VirtualHost:
    """Everything but its domains is compiled when first asked for: tables hold thousands."""

    name: str
    domains: tuple[Domain, ...]
    _view: View
    _levels: TableLevels
    _around: Surroundings | None = field(default=None, init=False)
    _routes: FirstMatch[Route, RouteFacts] | None = field(default=None, init=False)
    _tls_redirect: Route | None = field(default=None, init=False)
    _require_tls: str | None = field(default=None, init=False)
    _matcher: RouteTree | None = field(default=None, init=False)
    _matched: dict[MatchedRoutes, VirtualHost] = field(factory=dict, init=False)
    _unmodelled: tuple[Reason, ...] | None = field(default=None, init=False)

    @property
    def place(self) -> Place:
        return self._view.place

    @property
    def require_tls(self) -> str:
        """NONE, EXTERNAL_ONLY or ALL."""
        if self._require_tls is None:
            self._require_tls = self._view.enum("require_tls", _REQUIRE_TLS)
        return self._require_tls

    @property
    def matcher(self) -> RouteTree | None:
        """What leads to routes instead of a list of them."""
        if self._unmodelled is None:
            self._read_ledger()
        return self._matcher

    @property
    def unmodelled(self) -> tuple[Reason, ...]:
        if self._unmodelled is None:
            self._read_ledger()
        assert self._unmodelled is not None
        return self._unmodelled

    def _read_ledger(self) -> None:
        below = self._view.view("matcher")
        if below is not None and self._view.views("routes"):
            raise Rejected(
                "matcher-and-routes",
                f"virtual host {self.name!r}: cannot set both matcher and routes on virtual host",
                place=self.place,
                hint="keep one of them",
            )
        refuse_malformed(self._view, "envoy.config.route.v3.VirtualHost")
        refuse_broken(VIRTUAL_HOST, self._view, "virtual-host-refused")
        self._matcher = compile_vhost_matcher(below, self.name) if below is not None else None
        unknown = self._matcher.unmodelled if self._matcher is not None else ()
        self._unmodelled = (*unmodelled_fields(self._view, _VHOST_FIELDS, self.name), *unknown)

    @property
    def around(self) -> Surroundings:
        if self._around is None:
            view, levels = self._view, self._levels
            self._around = Surroundings(
                per_filter=layered(levels.per_filter, compile_per_filter(view)),
                request_levels=(compile_mutations(view, "request"), levels.request_level),
                response_levels=(compile_mutations(view, "response"), levels.response_level),
                most_specific_wins=levels.most_specific_wins,
                retry_policy=compile_retry_policy(view),
                attempt_count=view.boolean("include_request_attempt_count", False),
                tells_attempts=view.boolean("include_attempt_count_in_response", False),
                rate_limited=bool(view.views("rate_limits")),
                metadata=filter_metadata(view),
                mirrors=compile_mirrors(view) or levels.mirrors,
                specifiers=levels.specifiers,
                body_limits=body_limits(view),
            )
        return self._around

    @property
    def routes(self) -> FirstMatch[Route, RouteFacts]:
        if self._routes is None:
            self._routes = routes_of(self._view.views("routes"), self.around, self._levels.most_body)
        return self._routes

    def route_lists(self) -> tuple[tuple[tuple[View, ...], FirstMatch[Route, RouteFacts]], ...]:
        """Every list of routes as written and as compiled: its own, or those that its matcher leads to."""
        if self.matcher is None:
            return ((self._view.views("routes"), self.routes),)
        return tuple((found.views, self.of(found).routes) for found in self.matcher.tree.actions)

    def of(self, found: MatchedRoutes) -> VirtualHost:
        """The same virtual host with the routes of one action of its matcher alone."""
        if found not in self._matched:
            branch = VirtualHost(self.name, self.domains, self._view, self._levels)
            branch._routes = routes_of(found.views, self.around, self._levels.most_body)
            self._matched[found] = branch
        return self._matched[found]

    @property
    def tls_redirect(self) -> Route:
        """What answers where require_tls refuses the request."""
        if self._tls_redirect is None:
            self._tls_redirect = tls_redirect_route(self._view.place_of("require_tls"), self.around)
        return self._tls_redirect


@define(eq=False)
class RouteTable:
    """One route configuration."""

    name: str
    place: Place
    vhosts: tuple[VirtualHost, ...]
    ignore_port: bool
    ignore_path_parameters: bool
    host_header: str | None
    """vhost_header: look at this header in the place of the authority."""
    internal_only_headers: tuple[str, ...]
    on_demand: Place | None
    """Where vhds says that further virtual hosts are fetched while requests wait."""
    unmodelled: tuple[Reason, ...]
    _exact: dict[str, VirtualHost] = field(factory=dict, init=False)
    _suffixes: dict[int, dict[str, VirtualHost]] = field(factory=dict, init=False)
    _prefixes: dict[int, dict[str, VirtualHost]] = field(factory=dict, init=False)
    _default: VirtualHost | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        for vhost in self.vhosts:
            for domain in vhost.domains:
                self._add(domain, vhost)
        self._suffixes = dict(sorted(self._suffixes.items(), reverse=True))
        self._prefixes = dict(sorted(self._prefixes.items(), reverse=True))

    def _add(self, domain: Domain, vhost: VirtualHost) -> None:
        if domain.kind == ANY:
            taken, self._default = self._default, vhost
        else:
            found = self._exact
            if domain.kind != EXACT:
                by_length = self._suffixes if domain.kind == SUFFIX else self._prefixes
                found = by_length.setdefault(len(domain.body), {})
            taken = found.get(domain.body)
            found[domain.body] = vhost
        if taken is not None:
            raise Rejected(
                "duplicate-domain",
                f"domain {domain.text!r} stands in virtual hosts {taken.name!r} and {vhost.name!r} of {self.name!r}",
                place=vhost.place,
                hint="a domain may occur once in a route configuration",
            )

    def host_of(self, request: Request) -> str | None:
        """The text that is compared with the domains; None: there is none to compare."""
        if self.host_header is not None:
            values = request.values(self.host_header)
            host = values[0] if values else None
        else:
            host = request.authority
        if host is None:
            return None
        return ascii_lower(without_port(host) if self.ignore_port else host)

    def pick(self, request: Request) -> VirtualHost | None:
        if not (self._exact or self._suffixes or self._prefixes):
            return self._default
        host = self.host_of(request)
        if host is None:
            return None
        found = self._exact.get(host)
        if found is not None:
            return found
        length = len(host)
        for size, suffixes in self._suffixes.items():
            if size < length:
                found = suffixes.get(host[length - size :])
                if found is not None:
                    return found
        for size, prefixes in self._prefixes.items():
            if size < length:
                found = prefixes.get(host[:size])
                if found is not None:
                    return found
        return self._default

    def explain(self, request: Request) -> tuple[VirtualHost | None, tuple[Candidate, ...]]:
        """The winner by comparing every domain, and each virtual host with what it lost on; near misses first."""
        host = self.host_of(request)
        only_any = not (self._exact or self._suffixes or self._prefixes)
        best: tuple[tuple[int, int], VirtualHost, Domain] | None = None
        matching: dict[VirtualHost, Domain] = {}
        for vhost in self.vhosts:
            for domain in vhost.domains:
                fits = domain.matches(host) if host is not None else only_any
                if not fits:
                    continue
                if vhost not in matching or matching[vhost].rank < domain.rank:
                    matching[vhost] = domain
                if best is None or best[0] < domain.rank:
                    best = (domain.rank, vhost, domain)
        winner = best[1] if best is not None else None
        candidates = [_candidate(vhost, matching.get(vhost), winner, host) for vhost in self.vhosts]
        order = {Fate.CHOSEN: 0, Fate.FAILED: 2, Fate.OUTRANKED: 1}
        candidates.sort(key=lambda made: (order[made.fate], not made.near_miss))
        return winner, tuple(candidates)

    def domain_of(self, request: Request, vhost: VirtualHost) -> Domain:
        """The domain through which a virtual host was chosen."""
        host = self.host_of(request) or ""
        return max((domain for domain in vhost.domains if domain.matches(host)), key=lambda domain: domain.rank)


def _candidate(vhost: VirtualHost, domain: Domain | None, winner: VirtualHost | None, host: str | None) -> Candidate:
    place = vhost.place / "domains"
    if domain is not None:
        fate = Fate.CHOSEN if vhost is winner else Fate.OUTRANKED
        checks: tuple[Check, ...] = (Check("domains", domain.text, host, True, place),)
        return Candidate(vhost.name, "virtual_host", fate, checks, vhost.place, "" if vhost is winner else "domains")
    checks = _near(vhost, host, place) if host is not None else ()
    if not checks:
        checks = (
            Check("exact domains", [each.text for each in vhost.domains if each.kind == EXACT], host, False, place),
            Check("wildcard domains", [each.text for each in vhost.domains if each.kind != EXACT], host, False, place),
        )
    lost_at = next(check.what for check in checks if not check.ok)
    return Candidate(vhost.name, "virtual_host", Fate.FAILED, checks, vhost.place, lost_at)


def _near(vhost: VirtualHost, host: str, place: Place) -> tuple[Check, ...]:
    """A domain that has the right host and only another port: what the reader usually meant."""
    bare = without_port(host)
    for domain in vhost.domains:
        if domain.kind == EXACT and without_port(domain.body) == bare:
            return (
                Check("host", without_port(domain.body), bare, True, place),
                Check("port", domain.body[len(bare) :], host[len(bare) :], False, place),
            )
    return ()


_NAMES = Message("VirtualHost", {"name": filled, "domains": every(listed(1), one_line)})
"""What is looked at before a virtual host is ever asked for."""


def _virtual_host(view: View, levels: TableLevels) -> VirtualHost:
    refuse_broken(_NAMES, view, "virtual-host-refused")
    return VirtualHost(view.text("name", ""), tuple(map(read_domain, view.texts("domains"))), view, levels)


def compile_route_table(view: View, name: str = "") -> RouteTable:
    """A RouteConfiguration. `name` is for inline ones without a name of their own."""
    refuse_malformed(view, "envoy.config.route.v3.RouteConfiguration")
    own_name = view.text("name") or name
    levels = TableLevels(
        per_filter=compile_per_filter(view),
        request_level=compile_mutations(view, "request"),
        response_level=compile_mutations(view, "response"),
        most_specific_wins=view.boolean("most_specific_header_mutations_wins", False),
        most_body=view.integer("max_direct_response_body_size_bytes", DEFAULT_MOST_BODY),
        mirrors=compile_mirrors(view),
        specifiers=compile_specifiers(view),
    )
    vhosts = tuple(_virtual_host(below, levels) for below in view.views("virtual_hosts"))
    return RouteTable(
        name=own_name,
        place=view.place,
        vhosts=vhosts,
        ignore_port=view.boolean("ignore_port_in_host_matching", False),
        ignore_path_parameters=view.boolean("ignore_path_parameters_in_path_matching", False),
        host_header=ascii_lower(view.text("vhost_header", "")) or None,
        internal_only_headers=tuple(map(ascii_lower, view.texts("internal_only_headers"))),
        on_demand=view.place_of("vhds") if view.has("vhds") else None,
        unmodelled=unmodelled_fields(view, _TABLE_FIELDS, own_name),
    )
