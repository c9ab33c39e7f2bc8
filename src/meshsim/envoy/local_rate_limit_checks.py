"""What Envoy does not load of a local rate limit: the constraints of its message, and of those within it."""

from __future__ import annotations

from collections.abc import Iterator

from ..config.view import View
from ..errors import Rejected

Found = Iterator[tuple[str, View]]
_SHORTEST_FILL_MS = 50
_LAST_STAGE, _MOST_HEADERS = 10, 10


def check_limit(view: View) -> None:
    for reason, place in _limit(view):
        hint = "Envoy refuses this filter too; take the values it accepts"
        raise Rejected("local-rate-limit-refused", reason, place=place.place, hint=hint)


def _limit(view: View) -> Found:
    if not view.text("stat_prefix", ""):
        yield "stat_prefix is required", view
    if view.integer("stage", 0) > _LAST_STAGE:
        yield f"stage is at most {_LAST_STAGE}", view
    for field in ("response_headers_to_add", "request_headers_to_add_when_not_enforced"):
        if len(view.views(field)) > _MOST_HEADERS:
            yield f"{field} has at most {_MOST_HEADERS} entries", view
    for field in ("filter_enabled", "filter_enforced"):
        share = view.view(field)
        if share is not None and not share.has("default_value"):
            yield f"{field} needs a default_value", share
    bucket = view.view("token_bucket")
    if bucket is not None:
        yield from _bucket(bucket)
    if view.integer("max_dynamic_descriptors", 1) < 1:
        yield "max_dynamic_descriptors is at least 1", view
    if view.has("local_cluster_rate_limit") and view.boolean("local_rate_limit_per_downstream_connection", False):
        yield "local_cluster_rate_limit and local_rate_limit_per_downstream_connection exclude each other", view
    yield from _descriptors(view)
    for limit in view.views("rate_limits"):
        if limit.has("stage") or limit.has("disable_key"):
            yield "rate_limits of this filter have neither stage nor disable_key", limit
        if not limit.views("actions") or not all(action.data for action in limit.views("actions")):
            yield "rate_limits need actions", limit


def _bucket(view: View) -> Found:
    fill = view.duration_ms("fill_interval")
    if fill is None or fill < _SHORTEST_FILL_MS:
        yield f"a token bucket needs a fill_interval of at least {_SHORTEST_FILL_MS}ms", view
    if view.integer("tokens_per_fill", 1) <= 0:
        yield "tokens_per_fill is greater than 0", view


def _descriptors(view: View) -> Found:
    seen: set[tuple[tuple[str, str], ...]] = set()
    for each in view.views("descriptors"):
        entries = tuple((entry.text("key", ""), entry.text("value", "")) for entry in each.views("entries"))
        bucket = each.view("token_bucket")
        if not entries or not all(key for key, _value in entries):
            yield "a descriptor needs entries, and each of them a key", each
        if bucket is None:
            yield "a descriptor needs a token_bucket", each
        else:
            yield from _bucket(bucket)
        if entries in seen:
            yield f"the descriptor {'/'.join(map('='.join, entries))} stands there twice", each
        seen.add(entries)
