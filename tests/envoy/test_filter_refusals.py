"""What Envoy 1.40 does not load of HTTP filters, and of what routes say about them; and close calls that it loads."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshsim.envoy.network_filters.hcm import compile_hcm
from meshsim.envoy.vhosts import compile_route_table
from meshsim.errors import Rejected
from tests.builders_http import ROUTER, TYPES, http_filter, manager_fields, one_route, view
from tests.envoy_validates import asks_envoy, refusal_of_managers
from tests.truth.families._matcher_edges import COMPOSITE, running, skipping, within
from tests.truth.families._policy_edges import TEMPLATE, leads, tree
from tests.truth.families._tokens import keys

SWITCH = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
ONE = {"provider_name": "one"}
KEY = json.loads(keys())["keys"][0]
URI = {"uri": "http://x/y", "cluster": "c", "timeout": "1s"}


def manager(*filters: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return manager_fields(one_route(**fields), http_filters=[*filters, ROUTER])


def jwt(provider: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return manager(http_filter("jwt", "jwt_authn.v3.JwtAuthentication", providers={"one": provider}, **fields))


def with_keys(*keys: Any) -> dict[str, Any]:
    return jwt({"local_jwks": {"inline_string": json.dumps({"keys": keys})}})


def remote(uri: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return jwt({"remote_jwks": {"http_uri": URI if uri is None else uri, **fields}})


def local(**fields: Any) -> dict[str, Any]:
    return jwt({"local_jwks": {"inline_string": keys()}, **fields})


def rule(**fields: Any) -> dict[str, Any]:
    return jwt({"local_jwks": {"inline_string": keys()}}, rules=[fields])


def needing(**requires: Any) -> dict[str, Any]:
    return rule(match={"prefix": "/"}, requires=requires)


def level(kind: str, /, **fields: Any) -> dict[str, Any]:
    return manager(typed_per_filter_config={"x": {"@type": TYPES + kind, **fields}})


def switch(**fields: Any) -> dict[str, Any]:
    return manager(typed_per_filter_config={"x": {"@type": SWITCH, **fields}})


def rbac(**fields: Any) -> dict[str, Any]:
    return manager(http_filter("rbac", "rbac.v3.RBAC", **fields))


def permission(**fields: Any) -> dict[str, Any]:
    return rbac(rules={"policies": {"p": {"permissions": [fields], "principals": [{"any": True}]}}})


def principal(**fields: Any) -> dict[str, Any]:
    return rbac(rules={"policies": {"p": {"permissions": [{"any": True}], "principals": [fields]}}})


def asks(kind: str, **fields: Any) -> dict[str, Any]:
    return tree({"v": leads("ALLOW")}, {"@type": f"type.googleapis.com/{kind}", **fields})


def within_asks(kind: str) -> dict[str, Any]:
    return tree({"v": skipping()}, {"@type": f"type.googleapis.com/{NETWORK_INPUTS}{kind}"})


def limit(**fields: Any) -> dict[str, Any]:
    return manager(http_filter("l", "local_ratelimit.v3.LocalRateLimit", **{"stat_prefix": "x", **fields}))


def described(*entries: dict[str, str]) -> dict[str, Any]:
    return {"entries": list(entries), "token_bucket": BUCKET}


def session(name: str, **typed: Any) -> dict[str, Any]:
    kind = f"type.googleapis.com/envoy.extensions.http.stateful_session.{typed.pop('kind')}"
    state = {"name": name, "typed_config": {"@type": kind, **typed}}
    return manager(http_filter("s", "stateful_session.v3.StatefulSession", session_state=state))


COOKIE, SESSIONS = "cookie.v3.CookieBasedSessionState", "envoy.http.stateful_session."
BUCKET = {"max_tokens": 1, "fill_interval": "0.05s"}
ENTRY = {"key": "a", "value": "b"}
NETWORK_INPUTS = "envoy.extensions.matching.common_inputs.network.v3."
STATUS = "type.googleapis.com/envoy.type.matcher.v3.HttpResponseStatusCodeMatchInput"
PRESENT = {"present_match": True}
REFUSED = {
    "jwt without keys": jwt({}),
    "jwt: a local document without a place": jwt({"local_jwks": {}}),
    "jwt: nowhere to fetch keys": jwt({"remote_jwks": {}}),
    "jwt: an empty uri": remote({**URI, "uri": ""}),
    "jwt: a uri without a scheme": remote({**URI, "uri": "x"}),
    "jwt: a uri without a host": remote({**URI, "uri": "http://"}),
    "jwt: a uri without a cluster": remote({"uri": "http://x", "timeout": "1s"}),
    "jwt: a uri without a timeout": remote({"uri": "http://x", "cluster": "c"}),
    "jwt: a negative timeout": remote({**URI, "timeout": "-1s"}),
    "jwt: keys cached for nothing": remote(cache_duration="0s"),
    "jwt: keys cached too long": remote(cache_duration="9000000000s"),
    "jwt: a retry without a pause": remote(retry_policy={"retry_back_off": {"base_interval": "0s"}}),
    "jwt: a retry's pause at odds": remote(
        retry_policy={"retry_back_off": {"base_interval": "1s", "max_interval": "0.1s"}}
    ),
    "jwt: a header without a name": local(from_headers=[{"value_prefix": "x"}]),
    "jwt: a line end": local(forward_payload_header="a\nb"),
    "jwt: no claim for a header": local(claim_to_headers=[{"header_name": "a"}]),
    "jwt: no header for a claim": local(claim_to_headers=[{"claim_name": "a"}]),
    "jwt: a claim's path without a key": local(claim_to_headers=[{"header_name": "a", "claim_path": [{}]}]),
    "jwt: a negative lifetime": local(max_lifetime="-1s"),
    "jwt: a negative skew": local(clock_skew_seconds=-1),
    "jwt: no keys in the document": with_keys(),
    "jwt: a key of no kind": with_keys({}),
    "jwt: a key of an unknown kind": with_keys({"kty": "z"}),
    "jwt: another kind's algorithm": with_keys({**KEY, "alg": "RS256"}),
    "jwt: a secret with wrong padding": with_keys({**KEY, "k": "AA="}),
    "jwt: a small modulus": with_keys({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
    "jwt: a point on no curve": with_keys({"kty": "EC", "x": "AA", "y": "AA"}),
    "jwt: a short Edwards key": with_keys({"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
    "jwt: one alternative": needing(requires_any={"requirements": [ONE]}),
    "jwt: one of all": needing(requires_all={"requirements": [ONE]}),
    "jwt: an unknown provider": needing(provider_name="two"),
    "jwt: a rule without a match": rule(requires=ONE),
    "jwt: a rule without a path": rule(match={}, requires=ONE),
    "jwt: a rule's nameless header": rule(match={"prefix": "/", "headers": [{}]}),
    "jwt: an unknown requirement": rule(match={"prefix": "/"}, requirement_name="x"),
    "rbac: a matcher by a query parameter": rbac(
        matcher=asks("envoy.type.matcher.v3.HttpRequestQueryParamMatchInput", query_param="a")
    ),
    "rbac: a shadow matcher by the kind of source": rbac(shadow_matcher=asks(f"{NETWORK_INPUTS}SourceTypeInput")),
    "rbac: a matcher by transport": rbac(matcher=asks(f"{NETWORK_INPUTS}TransportProtocolInput")),
    "rbac: a matcher by ALPN": rbac(matcher=asks(f"{NETWORK_INPUTS}ApplicationProtocolInput")),
    "rbac: an action without a name": rbac(matcher=tree({"v": leads("ALLOW", "")})),
    "rbac: a matcher that keeps matching": rbac(matcher=tree({"v": {**leads("ALLOW"), "keep_matching": True}})),
    "rbac: a nameless header": permission(header={}),
    "rbac: a path without a test": permission(url_path={}),
    "rbac: a prefix too long": permission(destination_ip={"address_prefix": "::", "prefix_len": 129}),
    "rbac: a port too large": permission(destination_port=65536),
    "rbac: metadata of nobody": permission(metadata={}),
    "rbac: metadata without a path": permission(metadata={"filter": "a", "value": PRESENT}),
    "rbac: metadata without a value": permission(metadata={"filter": "a", "path": [{"key": "k"}]}),
    "rbac: metadata from nowhere": permission(sourced_metadata={}),
    "rbac: an empty template": permission(
        uri_template={"name": "t", "typed_config": {"@type": TEMPLATE, "path_template": ""}}
    ),
    "rbac: state without a key": principal(filter_state={"string_match": {"exact": "a"}}),
    "rbac: state without a test": principal(filter_state={"key": "a"}),
    "limit: no prefix": limit(stat_prefix=""),
    "limit: a bucket that is never filled": limit(token_bucket={"max_tokens": 1}),
    "limit: a bucket that is filled too often": limit(token_bucket={"max_tokens": 1, "fill_interval": "0.049s"}),
    "limit: filled with nothing": limit(token_bucket={**BUCKET, "tokens_per_fill": 0}),
    "limit: a share without a value": limit(filter_enabled={}),
    "limit: an unknown status": limit(status={"code": 418}),
    "limit: no status": limit(status={}),
    "limit: a late stage": limit(stage=11),
    "limit: many headers": limit(response_headers_to_add=[{"header": {"key": "x", "value": "v"}}] * 11),
    "limit: a descriptor of nothing": limit(descriptors=[described()]),
    "limit: a descriptor without a key": limit(descriptors=[described({"value": "b"})]),
    "limit: a descriptor without a bucket": limit(descriptors=[{"entries": [ENTRY]}]),
    "limit: a descriptor twice": limit(descriptors=[described(ENTRY), described(ENTRY)]),
    "limit: a stage of its own limits": limit(rate_limits=[{"actions": [{"remote_address": {}}], "stage": 1}]),
    "limit: no actions": limit(rate_limits=[{"actions": []}]),
    "a route's limit without a bucket": level("local_ratelimit.v3.LocalRateLimit", stat_prefix="x"),
    "session: a name that nobody has": session("x", kind=COOKIE, cookie={"name": "s"}),
    "session: a cookie without a name": session(f"{SESSIONS}cookie", kind=COOKIE, cookie={}),
    "session: a header without a name": session(f"{SESSIONS}header", kind="header.v3.HeaderBasedSessionState"),
    "composite: an empty chain": manager(within(COMPOSITE, tree({"v": running(filter_chain={})}))),
    "composite: a matcher that keeps matching": manager(
        within(COMPOSITE, tree({"v": {**running(typed_config=ROUTER), "keep_matching": True}}))
    ),
    "within: a matcher by transport": manager(within(COMPOSITE, within_asks("TransportProtocolInput"))),
    "within: a matcher by ALPN": manager(within(COMPOSITE, within_asks("ApplicationProtocolInput"))),
    "a route's jwt says nothing": level("jwt_authn.v3.PerRouteConfig"),
    "a route's jwt is not disabled": level("jwt_authn.v3.PerRouteConfig", disabled=False),
    "a route's jwt needs what has no name": level("jwt_authn.v3.PerRouteConfig", requirement_name=""),
    "a switch that does nothing": switch(),
    "a switch that does not disable": switch(disabled=False),
    "a switch with a bad configuration": switch(config={"@type": TYPES + "jwt_authn.v3.PerRouteConfig"}),
    "a route's router": level("router.v3.Router"),
    "a route's buffer says nothing": level("buffer.v3.BufferPerRoute"),
    "a route's buffer is not disabled": level("buffer.v3.BufferPerRoute", disabled=False),
    "a route's ext_authz says nothing": level("ext_authz.v3.ExtAuthzPerRoute"),
    "a route's session says nothing": level("stateful_session.v3.StatefulSessionPerRoute"),
    "a route's compressor says nothing": level("compressor.v3.CompressorPerRoute"),
    "a route's limit without a prefix": level("local_ratelimit.v3.LocalRateLimit"),
    "a route's csrf without a share": level("csrf.v3.CsrfPolicy"),
}
LOADED = {
    "jwt: an empty document": jwt({"local_jwks": {"inline_string": ""}}),
    "jwt: a bad key beside a good one": with_keys({"kty": "oct"}, KEY, {"kty": "z"}),
    "jwt: a key whose id is a number": with_keys({**KEY, "kid": 5, "alg": 5}),
    "jwt: a claim's path": local(claim_to_headers=[{"header_name": "a b", "claim_path": [{"key": "x.y"}]}]),
    "jwt: names of nothing": local(from_params=[""], from_cookies=[""], audiences=[""]),
    "jwt: a requirement for nothing": needing(),
    "jwt: ftp": remote({**URI, "uri": "ftp://x", "timeout": "0s"}),
    "rbac: a matcher by filter state": rbac(matcher=asks(f"{NETWORK_INPUTS}FilterStateInput", key="k")),
    "rbac: port 0 and a long IPv4 prefix": permission(
        and_rules={
            "rules": [{"destination_port": 0}, {"destination_ip": {"address_prefix": "1.2.3.4", "prefix_len": 33}}]
        }
    ),
    "limit: tokens of nothing": limit(token_bucket={"max_tokens": 0, "fill_interval": "1s", "tokens_per_fill": 9}),
    "limit: a descriptor for any value": limit(descriptors=[described({"key": "a"})], stage=10),
    "within: a matcher by the status": manager(within(COMPOSITE, tree({"v": skipping()}, {"@type": STATUS}))),
    "session: a cookie": session(f"{SESSIONS}cookie", kind=COOKIE, cookie={"name": "s"}),
    "a switch with an empty configuration": switch(config={}),
    "a switch that disables what is wrong": switch(
        disabled=True, config={"@type": TYPES + "jwt_authn.v3.PerRouteConfig"}
    ),
    "a route's ext_authz that is not disabled": level("ext_authz.v3.ExtAuthzPerRoute", disabled=False),
    "a route's rbac says nothing": level("rbac.v3.RBACPerRoute"),
}


def ours(fields: dict[str, Any]) -> bool:
    try:
        assert compile_hcm(view(fields), "hcm").http_filters
        assert compile_route_table(view(fields["route_config"])).vhosts[0].routes.rows
    except Rejected as refused:
        assert refused.place is not None
        return False
    return True


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    assert not ours(REFUSED[name])


@pytest.mark.parametrize("name", LOADED)
def test_loaded(name: str) -> None:
    assert ours(LOADED[name])


@asks_envoy
@pytest.mark.parametrize("name", [*REFUSED, "all that load"])
def test_envoy_says_the_same(name: str, tmp_path: Path) -> None:
    asked = [REFUSED[name]] if name in REFUSED else list(LOADED.values())
    said = refusal_of_managers(asked, tmp_path)
    assert (said is None) == (name not in REFUSED), said
