"""URI templates: the patterns of path_match_policy, and the rewrites that use what their variables caught.

envoyproxy/envoy source/extensions/path/uri_template_lib. A pattern becomes one RE2 expression with a group a variable;
what Envoy refuses to load is refused with its reason.
"""

from __future__ import annotations

import re

from attrs import frozen

from ..config.view import View
from ..errors import Rejected
from ..match.regex import Regex
from ..place import Place

MATCH_TYPE = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
REWRITE_TYPE = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig"
_MOST_VARIABLES = 5
_LONGEST_NAME = 16
_CHARACTERS = r"a-zA-Z0-9._~%!$&'()*+,;=:@\-"
_SEGMENT = f"[{_CHARACTERS}]+"
_REST = f"[{_CHARACTERS}/]*"
_GLOBS = {"*": _SEGMENT, "**": _REST}
_LITERAL = re.compile(f"[{_CHARACTERS}]+")
_REWRITE_LITERAL = re.compile(f"[{_CHARACTERS}/]+")
_NAME = re.compile("[a-zA-Z][a-zA-Z0-9_]*")
_SPECIAL = str.maketrans({char: "\\" + char for char in "$()+."})
"""A star inside a literal is not among them: `/a*` matches as the regex it then is."""


class _Bad(Exception):
    """A pattern that Envoy does not load; the text is the reason."""


@frozen(eq=False)
class UriTemplate:
    """A pattern such as `/api/{version}/**`."""

    pattern: str
    regex: Regex | None
    """None: what became of the pattern is no expression (`/a**`). Envoy loads it; it matches and catches nothing."""

    def matches(self, bare_path: str) -> bool:
        """`bare_path` is without its query; path parameters stay."""
        return self.regex is not None and self.regex.matches(bare_path)


@frozen(eq=False)
class UriTemplateRewrite:
    """A path made of literal texts and of what the matching pattern's variables caught."""

    template: UriTemplate
    pieces: tuple[tuple[str, bool], ...]
    """(text, False) or (variable, True)."""

    def rewritten(self, path: str) -> str | None:
        bare, mark, query = path.partition("?")
        caught = self.template.regex.groups(bare) if self.template.regex is not None else None
        if caught is None:
            return None
        return "".join(caught[text] if variable else text for text, variable in self.pieces) + mark + query


def compile_uri_template(policy: View) -> UriTemplate | None:
    """path_match_policy; None for an extension that is not a URI template."""
    typed = policy.any("typed_config")
    if typed is None or typed.type_name != MATCH_TYPE:
        return None
    pattern = typed.view.text("path_template", "")
    place = typed.view.place_of("path_template")
    try:
        return UriTemplate(pattern, _regex(_expression(pattern), place))
    except _Bad as bad:
        raise _refused("path_match_policy", pattern, str(bad), place) from None


def compile_uri_rewrite(policy: View, template: UriTemplate | None) -> UriTemplateRewrite | None:
    """path_rewrite_policy, which needs the pattern that the route matches with."""
    typed = policy.any("typed_config")
    if typed is None or typed.type_name != REWRITE_TYPE:
        return None
    pattern = typed.view.text("path_template_rewrite", "")
    place = typed.view.place_of("path_template_rewrite")
    try:
        if template is None:
            raise _Bad("unable to use a URI template rewrite without a URI template match")
        pieces = tuple(_rewrite_pieces(pattern))
        if template.regex is None:
            raise _Bad("mismatch between variables in path_match_policy and path_rewrite_policy")
        known = template.regex.names()
        for text, variable in pieces:
            if variable and text not in known:
                raise _Bad(f"the pattern has no variable {text}")
    except _Bad as bad:
        raise _refused("path_rewrite_policy", pattern, str(bad), place) from None
    return UriTemplateRewrite(template, pieces)


def _refused(field: str, pattern: str, reason: str, place: Place) -> Rejected:
    return Rejected(
        "invalid-uri-template",
        f"{field} {pattern!r} is no URI template: {reason}",
        place=place,
        hint="write segments as text, *, {name} or {name=pattern}, and ** only last",
    )


def _regex(expression: str, place: Place) -> Regex | None:
    try:
        return Regex(expression, place)
    except Rejected:
        return None


