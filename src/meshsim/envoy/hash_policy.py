"""hash_policy of routes, of tcp_proxy and of load balancers: what of a call a hashing load balancer looks at.

Semantics of envoyproxy/envoy source/common/http/hash_policy.cc and source/common/network/hash_policy.cc. What nobody
stated (a generated cookie, filter state that no filter is known to have written, a header made up by chance) leaves the
whole value unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve, frozen
from xxhash import xxh64_intdigest

from ..address import format_ip
from ..config.view import View
from ..facts.connection import Connection
from ..facts.request import Request
from ..match.regex import to_bytes
from ..place import Place
from .filter_state import HASHABLE_STRING, STRING, StateText
from .path_rewrites import RegexRewrite, compile_regex_rewrite

_MASK = (1 << 64) - 1
UNKNOWN = "unknown"
ABSENT = "absent"


@frozen
class Hashed:
    """What the policies make of one call."""

    value: int | None
    """None: nothing to hash was found, or it is not known."""
    sources: tuple[str, ...] = ()
    """The policies that gave something, as users name them."""
    unknown: str | None = None
    """The policy whose value cannot be known."""


@frozen(eq=False)
class HashPolicy:
    kind: str
    name: str
    place: Place
    terminal: bool
    rewrite: RegexRewrite | None = None
    generates: bool = False
    """A cookie that is made where the client sends none."""

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


NOTHING = Hashed(None)
NO_STATE: Mapping[str, str] = {}


def hash_of(
    policies: Sequence[HashPolicy],
    connection: Connection,
    request: Request | None,
    filter_state: Mapping[str, str] = NO_STATE,
) -> Hashed:
    """`filter_state`: what HTTP filters wrote, who cannot replace what the connection has."""
    if filter_state:
        connection = evolve(connection, filter_state={**filter_state, **connection.filter_state})
    value: int | None = None
    sources: tuple[str, ...] = ()
    for policy in policies:
        found = _READERS[policy.kind](policy, connection, request)
        if found == UNKNOWN:
            return Hashed(None, sources, policy.label)
        if not isinstance(found, str):
            rotated = 0 if value is None else (value << 1 | value >> 63) & _MASK
            value = rotated ^ found
            sources += (policy.label,)
        if policy.terminal and value is not None:
            break
    return Hashed(value, sources)


def _header(policy: HashPolicy, _connection: Connection, request: Request | None) -> int | str:
    if request is None:
        return ABSENT
    if not policy.name.startswith(":") and policy.name != "host":
        stated = request.headers.get(policy.name)
        if stated == ():
            # written by a proxy with a value of chance
            return UNKNOWN
    values: Sequence[str] = request.values(policy.name)
    if not values:
        return ABSENT
    if policy.rewrite is not None:
        regex, substitution = policy.rewrite.regex, policy.rewrite.substitution
        values = [regex.replace_all(value, substitution) for value in values]
    made = 0
    for each in sorted(map(to_bytes, values)):
        made = xxh64_intdigest(each, made)
    return made


def _cookie(policy: HashPolicy, _connection: Connection, request: Request | None) -> int | str:
    if request is None:
        return ABSENT
    for line in request.headers.get("cookie", ()):
        for part in line.split(";"):
            key, equals, value = part.partition("=")
            if equals and key.lstrip(" ") == policy.name:
                if len(value) >= 2 and value[0] == value[-1] == '"':
                    value = value[1:-1]
                if value:
                    return xxh64_intdigest(to_bytes(value))
                return UNKNOWN if policy.generates else ABSENT
    return UNKNOWN if policy.generates else ABSENT


def _source_ip(_policy: HashPolicy, connection: Connection, _request: Request | None) -> int | str:
    return xxh64_intdigest(format_ip(connection.remote).encode())


def _query(policy: HashPolicy, _connection: Connection, request: Request | None) -> int | str:
    _, _, query = request.path.partition("?") if request is not None else ("", "", "")
    for name, value in (part.partition("=")[::2] for part in query.split("&")):
        if name == policy.name:
            return xxh64_intdigest(to_bytes(value))
    return ABSENT


def _filter_state(policy: HashPolicy, connection: Connection, _request: Request | None) -> int | str:
    """What no filter is known to have written, another may have; most objects hash in ways of their own."""
    found = connection.filter_state.get(policy.name)
    factory = found.factory if isinstance(found, StateText) else ""
    if found is not None and factory == HASHABLE_STRING:
        return xxh64_intdigest(to_bytes(found))
    return ABSENT if factory == STRING else UNKNOWN


_READERS: dict[str, Callable[[HashPolicy, Connection, Request | None], int | str]] = {
    "header": _header,
    "cookie": _cookie,
    "source_ip": _source_ip,
    "query_parameter": _query,
    "filter_state": _filter_state,
}


def compile_hash_policies(views: Sequence[View]) -> tuple[HashPolicy, ...]:
    """A route's, or a load balancer's own."""
    return tuple(made for view in views if (made := _compile(view)) is not None)


def _compile(view: View) -> HashPolicy | None:
    terminal = view.boolean("terminal", False)
    kind = view.one_of(("header", "cookie", "connection_properties", "query_parameter", "filter_state"))
    below = view.view(kind) if kind is not None else None
    if kind is None or below is None:
        return None
    if kind == "connection_properties":
        return HashPolicy("source_ip", "", view.place, terminal) if below.boolean("source_ip", False) else None
    if kind == "header":
        rewrite = below.view("regex_rewrite")
        name = below.text("header_name", "").lower()
        return HashPolicy(kind, name, view.place, terminal, None if rewrite is None else compile_regex_rewrite(rewrite))
    if kind == "cookie":
        return HashPolicy(kind, below.text("name", ""), view.place, terminal, generates=below.has("ttl"))
    return HashPolicy(kind, below.text("key" if kind == "filter_state" else "name", ""), view.place, terminal)


def compile_connection_policies(views: Sequence[View]) -> tuple[HashPolicy, ...]:
    """tcp_proxy's."""
    found = []
    for view in views:
        kind = view.one_of(("source_ip", "filter_state"))
        below = view.view(kind) if kind is not None else None
        if kind is not None:
            name = below.text("key", "") if below is not None else ""
            found.append(HashPolicy(kind, name if kind == "filter_state" else "", view.place, terminal=False))
    return tuple(found)
