"""What a level says about one filter and Envoy does not load, whichever filters there are: rows by type.

envoyproxy/envoy source/common/router/config_impl.cc (PerFilterConfigs) and the constraints of each message; every row
was seen refused by Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..config.view import TypedConfig, View
from ..errors import Rejected
from .extension_places import ROUTE_LEVEL, refuse_misplaced_extension
from .jwt.refusals import check_route_config
from .local_rate_limit_checks import check_limit

_ENVOY = "envoy.extensions.filters.http."
_WITHOUT_ROUTES = frozenset(
    _ENVOY + name
    for name in (
        "router.v3.Router",
        "grpc_web.v3.GrpcWeb",
        "grpc_stats.v3.FilterConfig",
        "ip_tagging.v3.IPTagging",
        "grpc_http1_bridge.v3.Config",
        "alternate_protocols_cache.v3.FilterConfig",
        "original_src.v3.OriginalSrc",
        "cache.v3.CacheConfig",
        "gcp_authn.v3.GcpAuthnFilterConfig",
    )
)
_OVERRIDES: Mapping[str, tuple[str, str]] = {
    _ENVOY + "buffer.v3.BufferPerRoute": ("disabled", "buffer"),
    _ENVOY + "compressor.v3.CompressorPerRoute": ("disabled", "overrides"),
    _ENVOY + "ext_authz.v3.ExtAuthzPerRoute": ("disabled", "check_settings"),
    _ENVOY + "stateful_session.v3.StatefulSessionPerRoute": ("disabled", "stateful_session"),
}
"""One of the two has to be there."""
_ONLY_TRUE = frozenset(_OVERRIDES) - {_ENVOY + "ext_authz.v3.ExtAuthzPerRoute"}
"""Whose `disabled` says nothing else."""
_REQUIRED: Mapping[str, str] = {
    _ENVOY + "basic_auth.v3.BasicAuthPerRoute": "users",
    _ENVOY + "decompressor.v3.Decompressor": "decompressor_library",
    _ENVOY + "csrf.v3.CsrfPolicy": "filter_enabled",
    _ENVOY + "local_ratelimit.v3.LocalRateLimit": "token_bucket",
    _ENVOY + "bandwidth_limit.v3.BandwidthLimit": "stat_prefix",
    _ENVOY + "cdn_loop.v3.CdnLoopConfig": "cdn_id",
    _ENVOY + "health_check.v3.HealthCheck": "pass_through_mode",
}
_CHECKS: Mapping[str, Callable[[View], None]] = {
    _ENVOY + "jwt_authn.v3.PerRouteConfig": check_route_config,
    _ENVOY + "local_ratelimit.v3.LocalRateLimit": check_limit,
}


def check_switch(view: View, name: str) -> None:
    """A FilterConfig that does not switch its filter off."""
    if not view.has("config"):
        _refuse(f"empty per-filter configuration for filter {name!r}: it has no config, and does not disable", view)


def check_level(typed: TypedConfig, name: str) -> None:
    view = typed.view
    refuse_misplaced_extension(typed, name, ROUTE_LEVEL)
    if typed.type_name in _WITHOUT_ROUTES:
        _refuse(f"the filter {name!r} ({typed.type_name}) takes no configuration of routes or virtual hosts", view)
    required = _REQUIRED.get(typed.type_name)
    if required is not None and view.raw(required) in (None, ""):
        _refuse(f"{required} is required for filter {name!r}", view)
    switch, other = _OVERRIDES.get(typed.type_name, ("", ""))
    if switch and not view.has(switch) and not view.has(other):
        _refuse(f"{switch} or {other} is required for filter {name!r}", view)
    if typed.type_name in _ONLY_TRUE and view.boolean(switch) is False:
        _refuse(f"{switch} can only be true for filter {name!r}", view)
    check = _CHECKS.get(typed.type_name)
    if check is not None:
        check(view)


def _refuse(reason: str, view: View) -> None:
    hint = "Envoy refuses this route configuration too; take the values it accepts"
    raise Rejected("per-filter-refused", reason, place=view.place, hint=hint)
