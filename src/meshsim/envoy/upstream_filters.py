"""HTTP filters between router and upstream: `http_filters` of a cluster, `upstream_http_filters` of the router.

envoyproxy/envoy source/common/router/upstream_request.cc and source/common/upstream/upstream_impl.cc, as observed on
Envoy 1.40. They see what the router made of the request, before an endpoint's name replaces its host and before the
codec; what they change stays for the next attempt, which changes it again. header_mutation is modelled; of the others
nobody says what they do. A cluster's own list stands in for the router's.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..config.view import View
from ..errors import Rejected
from ..facts.request import Request
from ..place import Place
from ..reasons import Reason, because
from .http_filters import compile_http_filters
from .http_filters.base import Change, FilterFacts, HttpFilter
from .http_filters.header_mutation import TYPE_NAME as HEADER_MUTATION
from .http_filters.response import Response

_ENVOY = "envoy.extensions.filters.http."
CODEC = _ENVOY + "upstream_codec.v3.UpstreamCodec"
_DOWNSTREAM_ONLY = frozenset(
    _ENVOY + name
    for name in (
        "adaptive_concurrency.v3.AdaptiveConcurrency",
        "alternate_protocols_cache.v3.FilterConfig",
        "api_key_auth.v3.ApiKeyAuth",
        "bandwidth_limit.v3.BandwidthLimit",
        "basic_auth.v3.BasicAuth",
        "cdn_loop.v3.CdnLoopConfig",
        "cors.v3.Cors",
        "csrf.v3.CsrfPolicy",
        "custom_response.v3.CustomResponse",
        "decompressor.v3.Decompressor",
        "ext_authz.v3.ExtAuthz",
        "fault.v3.HTTPFault",
        "grpc_http1_bridge.v3.Config",
        "grpc_stats.v3.FilterConfig",
        "grpc_web.v3.GrpcWeb",
        "header_to_metadata.v3.Config",
        "health_check.v3.HealthCheck",
        "ip_tagging.v3.IPTagging",
        "jwt_authn.v3.JwtAuthentication",
        "local_ratelimit.v3.LocalRateLimit",
        "oauth2.v3.OAuth2",
        "on_demand.v3.OnDemand",
        "ratelimit.v3.RateLimit",
        "router.v3.Router",
        "set_filter_state.v3.Config",
        "set_metadata.v3.Config",
        "stateful_session.v3.StatefulSession",
        "tap.v3.Tap",
    )
)
"""Envoy 1.40 has no upstream form of them: it refuses the list, or passes over one that is optional."""


@frozen(eq=False)
class UpstreamFilters:
    filters: tuple[HttpFilter, ...] = ()
    """Those whose effect is known, in order."""
    unmodelled: tuple[Reason, ...] = ()

    def sent(self, facts: FilterFacts) -> Request:
        """The request as they leave it."""
        route = facts.route
        for each in self.filters:
            verdict = each.ask(facts, route)
            if isinstance(verdict, Change):
                facts = facts.after(verdict)
        return facts.request

    def received(self, response: Response, facts: FilterFacts) -> Response:
        """A response as they leave it, the last filter first."""
        facts = evolve(facts, upstream="response")
        for each in reversed(self.filters):
            response = each.respond(facts, facts.route, response, seen=True)
        return response


NONE = UpstreamFilters()


def compile_upstream_filters(view: View, field: str, resource: str) -> UpstreamFilters:
    """`view` has them in `field`; `resource` is the cluster or filter that it belongs to."""
    listed = view.views(field)
    if not listed:
        return NONE
    filters = compile_http_filters(tuple(each for each in listed if not _is_passed_over(each)))
    place = view.place_of(field)
    for each in filters:
        if each.type_name in _DOWNSTREAM_ONLY:
            raise _refused(f"{each.name} of type {each.type_name} is no upstream HTTP filter", each.place)
    for each in filters[:-1]:
        if each.type_name == CODEC:
            raise _refused(f"terminal filter {each.name} must be the last upstream HTTP filter", each.place)
    if not filters or filters[-1].type_name != CODEC:
        raise _refused(f"the last upstream HTTP filter must be the codec, {CODEC}", place)
    if filters[-1].disabled:
        raise _refused(f"the last upstream HTTP filter, {filters[-1].name}, cannot be disabled", filters[-1].place)
    known = tuple(each for each in filters[:-1] if each.type_name == HEADER_MUTATION)
    return UpstreamFilters(
        known,
        tuple(
            because("upstream.filter-not-modelled", each.place, filter=each.name, type=each.type_name, of=resource)
            for each in filters[:-1]
            if each not in known and each.behaviour is not None and not each.disabled
        ),
    )


def _is_passed_over(view: View) -> bool:
    typed = view.extension()
    return view.boolean("is_optional", False) and typed is not None and typed.type_name in _DOWNSTREAM_ONLY


def _refused(message: str, place: Place) -> Rejected:
    return Rejected("bad-upstream-filters", message, place=place, hint="Envoy refuses this configuration too")
