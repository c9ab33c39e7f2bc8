"""Every message is held to what Envoy's API says of it; the real Envoy is asked about each row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshsim.api import load
from meshsim.envoy.message_table import kind_of
from meshsim.errors import Rejected
from meshsim.lint.configuration.refused import find
from meshsim.lint.configuration.subject import Subject
from tests.builders_http import ROUTER, TYPES, http_filter, manager_fields, one_route, table_fields, virtual_host
from tests.envoy_on_loopback import HCM_TYPE
from tests.envoy_validates import CLUSTER, asks_envoy, refusal
from tests.message_table import TABLE, made_from
from tests.realism.prerequisites import envoy_binary

URL = "type.googleapis.com/"
ADDRESS = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
POLICIES = "envoy.extensions.load_balancing_policies."


def listener(*filters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made = {"name": "l", "address": ADDRESS, "filter_chains": [{"filters": list(filters)}], **fields}
    return {"static_resources": {"listeners": [made], "clusters": [CLUSTER]}}


def manager(*filters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    made = {**manager_fields(one_route(), http_filters=[*filters, ROUTER]), **fields}
    return listener({"name": "hcm", "typed_config": {"@type": HCM_TYPE, **made}})


def table(**fields: Any) -> dict[str, Any]:
    return manager(route_config={**table_fields(virtual_host(one_route())), **fields})


def host(**fields: Any) -> dict[str, Any]:
    return manager(route_config=table_fields(virtual_host(one_route(), **fields)))


def route(**fields: Any) -> dict[str, Any]:
    return manager(route_config=table_fields(virtual_host(one_route(**fields))))


def match(**fields: Any) -> dict[str, Any]:
    return manager(route_config=table_fields(virtual_host(one_route({"prefix": "/", **fields}))))


def action(**fields: Any) -> dict[str, Any]:
    return route(route={"cluster": "c", **fields})


def limited(**kind: Any) -> dict[str, Any]:
    return action(rate_limits=[{"actions": [kind]}])


def level(type_name: str, **fields: Any) -> dict[str, Any]:
    return route(typed_per_filter_config={"x": {"@type": URL + type_name, **fields}})


def adding(*values: Any) -> dict[str, Any]:
    return route(request_headers_to_add=list(values))


def tcp(kind: str, **fields: Any) -> dict[str, Any]:
    typed = {"@type": f"{URL}envoy.extensions.filters.network.{kind}", **fields}
    proxy = {"@type": f"{URL}envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "x"}
    return listener({"name": "x", "typed_config": typed}, {"name": "t", "typed_config": {**proxy, "cluster": "c"}})


def cluster(**fields: Any) -> dict[str, Any]:
    return {"static_resources": {"clusters": [{**CLUSTER, **fields}]}}


def hosts(**fields: Any) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}}}, **fields}
    return cluster(load_assignment={"cluster_name": "c", "endpoints": [{"lb_endpoints": [endpoint]}]})


def balanced(kind: str, **fields: Any) -> dict[str, Any]:
    typed = {"@type": f"{URL}{POLICIES}{kind}", **fields}
    return cluster(
        load_balancing_policy={"policies": [{"typed_extension_config": {"name": "x", "typed_config": typed}}]}
    )


def rbac(**fields: Any) -> dict[str, Any]:
    return manager(http_filter("rbac", "rbac.v3.RBAC", **fields))


def noting(**fields: Any) -> dict[str, Any]:
    note = {"metadata_namespace": "n", "key": "k", **fields}
    return ruled(header="x", on_header_present=note)


def ruled(**fields: Any) -> dict[str, Any]:
    return manager(http_filter("h", "header_to_metadata.v3.Config", request_rules=[fields]))


def permitted(**fields: Any) -> dict[str, Any]:
    return rbac(rules={"policies": {"p": {"permissions": [fields], "principals": [{"any": True}]}}})


def deciding(**fields: Any) -> dict[str, Any]:
    given = {"@type": f"{URL}envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": "x"}
    verdict = {"@type": f"{URL}envoy.config.rbac.v3.Action", "name": "z", **fields}
    leads = {"action": {"name": "a", "typed_config": verdict}}
    tree = {"input": {"name": "i", "typed_config": given}, "exact_match_map": {"map": {"a": leads}}}
    return rbac(matcher={"matcher_tree": tree})


def signed(document: str) -> dict[str, Any]:
    provider = {"local_jwks": {"inline_string": document}}
    return manager(http_filter("jwt", "jwt_authn.v3.JwtAuthentication", providers={"one": provider}))


def mutated(**fields: Any) -> dict[str, Any]:
    return manager(http_filter("h", "header_mutation.v3.HeaderMutation", mutations=fields))


PER_REQUEST = "%PER_REQUEST_STATE(x)%"
BODY = {"text_format_source": {"inline_string": PER_REQUEST}}
ADDED = {"header": {"key": "x", "value": "v"}}
ALLOWED = "envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig"
NOTE = {"metadata_namespace": "n", "key": "k"}
ECHO = {"name": "t", "typed_config": {"@type": URL + "envoy.extensions.filters.network.echo.v3.Echo"}}
KEY = '{"kty":"oct","k":"AAAA"}'
REFUSED: dict[str, dict[str, Any]] = {
    "a number for a text": table(vhost_header=5),
    "an object for a switch": manager(skip_xff_append={}),
    "a text for an object": action(retry_policy="x"),
    "a list for a map": route(typed_per_filter_config=[]),
    "a wrapper where there is none": cluster(upstream_connection_options={"tcp_keepalive": "x"}),
    "a fraction of a whole number": action(retry_policy={"num_retries": 1.5}),
    "a duration without its unit": cluster(connect_timeout=5),
    "a negative duration": manager(common_http_protocol_options={"max_stream_duration": "-1s"}),
    "a negative duration of a policy": balanced(
        "client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin", blackout_period="-1s"
    ),
    "a negative wait": listener(ECHO, listener_filters_timeout="-1s"),
    "a negative pause": tcp("connection_limit.v3.ConnectionLimit", stat_prefix="x", max_connections=1, delay="-1s"),
    "a duration beyond all": cluster(connect_timeout="315576000001s"),
    "a number beyond 64 bits": match(
        headers=[{"name": "x", "range_match": {"start": "99999999999999999999", "end": "1"}}]
    ),
    "an unknown name": hosts(health_status="NOPE"),
    "two ways to rewrite a host": action(host_rewrite_literal="a", auto_host_rewrite=True),
    "two clusters": action(cluster_header="x"),
    "two schemes": route(redirect={"https_redirect": True, "scheme_redirect": "http"}),
    "two tests of a parameter": match(
        query_parameters=[{"name": "a", "present_match": True, "string_match": {"exact": "b"}}]
    ),
    "two sources of bytes": route(direct_response={"status": 200, "body": {"inline_string": "a", "filename": "/x"}}),
    "two kinds of fault": manager(
        http_filter(
            "f", "fault.v3.HTTPFault", abort={"http_status": 500, "grpc_status": 5, "percentage": {"numerator": 1}}
        )
    ),
    "two principals": rbac(
        rules={"policies": {"p": {"permissions": [{"any": True}], "principals": [{"any": True, "metadata": {}}]}}}
    ),
    "two services": manager(http_filter("e", "ext_authz.v3.ExtAuthz", grpc_service={}, http_service={})),
    "two versions upstream": cluster(
        typed_extension_protocol_options={
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{URL}envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
            }
        }
    ),
    "two hosts": hosts(endpoint_name="x"),
    "no test in a text": match(headers=[{"name": "x", "string_match": {}}]),
    "nothing in a list": adding(ADDED, None),
    "any that is none": rbac(
        rules={"policies": {"p": {"permissions": [{"any": False}], "principals": [{"any": True}]}}}
    ),
    "an action that is none of three": rbac(rules={"action": 9}),
    "a status that is none": manager(http_filter("e", "ext_authz.v3.ExtAuthz", status_on_error={"code": 999})),
    "a route's status that is none": level(
        f"{TYPES.removeprefix(URL)}local_ratelimit.v3.LocalRateLimit",
        stat_prefix="x",
        token_bucket={"max_tokens": 1, "fill_interval": "1s"},
        status={"code": 418},
    ),
    "a limit's parameters": limited(query_parameter_value_match={"descriptor_value": "a"}),
    "a limit's mask": limited(masked_remote_address={"v4_prefix_mask_len": 33}),
    "a limit's metadata": limited(metadata={"descriptor_key": "k"}),
    "a limit's two actions": limited(remote_address={}, source_cluster={}),
    "a limit's addend": action(rate_limits=[{"actions": [{"remote_address": {}}], "hits_addend": {"format": "x"}}]),
    "a host's limit": host(rate_limits=[{"actions": [{"header_value_match": {"descriptor_value": "a"}}]}]),
    "a weight of nothing": hosts(load_balancing_weight=0),
    "an override from nowhere": balanced("override_host.v3.OverrideHost"),
    "a limit of connections without a prefix": tcp("connection_limit.v3.ConnectionLimit", max_connections=1),
    "a fault without a status": manager(http_filter("f", "fault.v3.HTTPFault", abort={"percentage": {"numerator": 1}})),
    "a buffer of nothing": manager(http_filter("b", "buffer.v3.Buffer")),
    "a listener's connections below zero": listener(ECHO, tcp_backlog_size=-1),
    "HTTP/3 over TCP": manager(codec_type="HTTP3"),
    "a message that is no HTTP filter": manager(
        {"name": "x", "typed_config": {"@type": f"{URL}envoy.config.route.v3.RouteList"}}
    ),
    "a message that is no network filter": listener(
        {"name": "x", "typed_config": {"@type": f"{URL}envoy.extensions.filters.http.router.v3.Router"}}
    ),
    "a message that no route has": level("envoy.config.route.v3.RouteList"),
    "the request's state in a host": action(host_rewrite=PER_REQUEST),
    "the request's state in a path": action(path_rewrite=f"/{PER_REQUEST}"),
    "the request's state in a redirect": route(redirect={"path_rewrite": PER_REQUEST}),
    "the request's state in a body": route(direct_response={"status": 200, "body_format": BODY}),
    "the request's state in a local reply": manager(local_reply_config={"body_format": BODY}),
    "the request's state in a parameter": mutated(
        query_parameter_mutations=[{"append": {"record": {"key": "a", "value": PER_REQUEST}}}]
    ),
    "a parameter's mutation of nothing": mutated(query_parameter_mutations=[{}]),
    "a parameter's mutation both ways": mutated(
        query_parameter_mutations=[{"append": {"record": {"key": "a", "value": "v"}}, "remove": "b"}]
    ),
    "a parameter's mutation without a record": mutated(query_parameter_mutations=[{"append": {}}]),
    "a note of nothing": ruled(on_header_present=NOTE),
    "a note of two": ruled(header="x", cookie="y", on_header_present=NOTE),
    "a note that is none": ruled(header="x"),
    "a note of what is missing": ruled(header="x", on_header_missing=NOTE),
    "a key from nowhere": manager(http_filter("k", "api_key_auth.v3.ApiKeyAuth", key_sources=[{}])),
    "users from nowhere": manager(http_filter("b", "basic_auth.v3.BasicAuth", users={})),
    "a network that is no token": manager(http_filter("c", "cdn_loop.v3.CdnLoopConfig", cdn_id="a b")),
    "no tags": manager(http_filter("t", "ip_tagging.v3.IPTagging")),
    "ports from the end": permitted(destination_port_range={"start": 5, "end": 5}),
    "ports beyond the last": permitted(destination_port_range={"start": 5, "end": 65537}),
    "keys with comments": signed(f'{{"keys":[{KEY}] /* x */}}'),
    "keys twice": signed(f'{{"keys":[],"keys":[{KEY}]}}'),
}
LOADED: dict[str, dict[str, Any]] = {
    "a number in quotation marks": action(retry_policy={"num_retries": "1"}),
    "a whole number with a point": action(retry_policy={"num_retries": 1.0}),
    "a wrapper spelt out": manager(max_request_headers_kb={"value": 5}),
    "null is absent": action(host_rewrite_literal=None, auto_host_rewrite=True),
    "an enumeration in small letters": cluster(lb_policy="round_robin"),
    "an enumeration with a point": manager(path_with_escaped_slashes_action=1.0, forward_client_cert_details=1.0),
    "a denominator in small letters": match(
        runtime_fraction={"default_value": {"numerator": None, "denominator": "million"}}
    ),
    "a health without a name": hosts(health_status=99),
    "a health without a name, as text": hosts(health_status="99"),
    "an encoding without a name": noting(encode=9),
    "an action of a matcher without a name": deciding(action=99),
    "an old redirect without a name": action(internal_redirect_action=9),
    "a hash without a name": balanced("ring_hash.v3.RingHash", hash_function=99),
    "a ring of nothing": balanced("ring_hash.v3.RingHash", minimum_ring_size=0),
    "a deprecated field that nobody looks at": mutated(
        query_parameter_mutations=[{"append": {"record": {"key": "a", "value": "v"}, "entry": {}}}]
    ),
    "a note of a cookie that is missing": ruled(cookie="x", on_header_missing={**NOTE, "value": "v"}),
    "a key in one of three": manager(
        http_filter("k", "api_key_auth.v3.ApiKeyAuth", key_sources=[{"query": "q", "cookie": "c"}])
    ),
    "a network": manager(http_filter("c", "cdn_loop.v3.CdnLoopConfig", cdn_id="cdn.example:80")),
    "a network in quotation marks": manager(http_filter("c", "cdn_loop.v3.CdnLoopConfig", cdn_id="[::1]")),
    "ports to the last": permitted(destination_port_range={"start": 0, "end": 65536}),
    "null among statuses": manager(
        local_reply_config={"mappers": [{"filter": {"grpc_status_filter": {"statuses": ["UNAVAILABLE", None]}}}]}
    ),
    "a redirect to a route without a name": action(
        internal_redirect_policy={
            "predicates": [
                {
                    "name": "x",
                    "typed_config": {
                        "@type": URL + ALLOWED,
                        "allowed_route_names": ["", None],
                    },
                }
            ]
        }
    ),
    "a choice among one": balanced("least_request.v3.LeastRequest", choice_count=1),
    "when rbac asks, without a name": tcp("rbac.v3.RBAC", stat_prefix="x", enforcement_type=99),
    "removing no name from all": table(response_headers_to_remove=[""], request_headers_to_remove=[""]),
    "null among removed names": table(response_headers_to_remove=["x", None]),
    "the request's state in a header": adding({"header": {"key": "x", "value": PER_REQUEST}}),
    "the request's state in a filter's header": mutated(
        request_mutations=[{"append": {"header": {"key": "a", "value": PER_REQUEST}}}]
    ),
    "keys with a comma too many": signed(f'{{"keys":[{KEY},]}}'),
    "keys in single quotes": signed("{'keys':[{'kty':'oct','k':'AAAA'}]}"),
    "keys without quotes": signed('{keys:[{kty:"oct","k":"AAAA",}]}'),
}


def ours(bootstrap: dict[str, Any], folder: Path) -> list[Any]:
    file = folder / "ours.json"
    file.write_text(json.dumps(bootstrap))
    try:
        mesh = load(str(file)).compiled
    except Rejected as refused:
        return [refused]
    return [finding for pod in mesh.pods for finding in find(Subject(mesh, pod, pod.proxy)) if finding.code == "MS100"]


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    assert ours(REFUSED[name], tmp_path)


@pytest.mark.parametrize("name", LOADED)
def test_loaded(name: str, tmp_path: Path) -> None:
    assert not ours(LOADED[name], tmp_path)


@asks_envoy
@pytest.mark.parametrize("name", [*REFUSED, *LOADED])
def test_envoy_says_the_same(name: str, tmp_path: Path) -> None:
    said = refusal({**REFUSED, **LOADED}[name], tmp_path)
    assert (said is None) == (name in LOADED), said


def test_what_no_table_knows_is_held_to_nothing() -> None:
    assert kind_of("stats.PluginConfig") is None
    assert kind_of("istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig") is None


@asks_envoy
def test_the_table_is_what_envoy_says_of_its_own_api() -> None:
    binary = envoy_binary()
    assert binary is not None
    assert made_from(binary) == TABLE.read_text()
