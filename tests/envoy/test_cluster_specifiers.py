"""Cluster specifier plugins: which cluster they name, when nobody knows, and what Envoy does not load."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.errors import Rejected
from meshsim.explanation import Fate
from tests.builders_http import dump, one_route, pod, request, table_fields, virtual_host, walk
from tests.builders_http import manager as hcm

TYPES = "type.googleapis.com/"
MATCHER = "envoy.extensions.router.cluster_specifiers.matcher.v3."
HEADER = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"


def leads(cluster: str, kind: str = f"{MATCHER}ClusterAction") -> dict[str, Any]:
    return {"action": {"name": "to", "typed_config": {"@type": TYPES + kind, "cluster": cluster}}}


def row(value: str, cluster: str, kind: str = HEADER) -> dict[str, Any]:
    asked = {"name": "x-a", "typed_config": {"@type": TYPES + kind}}
    if kind == HEADER:
        asked["typed_config"]["header_name"] = "x-a"
    return {"predicate": {"single_predicate": {"input": asked, "value_match": {"exact": value}}}} | {
        "on_match": leads(cluster)
    }


def listed(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"matcher_list": {"matchers": list(rows)}, **more}


def plugin(tree: Any, name: str = "p", kind: str = f"{MATCHER}MatcherClusterSpecifier", **more: Any) -> dict[str, Any]:
    return {"extension": {"name": name, "typed_config": {"@type": TYPES + kind, "cluster_matcher": tree}}, **more}


def inline(tree: Any, **fields: Any) -> Any:
    return one_route(route={"inline_cluster_specifier_plugin": plugin(tree), **fields})


def test_the_matcher_names_the_cluster() -> None:
    walked = walk(hcm(inline(listed(row("v", "c"), row("w", "d")))), request(headers={"x-a": ("v",)}))
    assert walked.cluster == "c"
    decision = walked.decisions["router"]
    assert decision.reason.code == "router.by-specifier"
    assert [(each.label, each.fate) for each in decision.candidates] == [("c", Fate.CHOSEN), ("d", Fate.FAILED)]


def test_where_nothing_matches_there_is_no_cluster() -> None:
    walked = walk(hcm(inline(listed(row("v", "c")))), request(headers={"x-a": ("w",)}))
    assert walked.cluster == ""
    assert walked.decisions["router"].reason.code == "router.specifier-none"
    assert walked.decisions["router"].deciding


def test_of_two_plugins_with_one_name_the_first_counts() -> None:
    host = virtual_host(one_route(route={"cluster_specifier_plugin": "p"}))
    first, second = plugin({"on_no_match": leads("c")}), plugin({"on_no_match": leads("d")})
    assert walk(hcm(table=table_fields(host, cluster_specifier_plugins=[first, second]))).cluster == "c"


@pytest.mark.parametrize(
    ("optional", "kind", "ends"),
    [
        (True, "envoy.extensions.nobody.v3.Has", "next"),
        (False, "envoy.extensions.nobody.v3.Has", "unknown"),
        (True, "envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig", "unknown"),
    ],
)
def test_only_optional_extensions_that_envoy_lacks_pass_the_route_over(optional: bool, kind: str, ends: str) -> None:
    first = one_route(route={"inline_cluster_specifier_plugin": plugin({}, kind=kind, is_optional=optional)})
    walked = walk(hcm(first, one_route(route={"cluster": "next"})))
    if ends == "next":
        assert walked.cluster == "next"
        return
    assert walked.ending.kind == "unknown"
    (reason,) = walked.chooser.assumptions
    assert (reason.code, reason.fact("plugin"), reason.fact("type")) == ("router.specifier-not-modelled", "p", kind)


@pytest.mark.parametrize(
    ("tree", "code"),
    [
        (
            listed(row("v", "c", "envoy.extensions.matching.common_inputs.network.v3.SourceIPInput")),
            "router.specifier-crashes",
        ),
        (listed({**row("v", "c"), "on_match": {**leads("c"), "keep_matching": True}}), "router.specifier-crashes"),
        (listed(row("v", "c", "envoy.extensions.nobody.v3.Input")), "router.specifier-not-modelled"),
        (listed(row("v", "c")), "router.specifier-open"),
    ],
)
def test_where_nobody_knows_the_cluster_the_outcome_is_unknown(tree: Any, code: str) -> None:
    walked = walk(hcm(inline(tree)), request(headers={"x-a": ()}))
    assert walked.ending.kind == "unknown"
    assert [reason.code for reason in walked.chooser.assumptions] == [code]


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ({"cluster_specifier_plugin": "nobody"}, "Unknown cluster specifier plugin name: nobody"),
        ({"cluster_specifier_plugin": ""}, "Unknown cluster specifier plugin name"),
        ({"inline_cluster_specifier_plugin": {}}, "extension: value is required"),
        ({"inline_cluster_specifier_plugin": {"extension": {"name": "x"}}}, "typed_config: value is required"),
        ({"inline_cluster_specifier_plugin": plugin({}, name="")}, "name: value length must be at least 1"),
        ({"inline_cluster_specifier_plugin": plugin(None)}, "cluster_matcher: value is required"),
        (
            {"inline_cluster_specifier_plugin": plugin({"on_no_match": leads("")})},
            "ClusterAction.cluster: value length",
        ),
        (
            {"inline_cluster_specifier_plugin": plugin({"on_no_match": leads("c", "envoy.config.rbac.v3.RBAC")})},
            "an action of a cluster matcher",
        ),
        ({"inline_cluster_specifier_plugin": plugin(listed(), is_optional=True)}, "at least one item"),
    ],
)
def test_what_envoy_does_not_load_is_refused(route: Any, message: str) -> None:
    with pytest.raises(Rejected, match=message):
        walk(hcm(one_route(route=route)), owner=pod(dump()))
