"""Route matches that Envoy does not load: the constraints of RouteMatch and of what it is made of, as observed.

envoyproxy/envoy api/envoy/config/route/v3/route_components.proto and source/common/router/config_impl.cc.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..config.view import View

_PATHS = ("prefix", "path", "safe_regex", "path_separated_prefix", "connect_matcher", "path_match_policy")
_LONGEST_NAME = 1024
_OLD_TEXT_MATCHES = ("prefix_match", "suffix_match", "contains_match")
_SHORTEST_PREFIX = 2
_LINE_ENDS = "\0\r\n"

Found = Iterator[tuple[str, View]]
"""(the reason, where it stands)."""


def match_refusals(match: View) -> Found:
    present = [name for name in _PATHS if match.has(name)]
    if len(present) > 1:
        yield f"{' and '.join(present)} exclude each other", match
    if not match.data:
        yield "a match needs a path specifier", match
    yield from _prefix(match)
    yield from _named(match)
    for query in match.views("query_parameters"):
        if len(query.text("name", "")) > _LONGEST_NAME:
            yield f"the name of a query parameter has at most {_LONGEST_NAME} bytes", query
        yield from _one_test(query, ("string_match", "present_match"))
    for cookie in match.views("cookies"):
        if len(cookie.text("name", "")) > _LONGEST_NAME:
            yield f"the name of a cookie has at most {_LONGEST_NAME} bytes", cookie
        if not cookie.has("string_match"):
            yield "a cookie matcher needs a string_match", cookie
    for metadata in match.views("dynamic_metadata"):
        yield from metadata_refusals(metadata)
    for state in match.views("filter_state"):
        if not state.text("key", ""):
            yield "a filter state matcher needs a key", state
        if len(state.keys()) == 1:
            yield "a filter state matcher needs something to compare with", state
    share = match.view("runtime_fraction")
    if share is not None and not share.has("default_value"):
        yield "runtime_fraction needs a default_value", share


def _prefix(match: View) -> Found:
    prefix = match.text("path_separated_prefix")
    if prefix is None:
        return
    if len(prefix) < _SHORTEST_PREFIX or prefix.endswith("/") or "?" in prefix or "#" in prefix:
        yield f"path_separated_prefix {prefix!r} may not be shorter than two bytes, end in / or contain ? or #", match


def _named(match: View) -> Found:
    for kind in ("headers", "query_parameters", "cookies"):
        for matcher in match.views(kind):
            if not matcher.text("name", ""):
                yield f"a matcher of {kind} has no name", matcher
    for header in match.views("headers"):
        if any(char in header.text("name", "") for char in _LINE_ENDS):
            yield "the name of a header holds no line end", header
        for old in _OLD_TEXT_MATCHES:
            if header.text(old) == "":
                yield f"{old} may not be empty", header


def _one_test(matcher: View, names: tuple[str, ...]) -> Found:
    if all(matcher.has(name) for name in names):
        yield f"{' and '.join(names)} exclude each other", matcher


def metadata_refusals(matcher: View) -> Found:
    if not matcher.text("filter", ""):
        yield "a metadata matcher needs a filter", matcher
    segments = matcher.views("path")
    if not segments or not all(segment.text("key", "") for segment in segments):
        yield "a metadata matcher needs a path of keys", matcher
    value = matcher.view("value")
    if value is None or not value.data:
        yield "a metadata matcher needs a value", matcher
