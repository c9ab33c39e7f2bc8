"""What route configurations state about their own fields beyond what their messages' rules say: tables.

What needs more than one field to be said stands in `route_checks` and `match_checks`.
"""

from __future__ import annotations

from ..address import try_parse_ip
from ..config.view import View
from ..match.regex import Regex
from .message_rules import Message

HEADER_KINDS = (
    "exact_match",
    "safe_regex_match",
    "range_match",
    "present_match",
    "prefix_match",
    "suffix_match",
    "contains_match",
    "string_match",
)
"""The ways to test a header, of which a HeaderMatcher has one."""


def _pattern(view: View, name: str) -> str | None:
    """Raises Rejected with RE2's own words."""
    Regex(view.text(name, ""), view.place_of(name))
    return None


def _address(view: View, name: str) -> str | None:
    text = view.text(name, "")
    if text and try_parse_ip(text) is not None:
        return None
    return f"invalid ip/mask combo '{text}/{view.integer('prefix_len', 0)}' (format is <ip>/<# mask bits>)"


def _virtual_cluster_headers(view: View, name: str) -> str | None:
    return None if view.views(name) else "virtual clusters must define 'headers'"


_RANGES = Message("AddressMatcher", below={"ranges": Message("CidrRange", {"address_prefix": _address})})
_STATE = Message("FilterStateMatcher", below={"address_match": _RANGES})
ROUTE = Message("Route", below={"match": Message("RouteMatch", below={"filter_state": _STATE})})
_TEXT = Message("StringMatcher", below={"safe_regex": Message("RegexMatcher", {"regex": _pattern})})
_COUNTED = Message("HeaderMatcher", below={"string_match": _TEXT})
VIRTUAL_HOST = Message(
    "VirtualHost",
    below={"virtual_clusters": Message("VirtualCluster", {"headers": _virtual_cluster_headers}, {"headers": _COUNTED})},
)
