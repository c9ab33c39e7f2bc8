"""What Envoy does not load is refused with a place; what it loads is not. The real Envoy is asked about each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshsim.errors import Rejected
from tests.builders_http import ROUTER, one_route, route_table, virtual_host
from tests.envoy_validates import asks_envoy, refusal_of_managers

MATCH = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
REWRITE = "type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig"


def template(pattern: str, rewrite: str | None = None, **action: Any) -> dict[str, Any]:
    match = {"path_match_policy": {"name": "m", "typed_config": {"@type": MATCH, "path_template": pattern}}}
    if rewrite is not None:
        config = {"@type": REWRITE, "path_template_rewrite": rewrite}
        action["path_rewrite_policy"] = {"name": "w", "typed_config": config}
    return one_route(match, route={"cluster": "c", **action})


def action(**fields: Any) -> dict[str, Any]:
    return one_route(route={"cluster": "c", **fields})


def weights(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return one_route(route={"weighted_clusters": {"clusters": list(entries), **fields}})


def adding(name: str, value: str) -> dict[str, Any]:
    return one_route(request_headers_to_add=[{"header": {"key": name, "value": value}}])


REGEX = {"pattern": {"regex": "a"}, "substitution": "b"}


def mirrored(**fields: Any) -> dict[str, Any]:
    return action(request_mirror_policies=[{"cluster": "c", **fields}])


HEDGED = {"initial_requests": 0}
REFUSED = {
    "no match": {"route": {"cluster": "c"}},
    "no action": {"match": {"prefix": "/"}},
    "two actions": one_route(route={"cluster": "c"}, redirect={}),
    "a decorator without an operation": one_route(decorator={}),
    "a weight below zero": one_route(route={"weighted_clusters": {"clusters": [{"name": "c", "weight": -1}]}}),
    "a port below zero": one_route(redirect={"port_redirect": -1}),
    "no status of a redirect": one_route(redirect={"response_code": "NOPE"}),
    "a status of a redirect beyond the last": one_route(redirect={"response_code": 5}),
    "a body of nothing": one_route(direct_response={"status": 200, "body": {}}),
    "a body that is no base64": one_route(direct_response={"status": 200, "body": {"inline_bytes": "!!"}}),
    "a format of nothing": one_route(direct_response={"status": 200, "body_format": {}}),
    "two ways to test a header": one_route(
        {"prefix": "/", "headers": [{"name": "x", "exact_match": "a", "prefix_match": "b"}]}
    ),
    "two ways to test a text": one_route(
        {"prefix": "/", "headers": [{"name": "x", "string_match": {"exact": "a", "prefix": "b"}}]}
    ),
    "a choice of one value": one_route(
        {
            "prefix": "/",
            "dynamic_metadata": [
                {
                    "filter": "a",
                    "path": [{"key": "a"}],
                    "value": {"or_match": {"value_matchers": [{"null_match": {}}]}},
                }
            ],
        }
    ),
    "a range that is no address": one_route(
        {"prefix": "/", "filter_state": [{"key": "a", "address_match": {"ranges": [{"address_prefix": "x"}]}}]}
    ),
    "a share below zero": one_route({"prefix": "/", "runtime_fraction": {"default_value": {"numerator": -1}}}),
    "a negative timeout": action(timeout="-1s"),
    "a negative idle timeout": action(idle_timeout="-0.001s"),
    "a negative longest stream": action(max_stream_duration={"max_stream_duration": "-1s"}),
    "a negative timeout of an attempt": action(retry_policy={"retry_on": "5xx", "per_try_timeout": "-1s"}),
    "fewer retries than none": action(retry_policy={"retry_on": "5xx", "num_retries": -1}),
    "pauses that no header tells": action(retry_policy={"retry_on": "5xx", "rate_limited_retry_back_off": {}}),
    "a retriable header without a name": action(retry_policy={"retry_on": "5xx", "retriable_headers": [{}]}),
    "no priority": action(priority="NOPE"),
    "no status of a missing cluster": action(cluster_not_found_response_code="NOPE"),
    "hedging without a request": action(hedge_policy=HEDGED),
    "a mirror's share without a default": mirrored(runtime_fraction={}),
    "hashing two things at once": action(
        hash_policy=[{"header": {"header_name": "x"}, "query_parameter": {"name": "a"}}]
    ),
    "an upgrade to nothing": action(upgrade_configs=[{}]),
    "a rate limit without actions": action(rate_limits=[{}]),
    "a rate limit's key without a value": action(rate_limits=[{"actions": [{"generic_key": {}}]}]),
    "no way to append": one_route(
        request_headers_to_add=[{"header": {"key": "x", "value": "v"}, "append_action": "NOPE"}]
    ),
    "more headers than are taken": one_route(request_headers_to_add=[{"header": {"key": "x", "value": "v"}}] * 1001),
    "prefix ends in a slash": one_route({"path_separated_prefix": "/a/"}),
    "prefix with a query": one_route({"path_separated_prefix": "/a?b"}),
    "prefix of one byte": one_route({"path_separated_prefix": "a"}),
    "an operator without its argument": adding("x", "%REQ()%"),
    "an operator with too many alternatives": adding("x", "%REQ(a?b?c)%"),
    "an argument where none is taken": adding("x", "%PROTOCOL(x)%"),
    "a length where none is taken": adding("x", "%START_TIME:3%"),
    "an option of another operator": adding("x", "%QUERY_PARAMS(RAW)%"),
    "a part of the path that is none": adding("x", "%PATH(WQ:PATH_OR_ORIG)%"),
    "metadata of nothing": adding("x", "%METADATA(NOPE:a)%"),
    "a duration between one point": adding("x", "%COMMON_DURATION(A)%"),
    "a duration of no precision": adding("x", "%COMMON_DURATION(A:B:s)%"),
    "a duration of a length": adding("x", "%COMMON_DURATION(A:B:ms):3%"),
    "alternatives that are no list": adding("x", "%COALESCE({})%"),
    "alternatives of nothing": adding("x", '%COALESCE({"operators": []})%'),
    "alternatives that are no JSON": adding("x", "%COALESCE(x)%"),
    "a header without a name": adding("", "v"),
    "a value of two lines": adding("x", "a\nb"),
    "removing no name": one_route(request_headers_to_remove=[""]),
    "both ways to say append": one_route(
        request_headers_to_add=[{"header": {"key": "x", "value": "v"}, "append": True, "append_action": 1}]
    ),
    "an empty pattern": one_route({"safe_regex": {"regex": ""}}),
    "an empty prefix of a header": one_route(
        {"prefix": "/", "headers": [{"name": "x", "string_match": {"prefix": ""}}]}
    ),
    "a pattern that ignores case": one_route(
        {"prefix": "/", "headers": [{"name": "x", "string_match": {"safe_regex": {"regex": "a"}, "ignore_case": True}}]}
    ),
    "a cookie without a test": one_route({"prefix": "/", "cookies": [{"name": "k"}]}),
    "a share without a default": one_route({"prefix": "/", "runtime_fraction": {"runtime_key": "x"}}),
    "metadata without a path": one_route(
        {"prefix": "/", "dynamic_metadata": [{"filter": "a", "value": {"present_match": True}}]}
    ),
    "a rewrite of two lines": action(prefix_rewrite="/a\nb"),
    "a hash of nothing": action(hash_policy=[{}]),
    "a redirect's prefix of a template": {
        **one_route(redirect={"prefix_rewrite": "/b"}),
        "match": template("/a")["match"],
    },
    "two rewrites": action(prefix_rewrite="/a", regex_rewrite=REGEX),
    "a format beside a regex": action(path_rewrite="/a", regex_rewrite=REGEX),
    "prefix rewrite of a template": template("/a/{x}", prefix_rewrite="/b"),
    "no weight above zero": weights({"name": "c", "weight": 0}),
    "no weight": weights({"name": "c"}),
    "neither name nor header": weights({"weight": 1}),
    "name and header": weights({"name": "c", "cluster_header": "x", "weight": 1}),
    "weights too large": weights({"name": "c", "weight": 4294967295}, {"name": "d", "weight": 1}),
    "no clusters": weights(),
    "mirror to nowhere": action(request_mirror_policies=[{}]),
    "mirror to both": action(request_mirror_policies=[{"cluster": "c", "cluster_header": "x"}]),
    "upgrade twice": action(upgrade_configs=[{"upgrade_type": "a"}, {"upgrade_type": "A"}]),
    "connect_config of another upgrade": action(upgrade_configs=[{"upgrade_type": "a", "connect_config": {}}]),
    "pauses that shrink": action(retry_policy={"retry_back_off": {"base_interval": "2s", "max_interval": "1s"}}),
    "pauses without a base": action(retry_policy={"retry_back_off": {"max_interval": "1s"}}),
    "status 199": one_route(direct_response={"status": 199}),
    "status 600": one_route(direct_response={"status": 600}),
    "header matcher without a name": one_route({"prefix": "/", "headers": [{"name": ""}]}),
    "a pseudo header added": adding(":path", "x"),
    "host added": adding("Host", "x"),
    "host removed": one_route(request_headers_to_remove=["host"]),
    "a lone percent sign": adding("a", "5%"),
    "an unknown operator": adding("a", "%NOTHING_KNOWN%"),
    "two globs": template("/**/*"),
    "two variables in a segment": template("/{x}{y}"),
    "a variable behind a star": template("/*{x}"),
    "a slash between text and variable": template("/a{x=b/c}d"),
    "a variable of what is no expression": template("/{x}**", "/{x}"),
    "a rewrite of what is no expression": template("/{x}**", "/a"),
    "a template without a slash": template("a"),
    "a variable twice": template("/{x}/{x}"),
    "six variables": template("/{a}/{b}/{c}/{d}/{e}/{f}"),
    "a long name": template("/{seventeenletters_}"),
    "text after a suffix": template("/*.a/b"),
    "an unknown variable": template("/{x}", "/{y}"),
    "a rewrite without a template": one_route({"prefix": "/"}, route=template("/", "/x")["route"]),
    "a rewrite without a slash": template("/{x}", "{x}"),
    "no RE2": one_route({"safe_regex": {"regex": "(?=a)"}}),
}
LOADED = {
    "weight of one alone": weights({"name": "c", "weight": 1}, {"name": "d", "weight": 0}),
    "largest weights": weights({"name": "c", "weight": 4294967295}),
    "an empty rewrite beside another": action(prefix_rewrite="", regex_rewrite=REGEX),
    "equal pauses": action(retry_policy={"retry_back_off": {"base_interval": "1s", "max_interval": "1s"}}),
    "status 599": one_route(direct_response={"status": 599}),
    "an escaped percent sign": adding("a", "5%%"),
    "a star in a literal": template("/a*"),
    "two stars in a literal": template("/a**"),
    "three stars": template("/***"),
    "text before a variable": template("/a{x}"),
    "text on both sides of a variable": template("/a{x=*}b/c{y}", "/{y}{x}"),
    "an equals sign in a literal": template("/a=b/{x=*/c}", "/{x}"),
    "alternatives with nothing on one side": adding("x", "%REQ(?b)%%REQ(a?)%"),
    "brackets with nothing in them": adding("x", "%PROTOCOL()%"),
    "a length beyond 32 bits": adding("x", "%REQ(a):4294967296%"),
    "more of the path than there is": adding("x", "%PATH(NQ:ORIG:x)%"),
    "a boolean within quotation marks": one_route({"prefix": "/", "headers": [{"name": "x", "present_match": "true"}]}),
    "a value in two spellings": one_route(
        request_headers_to_add=[{"header": {"key": "x", "value": "v", "raw_value": "YQ=="}}]
    ),
    "a duration of default precision": adding("x", "%COMMON_DURATION(A:B)%"),
    "a duration in nanoseconds": adding("x", "%COMMON_DURATION(::ns)%"),
    "alternatives": adding("x", '%COALESCE({"operators": ["PROTOCOL", {"command": "REQ", "param": "x"}]})%'),
    "as many headers as are taken": one_route(request_headers_to_add=[{"header": {"key": "x", "value": "v"}}] * 1000),
    "a status of a redirect by number": one_route(redirect={"response_code": 4}),
    "a body in base64 of the web": one_route(direct_response={"status": 200, "body": {"inline_bytes": "_-8"}}),
    "a timeout of nothing": action(timeout="0s"),
    "the largest weight": weights({"name": "c", "weight": 4294967295}),
    "a prefix that never matches": one_route({"prefix": "/a?b"}),
}


def ours(route: dict[str, Any]) -> bool:
    try:
        assert route_table(virtual_host(route)).vhosts[0].routes.rows
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
@pytest.mark.parametrize("name", [*REFUSED, *LOADED])
def test_envoy_says_the_same(name: str, tmp_path: Path) -> None:
    route = {**REFUSED, **LOADED}[name]
    table = {"name": "t", "validate_clusters": False, "virtual_hosts": [virtual_host(route)]}
    said = refusal_of_managers([{"stat_prefix": "x", "route_config": table, "http_filters": [ROUTER]}], tmp_path)
    assert (said is None) == (name in LOADED), said
