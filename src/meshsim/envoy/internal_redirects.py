"""Redirects of an upstream that the proxy follows itself: the policy of a route, and what it says of one Location.

envoyproxy/envoy source/common/router/router.cc (convertRequestHeadersForInternalRedirect), config_impl.cc
(InternalRedirectPolicyImpl) and source/extensions/internal_redirect. What pass is made of it is the walk's matter.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ..config.view import View
from ..facts.request import Headers, Request
from ..place import Place
from ..reasons import Reason, because
from .absolute_url import AbsoluteUrl, absolute_url
from .unmodelled import unmodelled_fields

FOLLOWED = "internal_redirect"
"""Envoy's response code details of a pass that ended in a redirect it followed."""
_STATUSES = frozenset((301, 302, 303, 307, 308))
_DEFAULT_STATUSES = frozenset((302,))
_SEE_OTHER = 303
_BODILESS = ("GET", "HEAD")
_FIELDS = frozenset(
    {
        "max_internal_redirects",
        "redirect_response_codes",
        "allow_cross_scheme_redirect",
        "predicates",
        "response_headers_to_copy",
    }
)
_PREVIOUS_ROUTES, _LISTED, _SAFE = "PreviousRoutesConfig", "AllowListedRoutesConfig", "SafeCrossSchemeConfig"
_PREDICATES = (_PREVIOUS_ROUTES, _LISTED, _SAFE)


@frozen
class Redirected:
    """The internal redirects that one client's request has met."""

    count: int = 0
    targets: frozenset[tuple[str, str]] = frozenset()
    """(route, target route): where previous_routes of that route has let it go before."""


NOT_REDIRECTED = Redirected()


@frozen(eq=False)
class RedirectPredicate:
    kind: str
    """The message's own name."""
    place: Place | None
    routes: frozenset[str] = frozenset()
    """allowed_route_names"""

    def accepts(self, before: Redirected, route: str, target: str, *, secure: bool, target_secure: bool) -> bool:
        """`route` has the policy. Kinds that are not modelled accept all."""
        if self.kind == _PREVIOUS_ROUTES:
            return (route, target) not in before.targets
        if self.kind == _LISTED:
            return target in self.routes
        return self.kind != _SAFE or secure or not target_secure


@frozen(eq=False)
class InternalRedirectPolicy:
    place: Place | None
    most: int = 1
    """max_internal_redirects"""
    statuses: frozenset[int] = _DEFAULT_STATUSES
    cross_scheme: bool = False
    predicates: tuple[RedirectPredicate, ...] = ()
    copied_headers: tuple[str, ...] = ()
    """response_headers_to_copy, in lower case."""
    unmodelled: tuple[Reason, ...] = ()

    def remembered(self, before: Redirected, route: str, target: str) -> Redirected:
        """With one more redirect behind it."""
        remembers = any(predicate.kind == _PREVIOUS_ROUTES for predicate in self.predicates)
        targets = before.targets | {(route, target)} if remembers else before.targets
        return Redirected(before.count + 1, targets)


_OLD_ACTIONS = ("PASS_THROUGH_INTERNAL_REDIRECT", "HANDLE_INTERNAL_REDIRECT")


def compile_internal_redirects(view: View, name: str) -> InternalRedirectPolicy | None:
    """Of a route action: internal_redirect_policy, or the older internal_redirect_action."""
    policy = view.view("internal_redirect_policy")
    if policy is None:
        if view.enum("internal_redirect_action", _OLD_ACTIONS, unnamed=_OLD_ACTIONS[0]) != _OLD_ACTIONS[1]:
            return None
        return InternalRedirectPolicy(
            view.place_of("internal_redirect_action"), view.integer("max_internal_redirects", 1)
        )
    stated = policy.values("redirect_response_codes")
    predicates = tuple(_predicate(entry) for entry in policy.views("predicates"))
    known = all(predicate.kind in _PREDICATES for predicate in predicates)
    return InternalRedirectPolicy(
        policy.place,
        policy.integer("max_internal_redirects", 1),
        frozenset(int(code) for code in stated) & _STATUSES if stated else _DEFAULT_STATUSES,
        policy.boolean("allow_cross_scheme_redirect", False),
        predicates,
        tuple(str(header).lower() for header in policy.values("response_headers_to_copy")),
        unmodelled_fields(policy, _FIELDS if known else _FIELDS - {"predicates"}, name),
    )


def _predicate(entry: View) -> RedirectPredicate:
    typed = entry.any("typed_config")
    if typed is None:
        return RedirectPredicate(entry.text("name", ""), entry.place)
    allowed = typed.view.values("allowed_route_names")
    return RedirectPredicate(typed.type_name.rpartition(".")[2], entry.place, frozenset(str(each) for each in allowed))


def target_of(
    policy: InternalRedirectPolicy,
    request: Request,
    location: str | None,
    before: Redirected,
    *,
    secure: bool,
    limit: int | None,
) -> AbsoluteUrl | Reason:
    """Where the Location leads, or why it is left to the client before any route is looked up.

    `secure`: whether the client's side is taken for https. `limit`: how much of a body is kept to be sent again; None:
    all of it.
    """
    if request.method == "CONNECT" and not request.path:
        return because("redirect.no-path", policy.place)
    if limit is not None and request.body > limit:
        return because("redirect.body-too-large", policy.place, size=request.body, limit=limit)
    if not location:
        return because("redirect.no-location", policy.place)
    url = absolute_url(location)
    if url is None:
        return because("redirect.not-absolute", policy.place, location=location)
    if not policy.cross_scheme and secure is not is_secure(url):
        return because("redirect.cross-scheme", policy.place, location=location)
    if before.count >= policy.most:
        return because("redirect.too-many", policy.place, location=location, most=policy.most)
    return url


def is_secure(url: AbsoluteUrl) -> bool:
    """To the policy, every scheme but http is https."""
    return url.scheme != "http"


def client_is_secure(request: Request, *, tls: bool) -> bool:
    return tls and request.scheme != "http"


def towards(policy: InternalRedirectPolicy, request: Request, url: AbsoluteUrl, answered: Headers) -> Request:
    """The request by which the target's route is looked up. `answered` are the headers of the redirect."""
    headers = request.headers
    if policy.copied_headers:
        changed = dict(headers)
        for name in policy.copied_headers:
            changed.pop(name, None)
            if name in answered:
                changed[name] = answered[name]
        headers = changed
    path = url.path.partition("#")[0]
    return evolve(request, scheme=url.scheme, authority=url.authority, path=path, headers=headers)


def redirected(request: Request, before: Request, status: int, *, secure: bool) -> Request:
    """The request of the next pass; `before` is the one that was redirected."""
    scheme = "https" if secure else "http"
    headers = {**request.headers, "x-envoy-original-url": (f"{scheme}://{before.authority or ''}{before.path}",)}
    if status != _SEE_OTHER or request.method in _BODILESS:
        # Of chunks that held nothing, nothing is left.
        return evolve(request, headers=headers, chunked=request.chunked and request.body > 0)
    headers.pop("content-length", None)
    return evolve(request, method="GET", headers=headers, chunked=False, body=0)
