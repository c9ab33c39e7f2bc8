"""Small matchers (xds.type.matcher.v3.Matcher) for tests: predicates, lists, maps, ranges and domains."""

from __future__ import annotations

from typing import Any

from tests.builders_connection import PREFIX

NETWORK = PREFIX + "envoy.extensions.matching.common_inputs.network.v3."
TLS = PREFIX + "envoy.extensions.matching.common_inputs.ssl.v3."
INPUT_MATCHERS = PREFIX + "envoy.extensions.matching.input_matchers."

Matcher = dict[str, Any]


def network_input(kind: str, **config: Any) -> dict[str, Any]:
    return {"name": kind, "typed_config": {"@type": NETWORK + kind, **config}}


def tls_input(kind: str) -> dict[str, Any]:
    return {"name": kind, "typed_config": {"@type": TLS + kind}}


def leads_to(name: str, *, keep_matching: bool = False) -> Matcher:
    """An action that names a filter chain."""
    action = {"name": "chain", "typed_config": {"@type": PREFIX + "google.protobuf.StringValue", "value": name}}
    return {"action": action, **({"keep_matching": True} if keep_matching else {})}


def nested(matcher: Matcher) -> Matcher:
    return {"matcher": matcher}


def single(given: dict[str, Any], **value_match: Any) -> Matcher:
    return {"single_predicate": {"input": given, "value_match": value_match}}


def single_custom(given: dict[str, Any], kind: str, **config: Any) -> Matcher:
    custom = {"name": "custom", "typed_config": {"@type": INPUT_MATCHERS + kind, **config}}
    return {"single_predicate": {"input": given, "custom_match": custom}}


def combined(how: str, *predicates: Matcher) -> Matcher:
    return {f"{how}_matcher": {"predicate": list(predicates)}}


def negated(predicate: Matcher) -> Matcher:
    return {"not_matcher": predicate}


def listed(*rows: tuple[Matcher, Matcher], otherwise: Matcher | None = None) -> Matcher:
    matchers = [{"predicate": predicate, "on_match": way} for predicate, way in rows]
    return _whole({"matcher_list": {"matchers": matchers}}, otherwise)


def mapped(kind: str, given: dict[str, Any], ways: dict[str, Matcher], otherwise: Matcher | None = None) -> Matcher:
    """`kind` is exact or prefix."""
    return _whole({"matcher_tree": {"input": given, f"{kind}_match_map": {"map": ways}}}, otherwise)


def ranged(given: dict[str, Any], *rows: Matcher, otherwise: Matcher | None = None) -> Matcher:
    return _custom(given, "IPMatcher", otherwise, range_matchers=list(rows))


def ip_range(way: Matcher, *cidrs: str, exclusive: bool = False) -> Matcher:
    ranges = []
    for text in cidrs:
        address, _, length = text.partition("/")
        ranges.append({"address_prefix": address, **({"prefix_len": int(length)} if length else {})})
    return {"ranges": ranges, "on_match": way, "exclusive": exclusive}


def by_domain(given: dict[str, Any], *rows: tuple[list[str], Matcher], otherwise: Matcher | None = None) -> Matcher:
    matchers = [{"domains": names, "on_match": way} for names, way in rows]
    return _custom(given, "ServerNameMatcher", otherwise, domain_matchers=matchers)


def _custom(given: dict[str, Any], kind: str, otherwise: Matcher | None, **config: Any) -> Matcher:
    custom = {"name": kind, "typed_config": {"@type": f"{PREFIX}xds.type.matcher.v3.{kind}", **config}}
    return _whole({"matcher_tree": {"input": given, "custom_match": custom}}, otherwise)


def _whole(matcher: Matcher, otherwise: Matcher | None) -> Matcher:
    return matcher if otherwise is None else {**matcher, "on_no_match": otherwise}