def _expression(pattern: str) -> str:
    if not pattern.startswith("/") or not pattern.isascii() or not all("!" <= char <= "~" for char in pattern):
        raise _Bad("invalid pattern")
    rest, made, suffix = pattern[1:], [], ""
    state = _Seen()
    while rest:
        segment, rest = _segment(rest, state)
        made.append(segment)
        if rest == "/":
            made.append("")
            rest = ""
        elif rest.startswith("/"):
            rest = rest[1:]
        elif rest:
            literal, rest = _literal(rest)
            suffix = literal
            if rest:
                raise _Bad("prefix match not supported")
    return "/" + "/".join(made) + suffix


class _Seen:
    """What the segments before have used up."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.rest = False

    def glob(self, text: str) -> str:
        if self.rest:
            raise _Bad("glob after text glob")
        self.rest = text == "**"
        return _GLOBS[text]

    def name(self, text: str) -> str:
        if not _NAME.fullmatch(text):
            raise _Bad("invalid variable name")
        if len(self.names) >= _MOST_VARIABLES:
            raise _Bad("exceeded variable count limit")
        if len(text) > _LONGEST_NAME:
            raise _Bad("invalid variable length")
        if text in self.names:
            raise _Bad("repeated variable name")
        self.names.add(text)
        return text


def _segment(rest: str, seen: _Seen) -> tuple[str, str]:
    if rest.startswith("*"):
        glob = "**" if rest.startswith("**") else "*"
        return seen.glob(glob), rest[len(glob) :]
    segment = rest.partition("/")[0]
    if rest.startswith("{") or ("{" in segment and "}" in segment):
        return _mixed(rest, seen)
    return _literal(rest)


def _mixed(rest: str, seen: _Seen) -> tuple[str, str]:
    """A variable with literal text on either side."""
    before, _, rest = rest.partition("{")
    inner, close, rest = rest.partition("}")
    if not close:
        raise _Bad("unmatched variable bracket in mixed pattern")
    after = rest.partition("/")[0]
    for what, text in (("prefix", before), ("suffix", after)):
        if text and not _LITERAL.fullmatch(text):
            raise _Bad(f"invalid {what} literal")
    made = before.translate(_SPECIAL) + _variable(inner, seen) + after.translate(_SPECIAL)
    return made, rest[len(after) :]


def _variable(inner: str, seen: _Seen) -> str:
    name, equals, pattern = inner.partition("=")
    seen.name(name)
    if not equals:
        return f"(?P<{name}>{seen.glob('*')})"
    if not pattern:
        raise _Bad("empty variable match")
    parts = []
    while pattern:
        if pattern.startswith("*"):
            glob = "**" if pattern.startswith("**") else "*"
            part, pattern = seen.glob(glob), pattern[len(glob) :]
        else:
            part, pattern = _literal(pattern)
        parts.append(part)
        if pattern:
            if pattern[0] != "/" or len(pattern) == 1:
                raise _Bad("invalid variable match")
            pattern = pattern[1:]
    return f"(?P<{name}>{'/'.join(parts)})"


def _literal(rest: str) -> tuple[str, str]:
    text = rest.partition("/")[0]
    if not _LITERAL.fullmatch(text):
        raise _Bad("invalid literal")
    return text.translate(_SPECIAL), rest[len(text) :]


def _rewrite_pieces(pattern: str) -> list[tuple[str, bool]]:
    if not pattern.startswith("/"):
        raise _Bad("invalid rewrite variable placement")
    if "//" in pattern:
        raise _Bad("invalid rewrite literal")
    pieces: list[tuple[str, bool]] = []
    rest = pattern
    while rest:
        text, brace, rest = rest.partition("{")
        if text:
            if not _REWRITE_LITERAL.fullmatch(text):
                raise _Bad("invalid rewrite literal pattern")
            pieces.append((text, False))
        if not brace:
            break
        name, close, rest = rest.partition("}")
        if not close:
            raise _Bad("unmatched variable bracket")
        if not _NAME.fullmatch(name):
            raise _Bad("invalid variable name")
        pieces.append((name, True))
    return pieces
