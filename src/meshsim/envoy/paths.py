"""Path normalisation of the connection manager: fragment, escaped slashes, dot segments, slashes.

envoyproxy/envoy source/common/http/path_utility.cc and the URL canonicaliser behind it; observed on Envoy 1.40.
The query is never touched.
"""

from __future__ import annotations

import re

from attrs import frozen

KEEP_UNCHANGED = "KEEP_UNCHANGED"
REJECT_REQUEST = "REJECT_REQUEST"
UNESCAPE_AND_REDIRECT = "UNESCAPE_AND_REDIRECT"
UNESCAPE_AND_FORWARD = "UNESCAPE_AND_FORWARD"
ESCAPED_SLASHES = (
    "IMPLEMENTATION_SPECIFIC_DEFAULT",
    KEEP_UNCHANGED,
    REJECT_REQUEST,
    UNESCAPE_AND_REDIRECT,
    UNESCAPE_AND_FORWARD,
)
"""PathWithEscapedSlashesAction in the order of its numbers; the first means KEEP_UNCHANGED."""

_ESCAPED_SLASH = re.compile(r"%2[fF]|%5[cC]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_SLASHES = re.compile(r"/{2,}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MUST_ESCAPE = str.maketrans({char: f"%{ord(char):02X}" for char in ' "<>^`{|}'})
_PLAIN = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~!$&'()*+,=:@-]*)*/?")
"""Nothing to normalise: no escape, no dot segment, no parameter, no double slash."""


@frozen
class PathResult:
    """`rejected` names the rule that refused the path; `redirect` answers 307 with the new path."""

    path: str
    rejected: str | None = None
    redirect: bool = False


def normalised(path: str, *, normalize: bool, merge_slashes: bool, escaped_slashes: str) -> PathResult:
    """What routing sees for a request target, or the refusal."""
    if "#" in path:
        return PathResult(path, rejected="fragment")
    bare, mark, query = path.partition("?")
    if _PLAIN.fullmatch(bare):
        return PathResult(path)
    redirect = False
    if escaped_slashes not in (KEEP_UNCHANGED, ESCAPED_SLASHES[0]) and _ESCAPED_SLASH.search(bare):
        if escaped_slashes == REJECT_REQUEST:
            return PathResult(path, rejected="escaped slash")
        bare = _ESCAPED_SLASH.sub(lambda found: "/" if found.group()[1] == "2" else "\\", bare)
        redirect = escaped_slashes == UNESCAPE_AND_REDIRECT
    if normalize:
        if "%00" in bare:
            return PathResult(path, rejected="escaped zero")
        bare = _canonical(bare)
    if merge_slashes:
        bare = _SLASHES.sub("/", bare)
    return PathResult(bare + mark + query, redirect=redirect)


def _canonical(path: str) -> str:
    path = _ESCAPE.sub(_decoded_if_unreserved, path)
    path = path.replace("\\", "/").translate(_MUST_ESCAPE)
    kept: list[str] = []
    segments = path.split("/")[1:]
    last = len(segments) - 1
    for index, segment in enumerate(segments):
        name = segment.partition(";")[0]
        if name not in (".", ".."):
            kept.append(segment)
            continue
        if name == ".." and kept:
            kept.pop()
        if index == last:
            kept.append("")
    return "/" + "/".join(kept)


def _decoded_if_unreserved(found: re.Match[str]) -> str:
    char = chr(int(found.group(1), 16))
    return char if char in _UNRESERVED else found.group()


def without_parameters(path: str) -> str:
    """Each segment cut at its first `;` (ignore_path_parameters_in_path_matching)."""
    return re.sub(r";[^/]*", "", path) if ";" in path else path


def without_query(path: str) -> str:
    """The path up to the first `?` or `#`."""
    bare = path.partition("?")[0]
    return bare.partition("#")[0] if "#" in bare else bare
