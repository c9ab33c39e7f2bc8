"""Which part of a path a route matched, and what rewrites make of it.

envoyproxy/envoy source/common/router/config_impl.cc (rewritePathHeader).
"""

from __future__ import annotations

from attrs import frozen

from ..config.view import View
from ..match.regex import Regex
from ..match.strings import ascii_lower
from .paths import without_query
from .regexes import compile_regex
from .uri_templates import UriTemplate

WHOLE = frozenset({"safe_regex", "connect_matcher", "path_match_policy"})
"""Kinds whose match is the whole path without its query."""


@frozen(eq=False)
class PathRule:
    """A route's path specifier, as far as rewriting needs it."""

    kind: str
    """prefix, path, path_separated_prefix, safe_regex, connect_matcher or path_match_policy."""
    value: str
    case_sensitive: bool = True
    template: UriTemplate | None = None
    """Of path_match_policy, where it is known."""
    start: str = ""
    """With which every path begins that it matches, path parameters left out or not; of regexes and templates."""

    def replaced(self, path: str, replacement: str) -> str | None:
        """The path with the matched text replaced: plain text, no care for slashes.

        None where the raw path does not start with the configured text (path parameters were ignored).
        """
        if self.kind in WHOLE:
            bare = without_query(path)
            return replacement + path[len(bare) :]
        start = path[: len(self.value)]
        same = start == self.value if self.case_sensitive else ascii_lower(start) == ascii_lower(self.value)
        return replacement + path[len(self.value) :] if same else None


@frozen(eq=False)
class RegexRewrite:
    """RegexMatchAndSubstitute: every match in the path without its query is replaced."""

    regex: Regex
    substitution: str

    def rewritten(self, path: str) -> str | None:
        """None where nothing of the path would be left: then there is no rewrite."""
        bare, mark, query = path.partition("?")
        made = self.regex.replace_all(bare, self.substitution)
        return made + mark + query if made else None


def compile_regex_rewrite(view: View) -> RegexRewrite:
    return RegexRewrite(compile_regex(view, "pattern"), view.text("substitution", ""))
