"""What others decide: services that filters ask, a script, and the share of requests that endpoints turn away.

The trace leaves it open; the calls pin what happens here. Surprising: a denial of ext_authz keeps neither reason nor
status of the proxy's own; over the limit a header says so, whatever the route removes.
"""

from collections.abc import Iterator
from typing import Any

from tests.builders_http import http_filter, one_route
from tests.realism.upstreams import Upstream
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import WORLD, asked, get, mutation
from tests.truth.setting import Setting

AUTHORISATION, LIMITS = ("10.94.1.1", 9100), ("10.94.1.2", 9200)
ALMOST_ALL = {"numerator": 999999, "denominator": "MILLION"}
SCRIPT = 'function envoy_on_request(h) h:respond({[":status"] = "418", ["x-by"] = "script"}, "scripted") end'
RATE_LIMITS = [{"actions": [{"generic_key": {"descriptor_value": "x"}}]}]
SHOWN = mutation("shown", response_mutations=[{"append": {"header": {"key": "x-details", "value": "%RESPONSE_CODE%"}}}])
SAID = [get(), asked("HEAD"), asked("POST", content_type="application/grpc"), {**get(), "protocol": "http2"}]


def settings() -> Iterator[Setting]:
    for name, cases, world in (
        ("authorisation", authorised(), [Upstream(f"0.0.0.0:{AUTHORISATION[1]}", "denies", status=401)]),
        ("limits", limited(), [Upstream(f"0.0.0.0:{LIMITS[1]}", "over_limit")]),
        ("scripts", scripted(), []),
        ("dropped by endpoints", dropped(), []),
    ):
        made = dump(cases)
        made["configs"][2]["dynamic_active_clusters"] += [{"cluster": each} for each in _clusters()]
        yield Setting(
            name=name,
            dump=made,
            calls=calls(cases),
            configurations=len(cases),
            world=[*WORLD, *world],
            marks=[name],
        )


def _cluster(name: str, host: str, port: int, **more: Any) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}
    load = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}], **more.pop("load", {})}
    kind = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    return {"@type": kind, "name": name, "type": "STATIC", "load_assignment": load, **more}


def _clusters() -> list[dict[str, Any]]:
    options = {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    http2 = {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}}
    policy = {"drop_overloads": [{"category": "most", "drop_percentage": ALMOST_ALL}]}
    return [
        _cluster("authorisation", *AUTHORISATION),
        _cluster("limits", *LIMITS, **http2),
        _cluster("dropping", "10.94.0.1", 80, load={"policy": policy}),
    ]


def _pinned(site: str, option: str) -> list[dict[str, Any]]:
    return [{**each, "choices": {f"0/{site}": option}} for each in SAID]


def authorised() -> list[Case]:
    uri = {"uri": "http://authorisation", "cluster": "authorisation", "timeout": "2s"}
    said = _pinned("filter/authz", "blocks")
    return [
        (manager(http_filter("authz", "ext_authz.v3.ExtAuthz", http_service={"server_uri": uri}, **more), SHOWN), said)
        for more in ({}, {"failure_mode_allow": True}, {"status_on_error": {"code": 503}}, {"clear_route_cache": True})
    ]


def limited() -> list[Case]:
    said = _pinned("filter/limit", "blocks")
    service = {"transport_api_version": "V3", "grpc_service": {"envoy_grpc": {"cluster_name": "limits"}}}
    described = {"route": {"cluster": "c", "rate_limits": RATE_LIMITS}}
    removing = {"response_headers_to_remove": ["x-envoy-ratelimited"]}
    return [
        (manager(_limit(service, **more), *others, route=one_route(name="r", **described, **route)), said)
        for more, others, route in (
            ({}, [], {}),
            ({"rate_limited_status": {"code": 503}}, [SHOWN], {}),
            ({"failure_mode_deny": True}, [], removing),
            ({"rate_limited_as_resource_exhausted": True}, [], {}),
            ({"disable_x_envoy_ratelimited_header": True}, [], {}),
        )
    ]


def _limit(service: dict[str, Any], **more: Any) -> dict[str, Any]:
    return http_filter("limit", "ratelimit.v3.RateLimit", domain="d", timeout="2s", rate_limit_service=service, **more)


def scripted() -> list[Case]:
    said = _pinned("filter/script", "blocks")
    script = http_filter("script", "lua.v3.Lua", default_source_code={"inline_string": SCRIPT})
    return [(manager(script), said), (manager(script, SHOWN), said), (manager(SHOWN, script), said)]


def dropped() -> list[Case]:
    said = _pinned("fraction/drop_overloads", "drop")
    route = one_route(name="r", route={"cluster": "dropping"})
    web = http_filter("w", "grpc_web.v3.GrpcWeb")
    return [(manager(*filters, route=route), said) for filters in ([], [SHOWN], [web])]
