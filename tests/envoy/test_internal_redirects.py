"""The policy by itself: how it is read, which routes are refused, and what it says of a Location.

What becomes of whole requests is recorded from the real Envoy: tests/truth/families/internal_redirects.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.view import View
from meshsim.envoy.absolute_url import AbsoluteUrl
from meshsim.envoy.internal_redirects import (
    NOT_REDIRECTED,
    Redirected,
    compile_internal_redirects,
    redirected,
    target_of,
    towards,
)
from meshsim.envoy.route_checks import check_route
from meshsim.errors import Rejected
from meshsim.facts.request import Request
from meshsim.place import Place

GET = Request("GET", "http", "a.test", "/x?y=1", {"x-copy": ("old",), "content-length": ("8",)}, body=8)
TYPE = "type.googleapis.com/envoy.extensions.internal_redirect."
PREVIOUS = {"name": "p", "typed_config": {"@type": f"{TYPE}previous_routes.v3.PreviousRoutesConfig"}}


def policy(action: dict[str, Any]) -> Any:
    return compile_internal_redirects(View(action, Place("t")), "r")


@pytest.mark.parametrize(
    ("action", "statuses", "most"),
    [
        ({"internal_redirect_policy": {}}, {302}, 1),
        ({"internal_redirect_policy": {"redirect_response_codes": [303, 200], "max_internal_redirects": 3}}, {303}, 3),
        ({"internal_redirect_policy": {"redirect_response_codes": [200]}}, set(), 1),
        ({"internal_redirect_action": "HANDLE_INTERNAL_REDIRECT", "max_internal_redirects": 0}, {302}, 0),
    ],
)
def test_which_answers_a_policy_is_for(action: dict[str, Any], statuses: set[int], most: int) -> None:
    made = policy(action)
    assert (made.statuses, made.most) == (statuses, most)


@pytest.mark.parametrize("action", [{}, {"internal_redirect_action": "PASS_THROUGH_INTERNAL_REDIRECT"}])
def test_without_a_policy_redirects_are_the_clients(action: dict[str, Any]) -> None:
    assert policy(action) is None


@pytest.mark.parametrize(
    "config",
    [
        {"redirect_response_codes": [301, 302, 303, 307, 308, 300]},
        {"response_headers_to_copy": [":path"]},
        {"response_headers_to_copy": ["Host"]},
        {"response_headers_to_copy": ["a", "a"]},
        {"response_headers_to_copy": ["a\n"]},
        {"predicates": [{"name": "envoy.internal_redirect_predicates.previous_routes"}]},
    ],
)
def test_what_envoy_does_not_load_is_refused(config: dict[str, Any]) -> None:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "c", "internal_redirect_policy": config}}
    with pytest.raises(Rejected):
        check_route(View(route, Place("t")))


@pytest.mark.parametrize(
    ("location", "code"),
    [
        (None, "redirect.no-location"),
        ("", "redirect.no-location"),
        ("/dest", "redirect.not-absolute"),
        ("https://a.test/", "redirect.cross-scheme"),
        ("http://a.test/", ""),
    ],
)
def test_where_a_location_leads(location: str | None, code: str) -> None:
    made = policy({"internal_redirect_policy": {}})
    found = target_of(made, GET, location, NOT_REDIRECTED, secure=False, limit=8)
    assert getattr(found, "code", "") == code


def test_the_limits_of_a_request() -> None:
    made = policy({"internal_redirect_policy": {"max_internal_redirects": 2}})

    def code(before: Redirected, limit: int) -> str:
        found = target_of(made, GET, "http://a.test/", before, secure=False, limit=limit)
        return getattr(found, "code", "")

    assert code(Redirected(1), 8) == ""
    assert code(Redirected(2), 8) == "redirect.too-many"
    assert code(Redirected(1), 7) == "redirect.body-too-large"


def test_previous_routes_remember_by_their_own_route() -> None:
    made = policy({"internal_redirect_policy": {"predicates": [PREVIOUS]}})
    [predicate] = made.predicates
    once = made.remembered(NOT_REDIRECTED, "here", "there")
    told = {"secure": False, "target_secure": False}
    assert predicate.accepts(NOT_REDIRECTED, "here", "there", **told)
    assert not predicate.accepts(once, "here", "there", **told)
    assert predicate.accepts(once, "other", "there", **told)
    assert once.count == 1


def test_the_request_of_the_next_pass() -> None:
    made = policy({"internal_redirect_policy": {"response_headers_to_copy": ["X-Copy", "x-new"]}})
    url = AbsoluteUrl("http", "new.test", "/dest#part")
    wanted = towards(made, GET, url, {"x-new": ("one", "two")})
    assert (wanted.authority, wanted.path) == ("new.test", "/dest")
    assert "x-copy" not in wanted.headers
    assert wanted.headers["x-new"] == ("one", "two")
    post = Request("POST", "http", "a.test", "/x", {"content-length": ("8",)}, chunked=True, body=8)
    kept = redirected(post, GET, 307, secure=False)
    assert (kept.method, kept.chunked, kept.headers["content-length"]) == ("POST", True, ("8",))
    changed = redirected(post, GET, 303, secure=True)
    assert (changed.method, changed.chunked, "content-length" in changed.headers) == ("GET", False, False)
    assert changed.headers["x-envoy-original-url"] == ("https://a.test/x?y=1",)
