"""csrf: refuses requests that change things and come from another site.

envoyproxy/envoy source/extensions/filters/http/csrf: Origin (else Referer) without its scheme against Host.
"""

from __future__ import annotations

import re

from attrs import frozen

from ...config.view import View
from ...facts.request import Request
from ...match.strings import TextTest
from ...place import Place
from ...reasons import because
from ..matchers import compile_string_matcher
from ..per_filter import PerFilter
from .base import FilterFacts, Reply, Verdict
from .per_route import PerRoute
from .shares import NEVER, Share, compile_share, in_a_share

TYPE_NAME = "envoy.extensions.filters.http.csrf.v3.CsrfPolicy"
_URL = re.compile(
    r"[A-Za-z]+://(?:[A-Za-z0-9\-_.!~*'()%;:&=+$,]*@)?(?P<host>(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::[0-9]+)?)"
    r"(?:[/?][!-~\x80-\xff]*)?"
)
"""As Envoy's parser reads one: a scheme is needed, and a fragment cannot follow the host at once."""
_MUTATING = frozenset({"POST", "PUT", "DELETE", "PATCH"})


@frozen(eq=False)
class Policy:
    place: Place
    share: Share
    additional: tuple[TextTest, ...]


def compile_policy(view: View) -> Policy:
    tests = (compile_string_matcher(each) for each in view.views("additional_origins"))
    known = tuple(test for test in tests if test is not None)
    return Policy(view.place, compile_share(view.view("filter_enabled"), NEVER), known)


@frozen(eq=False)
class Csrf:
    name: str
    policies: PerRoute[Policy]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        policy = self.policies.of(own)
        request = facts.request
        share = policy.share.of(facts.runtime)
        if not share or request.method not in _MUTATING:
            return None
        source = _source(request)
        if source and (source == _target(request) or any(test.holds(source) for test in policy.additional)):
            return None
        why = because(
            "filter.csrf", policy.place, filter=self.name, origin=source or "none", host=request.authority or ""
        )
        reply = Reply(why, 403, "csrf_origin_mismatch", body="Invalid origin")
        return in_a_share(share, because("filter.csrf-share", policy.place, filter=self.name), "deny", reply)


def _source(request: Request) -> str:
    """Host and port of the origin; what is no URL is taken as it stands."""
    origin = (request.values("origin") or ("",))[0]
    return _host(origin or (request.values("referer") or ("",))[0])


def _target(request: Request) -> str:
    """Host and port without the user that may stand before them."""
    return _host(f"http://{request.authority or ''}").removeprefix("http://")


def _host(url: str) -> str:
    matched = _URL.fullmatch(url)
    return matched["host"] if matched else url


def compile_csrf(view: View, name: str) -> Csrf:
    return Csrf(name, PerRoute(compile_policy(view), compile_policy))
