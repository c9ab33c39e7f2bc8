"""What a filter's code does not load though its message keeps every rule: rows by type, each seen on Envoy 1.40."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ...config.view import TypedConfig, View
from ...errors import Rejected
from .cdn_loop import cdn_ids

_ENVOY = "envoy.extensions.filters.http."
_SOURCES = ("filename", "inline_bytes", "inline_string", "environment_variable")
Found = Iterator[tuple[str, View]]


def refuse_by_its_own_code(typed: TypedConfig) -> None:
    check = _CHECKS.get(typed.type_name)
    for words, view in check(typed.view) if check is not None else ():
        raise Rejected("filter-refused", words, place=view.place, hint="mend this filter; Envoy refuses it too")


def _mutations(view: View) -> Found:
    below = view.view("mutations")
    for each in below.views("query_parameter_mutations") if below is not None else ():
        added = each.view("append")
        if added is None and not each.text("remove", ""):
            yield "One of 'append'/'remove' must be specified.", each
        elif added is not None and each.text("remove", ""):
            yield "Only one of 'append'/'remove can be specified.", each
        elif added is not None and not added.has("record"):
            yield "No record specified for append mutation.", added


def _notes(view: View) -> Found:
    for rule in (*view.views("request_rules"), *view.views("response_rules")):
        missing = rule.view("on_header_missing")
        if bool(rule.text("header", "")) == bool(rule.text("cookie", "")):
            yield "One of Cookie or Header option needs to be specified", rule
        elif missing is None and not rule.has("on_header_present"):
            yield "the rule has neither `on_header_present` nor `on_header_missing` set", rule
        elif missing is not None and not missing.text("value", ""):
            yield "Cannot specify on_header_missing rule with an empty value", missing


def _keys(view: View) -> Found:
    for source in view.views("key_sources"):
        if not any(source.text(kind, "") for kind in ("header", "query", "cookie")):
            yield "One of 'header'/'query'/'cookie' must be set.", source


def _users(view: View) -> Found:
    users = view.view("users")
    if users is None or not any(users.has(each) for each in _SOURCES):
        yield "Unexpected DataSource::specifier_case(): 0", view


def _id(view: View) -> Found:
    if cdn_ids(view.text("cdn_id", "")) != (view.text("cdn_id", ""),):
        yield f"Provided cdn_id {view.text('cdn_id', '')!r} is not a valid CDN identifier", view


def _tags(view: View) -> Found:
    if not view.views("ip_tags") and not view.has("ip_tags_datasource"):
        yield "HTTP IP Tagging Filter requires either ip_tags or ip_tags_datasource to be specified.", view


_CHECKS: Mapping[str, Callable[[View], Found]] = {
    _ENVOY + "header_mutation.v3.HeaderMutation": _mutations,
    _ENVOY + "header_to_metadata.v3.Config": _notes,
    _ENVOY + "api_key_auth.v3.ApiKeyAuth": _keys,
    _ENVOY + "basic_auth.v3.BasicAuth": _users,
    _ENVOY + "cdn_loop.v3.CdnLoopConfig": _id,
    _ENVOY + "ip_tagging.v3.IPTagging": _tags,
}
