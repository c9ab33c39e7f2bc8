"""Query strings as filters that change them write them back.

envoyproxy/envoy source/common/http/utility.cc (QueryParamsMulti): parameters are decoded, sorted by name, and
written back without being encoded again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

Parameters = Mapping[str, tuple[str, ...]]


def percent_decoded(text: str) -> str:
    """Broken escapes stay as they are."""
    return unquote(text, errors="surrogateescape")


_KEPT_ESCAPED = frozenset('"<>\\^{|}')
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})|%(?=..)", re.DOTALL)


def url_decoded(text: str) -> str:
    """Without escapes of what a URL may hold as it is; a percent sign before two characters that are no escape is lost.

    PercentEncoding::urlDecodeQueryParameter of the same file.
    """
    return _ESCAPE.sub(_of_a_url, text)


def _of_a_url(escape: re.Match[str]) -> str:
    if escape[1] is None:
        return ""
    character = chr(int(escape[1], 16))
    return character if "!" <= character <= "~" and character not in _KEPT_ESCAPED else escape[0]


def percent_encoded(text: str) -> str:
    return quote(text, safe="")


def decoded_parameters(path: str) -> dict[str, tuple[str, ...]]:
    """Name -> its values, percent-decoded (`+` stays); an item without `=` has an empty value."""
    found: dict[str, tuple[str, ...]] = {}
    _, mark, query = path.partition("?")
    if mark and query:
        for item in query.split("&"):
            name, _, value = item.partition("=")
            name = percent_decoded(name)
            found[name] = (*found.get(name, ()), percent_decoded(value))
    return found


def with_parameters(path: str, parameters: Parameters) -> str:
    """The path with these parameters for its query; none leaves no question mark."""
    items = [f"{name}={value}" for name in sorted(parameters) for value in parameters[name]]
    bare = path.partition("?")[0]
    return f"{bare}?{'&'.join(items)}" if items else bare
