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
_ESCAPE_OR_CHAR = re.compile(r"%([0-9A-Fa-f]{2})|(.)", re.DOTALL)
_HEX = frozenset("0123456789abcdefABCDEF")
_DOT_PARAMETERS = re.compile(r"(?<=/)(\.\.?);[^/]*")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_MUST_ESCAPE = str.maketrans({char: f"%{ord(char):02X}" for char in ' "<>^`{|}'})
_PLAIN = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@/-]*")


@frozen
class PathResult:
    """`rejected` names the rule that refused the path, which is then as far as it had come.

    `redirect` answers 307 with the new path.
    """

    path: str
    rejected: str | None = None
    redirect: bool = False


DOTS_WITH_PARAMETERS = "strip_dotdot_segments_with_parameters"
"""The runtime guard of 1.40; off, `..;x` is a segment like any other."""


def normalised(
    path: str, *, normalize: bool, merge_slashes: bool, escaped_slashes: str, dots_with_parameters: bool = True
) -> PathResult:
    """What routing sees for a request target, or the refusal."""
    if "#" in path:
        return PathResult(path, rejected="fragment")
    bare, mark, query = path.partition("?")
    if "//" not in bare and "/." not in bare and _PLAIN.fullmatch(bare):
        return PathResult(path)
    redirect = False
    if escaped_slashes not in (KEEP_UNCHANGED, ESCAPED_SLASHES[0]) and _ESCAPED_SLASH.search(bare):
        bare = _ESCAPED_SLASH.sub(lambda found: "/" if found.group()[1] == "2" else "\\", bare)
        if escaped_slashes == REJECT_REQUEST:
            return PathResult(bare + mark + query, rejected="escaped slash")
        redirect = escaped_slashes == UNESCAPE_AND_REDIRECT
    if normalize:
        if dots_with_parameters:
            # parameters go first: an encoded dot or a backslash beside them hides the dot segment
            bare = _DOT_PARAMETERS.sub(r"\1", bare)
        if "%00" in bare:
            return PathResult(bare + mark + query, rejected="escaped zero")
        bare = _canonical(bare)
    if merge_slashes:
        bare = _merged(bare)
    return PathResult(bare + mark + query, redirect=redirect)


def _canonical(path: str) -> str:
    path = _decoded(path).replace("\\", "/").translate(_MUST_ESCAPE)
    kept: list[str] = []
    segments = path.split("/")[1:]
    last = len(segments) - 1
    for index, segment in enumerate(segments):
        if segment not in (".", ".."):
            kept.append(segment)
            continue
        if segment == ".." and kept:
            kept.pop()
        if index == last:
            kept.append("")
    return "/" + "/".join(kept)


def _merged(path: str) -> str:
    """Empty segments dropped; a path of nothing but slashes keeps two of them, as in Envoy."""
    if "//" not in path:
        return path
    return "/" + "/".join(filter(None, path.split("/"))) + ("/" if path.endswith("/") else "")


def _decoded(path: str) -> str:
    """Escapes of unreserved characters decoded, the others kept as they are spelled.

    Where decoding would make a new escape out of a lone `%` and what follows it, that `%` is written `%25`.
    """
    if "%" not in path:
        return path
    pieces: list[str] = []
    decoded: set[int] = set()
    for escape, char in _ESCAPE_OR_CHAR.findall(path):
        value = chr(int(escape, 16)) if escape else char
        if escape and value in _UNRESERVED:
            decoded.add(len(pieces))
        pieces.append("%" + escape if escape and value not in _UNRESERVED else value)
    for index in range(len(pieces) - 2):
        following = pieces[index + 1 : index + 3]
        if pieces[index] == "%" and {index + 1, index + 2} & decoded and all(map(_HEX.__contains__, following)):
            pieces[index] = "%25"
    return "".join(pieces)


PER_SEGMENT = "strip_path_parameters_per_segment"
"""The runtime guard of 1.40; off, the whole path is cut."""


def without_parameters(path: str, *, per_segment: bool = True) -> str:
    """Each segment, or the whole, cut at its first `;` (ignore_path_parameters_in_path_matching)."""
    if ";" not in path:
        return path
    return re.sub(r";[^/]*", "", path) if per_segment else path.partition(";")[0]


def without_query(path: str) -> str:
    """The path up to the first `?` or `#`."""
    bare = path.partition("?")[0]
    return bare.partition("#")[0] if "#" in bare else bare
