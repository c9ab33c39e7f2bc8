"""What others decide: services that filters ask, scripts, and the share of requests that endpoints turn away.

The trace leaves it open; the calls pin what happens here, and state what a service or a script answers. Surprising:
over the limit a header says so, whatever the route removes.
"""

import json
from collections.abc import Iterator
from typing import Any

from tests.builders_http import http_filter, one_route
from tests.realism.upstreams import Upstream
from tests.truth.families._answers import DENIALS, FAILURES, MANAGERS, MUCH, WRITES
from tests.truth.families._authorised import SAID, SHOWN, authorised, authorised_over_grpc, permitted, within_chains
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import WORLD
from tests.truth.setting import Setting

AUTHORISATION, LIMITS = ("10.94.1.1", 9100), ("10.94.1.2", 9200)
ALMOST_ALL = {"numerator": 999999, "denominator": "MILLION"}
SCRIPTED = {"status": 418, "headers": {"x-by": "script"}, "body": "scripted"}
JUDGES = [Upstream(f"0.0.0.0:{AUTHORISATION[1]}", "judges")]
RATE_LIMITS = [{"actions": [{"generic_key": {"descriptor_value": "x"}}]}]


def settings() -> Iterator[Setting]:
    for name, cases, world in (
        ("authorisation", authorised(), JUDGES),
        ("authorisation over gRPC", authorised_over_grpc(), JUDGES),
        ("permission", permitted(), JUDGES),
        ("authorisation within chains", within_chains(), JUDGES),
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
        _cluster("authorisation over gRPC", *AUTHORISATION, **http2),
        _cluster("limits", *LIMITS, **http2),
        _cluster("dropping", "10.94.0.1", 80, load={"policy": policy}),
    ]


def _pinned(site: str, option: str) -> list[dict[str, Any]]:
    return [{**each, "choices": {f"0/{site}": option}} for each in SAID]


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
    writes = one_route(name="r", route={"cluster": "c"}, **WRITES)
    return [
        *((manager(*filters), _stated(SCRIPTED)) for filters in ([_script()], [_script(), SHOWN], [SHOWN, _script()])),
        *((manager(_script(), **fields), _stated(SCRIPTED)) for fields in (*MANAGERS, {"route": writes})),
        *((manager(_script(answer), route=writes), _stated(answer)) for answer in (*DENIALS, *FAILURES)),
        *((manager(_script(answer)), _stated(answer)) for answer in (*DENIALS, MUCH)),
    ]


def _stated(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**each, "answers": {"0/filter/script": answer}} for each in SAID]


def _script(answer: dict[str, Any] = SCRIPTED) -> dict[str, Any]:
    lines = "".join(f", [{json.dumps(name)}] = {_lua(value)}" for name, value in answer.get("headers", {}).items())
    body = f", {_lua(answer['body'])}" if "body" in answer else ""
    source = f'function envoy_on_request(h) h:respond({{[":status"] = "{answer["status"]}"{lines}}}{body}) end'
    return http_filter("script", "lua.v3.Lua", default_source_code={"inline_string": source})


def _lua(value: str | list[str]) -> str:
    return json.dumps(value) if isinstance(value, str) else "{" + ", ".join(map(json.dumps, value)) + "}"


def dropped() -> list[Case]:
    said = _pinned("fraction/drop_overloads", "drop")
    route = one_route(name="r", route={"cluster": "dropping"})
    web = http_filter("w", "grpc_web.v3.GrpcWeb")
    return [(manager(*filters, route=route), said) for filters in ([], [SHOWN], [web], [SHOWN, web])]
