"""The permissions and principals that ask one thing: their fields, what each reads, and when it holds.

envoyproxy/envoy source/extensions/filters/common/rbac/matchers.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...address import contains, format_ip, make_prefix, parse_ip, prefix_length
from ...config.view import View
from ...errors import Rejected
from ...match.condition import Condition, unmodelled
from ..matchers import compile_header_matcher, compile_string_matcher
from ..uri_templates import compile_uri_template
from .facts import RbacFacts
from .metadata import ABSENT, compile_value_matcher, metadata_path, value_at

Leaf = Condition[RbacFacts]
Compile = Callable[[View, str], Leaf]
_LAST_PORT = 65536


def _any(view: View, kind: str) -> Leaf:
    if not view.boolean(kind, False):
        raise Rejected("rbac-any-false", "any: false", place=view.place_of(kind), hint="Envoy refuses this filter too")
    return Condition("any", True, lambda _facts: True, bool, view.place_of(kind))


def _header(view: View, kind: str) -> Leaf:
    below = view.view(kind)
    assert below is not None
    return compile_header_matcher(below)


def _text(what: str, read: Callable[[RbacFacts], Any]) -> Compile:
    """A StringMatcher on one text; one that is not there never holds."""

    def compile_leaf(view: View, kind: str) -> Leaf:
        below = view.view(kind)
        test = compile_string_matcher(below) if below is not None else None
        if below is None or test is None:
            return unmodelled(what, "not modelled", view.place_of(kind))
        holds = test.holds
        return Condition(what, test.want, read, lambda seen: seen is not None and holds(seen), below.place)

    return compile_leaf


def _url_path(view: View, kind: str) -> Leaf:
    below = view.view(kind)
    path = below.view("path") if below is not None else None
    test = compile_string_matcher(path) if path is not None else None
    if test is None:
        return unmodelled("url_path", "not modelled", view.place_of(kind))
    holds = test.holds
    return Condition(kind, test.want, _path, lambda seen: seen is not None and holds(seen), view.place_of(kind))


def _path(facts: RbacFacts) -> str | None:
    return facts.path


def _address(what: str, read: Callable[[RbacFacts], int]) -> Compile:
    def compile_leaf(view: View, kind: str) -> Leaf:
        below = view.view(kind)
        assert below is not None
        text = below.text("address_prefix", "")
        try:
            prefix = make_prefix(parse_ip(text), below.integer("prefix_len", 0))
        except ValueError:
            raise Rejected(
                "bad-prefix",
                f"{text!r} is no IP address",
                place=below.place,
                hint="give address_prefix as an IP address; Envoy refuses this filter too",
            ) from None
        want = f"{format_ip(prefix[0])}/{prefix_length(prefix[1])}"

        def holds(seen: str) -> bool:
            return contains(prefix, parse_ip(seen))

        return Condition(what, want, lambda facts: format_ip(read(facts)), holds, below.place)

    return compile_leaf


def _port(view: View, kind: str) -> Leaf:
    wanted = view.integer(kind, 0)
    return Condition(kind, wanted, _local_port, wanted.__eq__, view.place_of(kind))


def _port_range(view: View, kind: str) -> Leaf:
    below = view.view(kind)
    assert below is not None
    start, end = below.integer("start", 0), below.integer("end", 0)
    if not 0 <= start < end <= _LAST_PORT:
        raise Rejected(
            "bad-port-range",
            f"ports from {start} up to and without {end} are no range",
            place=below.place,
            hint="start is included, end is not; Envoy refuses this filter too",
        )
    return Condition(
        "destination_port", f"from {start} to {end - 1}", _local_port, lambda port: start <= port < end, below.place
    )


def _local_port(facts: RbacFacts) -> int:
    return facts.connection.local_port


def _names(facts: RbacFacts) -> list[str] | None:
    """What a client is called: URI SANs, DNS SANs, then its subject; None without TLS."""
    tls = facts.connection.tls
    if tls is None:
        return None
    peer = tls.peer
    return [""] if peer is None else [*peer.uri_sans, *peer.dns_sans, peer.subject]


def _authenticated(view: View, kind: str) -> Leaf:
    below = view.view(kind)
    name = below.view("principal_name") if below is not None else None
    place = view.place_of(kind)
    if name is None:
        # Any TLS will do, with or without a certificate.
        return Condition("authenticated", "any TLS client", _names, lambda names: names is not None, place)
    test = compile_string_matcher(name)
    if test is None:
        return unmodelled("authenticated", "not modelled", place)
    holds = test.holds

    def verdict(names: list[str] | None) -> bool:
        return names is not None and any(map(holds, names))

    return Condition(kind, test.want, _names, verdict, place)


def _metadata(view: View, kind: str) -> Leaf:
    below = view.view(kind)
    assert below is not None
    of_route = False
    if kind == "sourced_metadata":
        of_route = below.enum("metadata_source", ("DYNAMIC", "ROUTE")) == "ROUTE"
        inner = below.view("metadata_matcher")
        below = inner if inner is not None else below
    value = below.view("value")
    test = compile_value_matcher(value) if value is not None else None
    namespace, path = metadata_path(below)
    what = f"{'route ' if of_route else ''}metadata {'.'.join((namespace, *path))}"
    if test is None:
        return unmodelled(what, "not modelled", below.place)
    invert = below.boolean("invert", False)

    def read(facts: RbacFacts) -> list[Any] | None:
        """What stands there, alone in a list; an empty list: nothing. None: there is no route whose metadata to ask."""
        metadata = facts.route_metadata if of_route else facts.metadata
        if metadata is None:
            return None
        found = value_at(metadata, namespace, path)
        return [] if found is ABSENT else [found]

    def holds(seen: list[Any] | None) -> bool | None:
        held = False if seen is None else test(seen[0] if seen else ABSENT)
        return held if held is None or seen is None else held != invert

    return Condition(what, value.data if value is not None else None, read, holds, below.place)


def _filter_state(view: View, kind: str) -> Leaf:
    below = view.view(kind)
    assert below is not None
    key = below.text("key", "")
    text = below.view("string_match")
    test = compile_string_matcher(text) if text is not None else None
    if test is None:
        return unmodelled(f"filter_state {key}", "not modelled", below.place)
    holds = test.holds

    def read(facts: RbacFacts) -> list[str] | None:
        """The value alone in a list; an empty list: nobody wrote one. None: filters not modelled may have."""
        value = facts.filter_state.get(key)
        return [value] if value is not None else [] if facts.filter_state_known else None

    def verdict(seen: list[str] | None) -> bool | None:
        return None if seen is None else any(map(holds, seen))

    return Condition(f"filter_state {key}", test.want, read, verdict, below.place)


def _opaque(view: View, kind: str) -> Leaf:
    return unmodelled(kind, "not modelled", view.place_of(kind))


def _uri_template(view: View, kind: str) -> Leaf:
    """Over plain TCP there is no path to match."""
    below = view.view(kind)
    template = compile_uri_template(below) if below is not None else None
    if template is None:
        return unmodelled(kind, "not modelled", view.place_of(kind))
    matches = template.matches
    return Condition(
        kind, template.pattern, _path, lambda path: path is not None and matches(path), view.place_of(kind)
    )


_SHARED: Mapping[str, Compile] = {
    "any": _any,
    "header": _header,
    "url_path": _url_path,
    "metadata": _metadata,
    "sourced_metadata": _metadata,
}
PERMISSIONS: Mapping[str, Compile] = {
    **_SHARED,
    "destination_ip": _address("destination_ip", lambda facts: facts.connection.local),
    "destination_port": _port,
    "destination_port_range": _port_range,
    "requested_server_name": _text("requested_server_name", lambda facts: facts.connection.sni),
    "uri_template": _uri_template,
    "matcher": _opaque,
}
PRINCIPALS: Mapping[str, Compile] = {
    **_SHARED,
    "authenticated": _authenticated,
    "source_ip": _address("source_ip", lambda facts: facts.source),
    "direct_remote_ip": _address("direct_remote_ip", lambda facts: facts.connection.direct_remote),
    "remote_ip": _address("remote_ip", lambda facts: facts.connection.remote),
    "filter_state": _filter_state,
    "custom": _opaque,
}
OVER_HTTP_ONLY = frozenset({"header"})
