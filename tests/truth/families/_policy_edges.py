"""rbac where it surprises: what its matchers note, and policies that ask for templates and for state of this stream."""

from typing import Any

from tests.builders_http import http_filter
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import append, get, mutation

SHOW = mutation(
    request_mutations=[
        append("x-rules", "%DYNAMIC_METADATA(envoy.filters.http.rbac)%"),
        append("x-hint", "%DYNAMIC_METADATA(envoy.common)%"),
    ]
)
_TYPES = "type.googleapis.com/"
HEADER = {"@type": f"{_TYPES}envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": "x-a"}
STATE = {"@type": f"{_TYPES}envoy.extensions.matching.common_inputs.network.v3.FilterStateInput", "key": "k"}
TEMPLATE = f"{_TYPES}envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"


def leads(action: str, name: str = "p") -> dict[str, Any]:
    typed = {"@type": f"{_TYPES}envoy.config.rbac.v3.Action", "name": name, "action": action}
    return {"action": {"name": "a", "typed_config": typed}}


def tree(ways: dict[str, Any], source: dict[str, Any] = HEADER, **fields: Any) -> dict[str, Any]:
    named = {"name": "i", "typed_config": source}
    return {"matcher_tree": {"input": named, "exact_match_map": {"map": ways}}, **fields}


def rbac(**fields: Any) -> dict[str, Any]:
    return http_filter("rbac", "rbac.v3.RBAC", **fields)


def hints() -> list[Case]:
    """Surprising: a matcher with any action that logs leaves a hint for each request; a shadow matcher never does."""
    said = [get(), get(x_a="log"), get(x_a="allow"), get(x_a="deny")]
    ways = {"log": leads("LOG", "l"), "allow": leads("ALLOW", "a"), "deny": leads("DENY", "d")}
    silent = {name: way for name, way in ways.items() if name != "log"}
    allowed = leads("ALLOW", "rest")
    configs: list[dict[str, Any]] = [
        {"matcher": tree(ways)},
        {"matcher": tree(ways, on_no_match=allowed)},
        {"matcher": tree(silent, on_no_match=allowed)},
        {"matcher": tree(silent, on_no_match=leads("LOG", "rest"))},
        {"matcher": tree(silent, on_no_match=allowed), "shadow_matcher": tree(ways)},
        {"shadow_matcher": tree(ways), "shadow_rules_stat_prefix": "dry_"},
    ]
    return [(manager(rbac(**each), SHOW), said) for each in configs]


def state() -> list[Case]:
    """What another filter wrote of this stream is seen by principals and by the inputs of matchers."""
    formatted = {"text_format_source": {"inline_string": "%REQ(x-k)%"}, "omit_empty_values": True}
    entry = {"object_key": "k", "factory_key": "envoy.string", "format_string": formatted}
    writes = http_filter("writes", "set_filter_state.v3.Config", on_request_headers=[entry])
    principal = {"filter_state": {"key": "k", "string_match": {"prefix": "v"}}}
    policies = {"p": {"permissions": [{"any": True}], "principals": [principal]}}
    said = [get(), get(x_k="v"), get(x_k="w"), get(x_k="")]
    asks: list[dict[str, Any]] = [
        {"rules": {"action": "DENY", "policies": policies}},
        {"rules": {"action": "ALLOW", "policies": policies}},
        {"matcher": tree({"v": leads("ALLOW")}, STATE)},
        {"matcher": tree({"v": leads("DENY")}, STATE, on_no_match=leads("ALLOW", "rest"))},
    ]
    return [(manager(*first, rbac(**each), SHOW), said) for first in ([writes], []) for each in asks]


def templates() -> list[Case]:
    said = [get(path) for path in ("/a/b", "/a", "/a/", "/a/b/c", "/a/b?q", "/a/b;p", "/A/b", "/x.css", "/y/x.css")]
    return [
        (manager(rbac(rules={"action": action, "policies": {"p": _templated(pattern)}}), SHOW), said)
        for action in ("ALLOW", "DENY")
        for pattern in ("/a/{x}", "/**.css", "/a/{rest=**}")
    ]


def _templated(pattern: str) -> dict[str, Any]:
    typed = {"@type": TEMPLATE, "path_template": pattern}
    return {"permissions": [{"uri_template": {"name": "t", "typed_config": typed}}], "principals": [{"any": True}]}


POLICY_EDGES = {
    "hints of matchers": hints,
    "policies by filter state": state,
    "policies by templates": templates,
}
