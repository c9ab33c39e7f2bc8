"""RBAC policies: what is asked, what is lost, what nobody can say, and what Envoy would not load."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshsim.config.view import View
from meshsim.envoy.rbac.engine import Judgement, compile_rules
from meshsim.envoy.rbac.facts import RbacFacts
from meshsim.envoy.rbac.filter_config import compile_rbac
from meshsim.errors import InputError, Rejected
from meshsim.explanation import Fate
from meshsim.place import Place
from tests.builders_http import connection, request

ANY = {"any": True}


def view(data: dict[str, Any]) -> View:
    return View(data, Place("t.json"))


def policy(permission: dict[str, Any] | None = None, principal: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"permissions": [permission or ANY], "principals": [principal or ANY]}


def rules(action: str = "ALLOW", /, **policies: dict[str, Any]) -> View:
    return view({"action": action, "policies": policies})


def facts(path: str = "/", *, tls: bool = False, peer: bool = False, **headers: str) -> RbacFacts:
    sent = request(path, headers={name: (value,) for name, value in headers.items()})
    seen = connection(tls=tls, peer=peer)
    return RbacFacts(seen, sent, seen.direct_remote, path=path)


def judged(read: View, asked: RbacFacts) -> Judgement:
    (judgement,) = compile_rules(read, over_http=True).courses(asked)
    return judgement


@pytest.mark.parametrize(
    ("action", "policies", "allowed"),
    [
        ("ALLOW", {}, False),
        ("DENY", {}, True),
        ("LOG", {}, True),
        ("ALLOW", {"p": policy()}, True),
        ("DENY", {"p": policy()}, False),
        ("LOG", {"p": policy()}, True),
    ],
)
def test_actions(action: str, policies: dict[str, Any], allowed: bool) -> None:
    assert judged(rules(action, **policies), facts()).allowed is allowed


def test_the_first_by_name_is_named_and_blanks_are_written_as_underscores() -> None:
    both = judged(rules("DENY", **{"b": policy(), "B x\ty": policy()}), facts())
    assert both.details == "rbac_access_denied_matched_policy[B_x_y]"
    assert judged(rules("ALLOW"), facts()).details == "rbac_access_denied_matched_policy[none]"


def test_a_group_is_lost_as_a_whole_and_a_conjunct_by_itself() -> None:
    asked = {"and_ids": {"ids": [{"authenticated": {"principal_name": {"exact": "spiffe://x"}}}, ANY]}}
    read = compile_rules(rules("ALLOW", p=policy({"url_path": {"path": {"prefix": "/a"}}}, asked)), over_http=True)
    (lost,) = read.explain(facts("/a"), None)
    assert (lost.fate, lost.lost_at, lost.near_miss) == (Fate.FAILED, "authenticated", True)
    told = next(check for check in lost.checks if check.what == "authenticated")
    assert (told.want, told.seen) == ("exact spiffe://x", None)
    (nameless,) = read.explain(facts("/a", tls=True), None)
    assert [check.seen for check in nameless.checks if check.ok is False] == [[""]]


def test_any_tls_client_is_authenticated() -> None:
    read = rules("ALLOW", p=policy(None, {"authenticated": {}}))
    assert [judged(read, facts(tls=tls)).allowed for tls in (False, True)] == [False, True]


def test_what_run_time_decides_leaves_both_courses() -> None:
    expression = {**policy(), "condition": {"const_expr": {"bool_value": True}}}
    read = compile_rules(rules("ALLOW", b=expression, c=policy({"destination_port": 1})), over_http=True)
    assert read.courses(facts()) == (Judgement(allowed=True, policy="b"), Judgement(allowed=False, policy=None))
    fates = [candidate.fate for candidate in read.explain(facts(), "b")[:1]]
    assert fates == [Fate.CHOSEN]
    # A policy that holds without doubt makes the doubt idle only for what it comes to.
    certain = compile_rules(rules("ALLOW", b=expression, c=policy()), over_http=True)
    assert {course.allowed for course in certain.courses(facts())} == {True}


def test_metadata_of_a_route_that_is_not_there_never_matches() -> None:
    asked = {
        "metadata_matcher": {"filter": "x", "path": [{"key": "k"}], "value": {"present_match": True}, "invert": True}
    }
    read = rules("ALLOW", p=policy({"sourced_metadata": {**asked, "metadata_source": "ROUTE"}}))
    assert not judged(read, facts()).allowed
    routed = facts()
    routed.route_metadata = {}
    assert judged(read, routed).allowed


REFUSED: list[dict[str, Any]] = [
    {"permissions": [], "principals": [ANY]},
    {"permissions": [ANY]},
    policy({"any": False}),
    policy({"destination_port_range": {"start": 5, "end": 5}}),
    policy({"destination_port_range": {"start": 0, "end": 65537}}),
    policy({"destination_ip": {"address_prefix": "x"}}),
    policy({"and_rules": {"rules": []}}),
    policy({"or_rules": {}}),
    {"permissions": [{}], "principals": [ANY]},
    policy({"not_rule": {"header": {"name": "a"}}}),
]


@pytest.mark.parametrize("entry", REFUSED, ids=str)
def test_what_envoy_refuses_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        compile_rules(rules("ALLOW", p=entry), over_http=False)


def test_nesting_is_bounded() -> None:
    deep: dict[str, Any] = ANY
    for _ in range(500):
        deep = {"not_rule": deep}
    with pytest.raises(InputError, match="nested too deeply"):
        compile_rules(rules("ALLOW", p=policy(deep)), over_http=True)


def test_shadow_rules_only_write_down_what_they_would_do() -> None:
    data = {"shadow_rules": {"action": "DENY", "policies": {"p": policy()}}, "shadow_rules_stat_prefix": "dry_"}
    config = compile_rbac(view(data), "rbac", over_http=True)
    assert config.idle
    assert config.shadow_metadata(facts()) == {
        "dry_shadow_engine_result": "denied",
        "dry_shadow_effective_policy_id": "p",
    }


LEAVES = st.sampled_from(["yes", "no", "open"])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)


def _written(tree: Any) -> dict[str, Any]:
    if tree == "yes":
        return {"destination_port": 80}
    if tree == "no":
        return {"destination_port": 81}
    if tree == "open":
        return {"matcher": {"name": "extension"}}
    kind, below = tree
    if kind == "not":
        return {"not_rule": _written(below)}
    return {f"{kind}_rules": {"rules": [_written(each) for each in below]}}


def _holds(tree: Any, opened: bool) -> bool:
    if isinstance(tree, str):
        return tree == "yes" or (tree == "open" and opened)
    kind, below = tree
    if kind == "not":
        return not _holds(below, opened)
    return (all if kind == "and" else any)(_holds(each, opened) for each in below)


@settings(max_examples=100)
@given(TREES)
def test_a_tree_means_what_its_words_mean(tree: Any) -> None:
    """Where both ways of an unknown come to the same, or more courses are named, the true one is among them."""
    read = compile_rules(rules("ALLOW", p=policy(_written(tree))), over_http=True)
    asked = facts()
    possible = {course.allowed for course in read.courses(asked)}
    assert {_holds(tree, opened) for opened in (False, True)} <= possible
    if "open" not in str(tree):
        assert len(possible) == 1
    for course in read.courses(asked):
        told = read.explain(asked, course.policy)
        assert [each.label for each in told if each.fate is Fate.CHOSEN] == ([course.policy] if course.policy else [])
