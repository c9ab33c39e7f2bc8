"""Routes that Envoy does not load, each with its reason: refused here too, at the place that is wrong.

envoyproxy/envoy source/common/router/config_impl.cc, weighted_cluster_specifier.cc and the constraints of
route_components.proto. Patterns and format strings are refused where they are compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..config.view import View
from ..errors import Rejected
from .match_checks import match_refusals
from .message_check import refuse_malformed
from .message_rules import refuse_broken
from .route_constraints import ROUTE

_LARGEST_SUM = (1 << 32) - 1
_MOST_CODES = 5
_REWRITES = ("prefix_rewrite", "regex_rewrite", "path_rewrite_policy", "path_rewrite")
_HOST_REWRITES = (
    "host_rewrite_literal",
    "auto_host_rewrite",
    "host_rewrite_header",
    "host_rewrite_path_regex",
    "host_rewrite",
)
_TARGETS = (
    "cluster",
    "cluster_header",
    "weighted_clusters",
    "cluster_specifier_plugin",
    "inline_cluster_specifier_plugin",
)
_ACTION_TEXTS = ("cluster_header", "prefix_rewrite", "host_rewrite_literal", "host_rewrite_header")
_REDIRECT_TEXTS = ("host_redirect", "path_redirect", "prefix_rewrite")
_HASHED = {"header": "header_name", "cookie": "name", "query_parameter": "name", "filter_state": "key"}
_KNOWN = frozenset(
    (*_REWRITES, *_HOST_REWRITES, "timeout", "retry_policy", "append_x_forwarded_host", "metadata_match", "priority")
)
_REDIRECT_PATHS = ("path_redirect", "prefix_rewrite", "regex_rewrite", "path_rewrite")

Found = Iterator[tuple[str, View]]
"""(the reason, where it stands)."""


def check_route(view: View) -> None:
    refuse_malformed(view, "envoy.config.route.v3.Route")
    refuse_broken(ROUTE, view, "route-refused")
    for kind, check in _CHECKS.items():
        below = view.view(kind)
        if below is None:
            continue
        for reason, place in check(below, view):
            raise Rejected(
                "route-refused",
                f"route {view.text('name', '') or 'without a name'}: {reason}",
                place=place.place,
                hint="Envoy refuses this route configuration too; take the values it accepts",
            )


def _match(match: View, _route: View) -> Found:
    return match_refusals(match)


def _action(action: View, route: View) -> Found:
    yield from _one_of(action, _TARGETS)
    if not any(action.has(name) for name in _TARGETS) and not action.leftovers(_KNOWN):
        yield "a route action needs a cluster, or what names one", action
    yield from _texts(action, _ACTION_TEXTS)
    for name in ("cluster", "cluster_header"):
        if action.text(name) == "":
            yield f"{name} may not be empty", action
    yield from _pattern(action, "regex_rewrite")
    yield from _pattern(action, "host_rewrite_path_regex")
    yield from _hashes(action)
    yield from _one_of(action, _HOST_REWRITES)
    rewrites = [name for name in _REWRITES if action.raw(name)]
    if len(rewrites) > 1:
        yield f"only one of {' and '.join(rewrites)} may be set", action
    match = route.view("match")
    if action.text("prefix_rewrite", "") and match is not None and match.has("path_match_policy"):
        yield "prefix_rewrite cannot be used with path_match_policy", action
    weighted = action.view("weighted_clusters")
    if weighted is not None:
        yield from _weighted(weighted)
    yield from _upgrades(action)
    for mirror in action.views("request_mirror_policies"):
        if bool(mirror.text("cluster", "")) == bool(mirror.text("cluster_header", "")):
            yield "exactly one of cluster and cluster_header of a request mirror policy must be set", mirror
    inside = action.view("internal_redirect_policy")
    if inside is not None:
        yield from _internal_redirects(inside)
    retry = action.view("retry_policy")
    pauses = retry.view("retry_back_off") if retry is not None else None
    if pauses is not None:
        yield from _pauses(pauses)


def _texts(view: View, names: tuple[str, ...]) -> Found:
    for name in names:
        if any(char in view.text(name, "") for char in "\0\r\n"):
            yield f"{name} may hold no line end", view


def _pattern(view: View, name: str) -> Found:
    rewrite = view.view(name)
    if rewrite is None:
        return
    pattern = rewrite.view("pattern")
    if pattern is None or not pattern.text("regex", ""):
        yield f"{name} needs a pattern", rewrite
    yield from _texts(rewrite, ("substitution",))


def _hashes(action: View) -> Found:
    for policy in action.views("hash_policy"):
        if not policy.leftovers(frozenset({"terminal"})):
            yield "a hash policy needs something to hash", policy
        for kind, name in _HASHED.items():
            below = policy.view(kind)
            if below is not None and not below.text(name, ""):
                yield f"{kind} of a hash policy needs a {name}", policy


def _one_of(view: View, names: tuple[str, ...]) -> Found:
    present = [name for name in names if view.has(name)]
    if len(present) > 1:
        yield f"{' and '.join(present)} exclude each other", view


def _weighted(weighted: View) -> Found:
    entries = weighted.views("clusters")
    if not entries:
        yield "weighted_clusters has no clusters", weighted
    yield from _one_of(weighted, ("header_name", "use_hash_policy"))
    for entry in entries:
        if not entry.has("weight"):
            yield "a weighted cluster has no weight", entry
        if bool(entry.text("name", "")) == bool(entry.text("cluster_header", "")):
            yield "exactly one of name and cluster_header of a weighted cluster must be set", entry
    total = sum(entry.integer("weight", 0) for entry in entries)
    if not total:
        yield "the sum of weights in the weighted_clusters must be greater than 0", weighted
    if total > _LARGEST_SUM:
        yield f"the sum of weights of all weighted clusters exceeds {_LARGEST_SUM}", weighted


def _upgrades(action: View) -> Found:
    seen: set[str] = set()
    for entry in action.views("upgrade_configs"):
        kind = entry.text("upgrade_type", "").lower()
        if kind in seen:
            yield f"duplicate upgrade {kind}", entry
        seen.add(kind)
        if entry.has("connect_config") and kind not in ("connect", "connect-udp"):
            yield f"upgrade type {kind} is not CONNECT and has a connect_config", entry


def _internal_redirects(policy: View) -> Found:
    if len(policy.values("redirect_response_codes")) > _MOST_CODES:
        yield f"redirect_response_codes takes at most {_MOST_CODES} statuses", policy
    copied = [str(name) for name in policy.values("response_headers_to_copy")]
    if len(set(copied)) < len(copied):
        yield "response_headers_to_copy names a header twice", policy
    for name in copied:
        if name.startswith(":") or name.lower() == "host":
            yield f"response_headers_to_copy cannot name {name!r}: no pseudo header and no host", policy
        if any(character in name for character in "\0\r\n"):
            yield f"response_headers_to_copy cannot name {name!r}", policy
    for predicate in policy.views("predicates"):
        if predicate.any("typed_config") is None:
            yield f"predicate {predicate.text('name', '')!r} has no typed_config", predicate


def _pauses(pauses: View) -> Found:
    base = pauses.duration_ms("base_interval")
    longest = pauses.duration_ms("max_interval")
    if base is None or base <= 0:
        yield "retry_back_off needs a base_interval above 0", pauses
    elif longest is not None and max(longest, 1) < max(base, 1):
        yield "the max_interval of retry_back_off must be at least its base_interval", pauses


def _redirect(redirect: View, route: View) -> Found:
    match = route.view("match")
    if redirect.text("prefix_rewrite", "") and match is not None and match.has("path_match_policy"):
        yield "Cannot use redirect.prefix_rewrite with path_match_policy", redirect
    yield from _texts(redirect, _REDIRECT_TEXTS)
    yield from _pattern(redirect, "regex_rewrite")
    yield from _one_of(redirect, _REDIRECT_PATHS)
    yield from _one_of(redirect, ("scheme_redirect", "https_redirect"))


def _direct_response(response: View, _route: View) -> Found:
    status = response.integer("status", 0)
    if not 200 <= status < 600:
        yield f"the status of a direct_response is from 200 to 599, not {status}", response


_CHECKS: dict[str, Callable[[View, View], Found]] = {
    "match": _match,
    "route": _action,
    "redirect": _redirect,
    "direct_response": _direct_response,
}
