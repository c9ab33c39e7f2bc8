"""Transport sockets towards an upstream: which one an endpoint gets, and how its TLS is set up.

Semantics of envoyproxy/envoy source/common/upstream/transport_socket_match_impl.cc and
source/common/tls/client_ssl_socket.cc. What the far side answers is the far side's configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from ..config.view import TypedConfig, View
from ..explanation import Candidate, Check, Fate
from ..facts.conversation import ClientTls
from ..match.condition import Condition, unmodelled
from ..match.first import FirstMatch
from ..match.tree import Row
from ..place import Place
from ..reasons import Reason
from .endpoints import Endpoint
from .peer_validation import PeerValidation, compile_peer_validation
from .socket_matcher import SocketMatcher, compile_socket_matcher
from .tls_parameters import Parameters, compile_parameters, secrets_of
from .tls_versions import CLIENT
from .unmodelled import unmodelled_fields

Labels = Mapping[str, Any]

_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_RAW = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
_PROXY_PROTOCOL = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport"
_INTERNAL_UPSTREAM = "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport"
_WRAPPERS = frozenset(
    (
        _INTERNAL_UPSTREAM,
        "envoy.extensions.transport_sockets.tap.v3.Tap",
        "envoy.extensions.transport_sockets.tcp_stats.v3.Config",
        _PROXY_PROTOCOL,
    )
)
"""Sockets around another one, which decides what is on the wire."""

_PLAIN = frozenset((_RAW, "envoy.extensions.transport_sockets.starttls.v3.UpstreamStartTlsConfig"))
"""starttls is plaintext until a filter that knows the protocol inside switches it over."""
_RAW_NAMES = frozenset(("raw_buffer", "envoy.transport_sockets.raw_buffer"))
_TLS_NAMES = frozenset(("tls", "envoy.transport_sockets.tls"))

_CONTEXT_KNOWN = frozenset(
    (
        "common_tls_context",
        "sni",
        "auto_host_sni",
        "auto_sni_san_validation",
        "allow_renegotiation",
        "max_session_keys",
        "enforce_rsa_key_usage",
    )
)
_COMMON_KNOWN = frozenset(
    (
        "tls_params",
        "tls_certificates",
        "tls_certificate_sds_secret_configs",
        "tls_certificate_provider_instance",
        "validation_context",
        "validation_context_sds_secret_config",
        "combined_validation_context",
        "alpn_protocols",
        "key_log",
    )
)
_CERTIFICATE_FIELDS = (
    "tls_certificates",
    "tls_certificate_sds_secret_configs",
    "tls_certificate_provider_instance",
)
_TEXT_MATCHERS = ("exact", "prefix", "suffix", "contains")


@define(eq=False)
class UpstreamTls:
    """An UpstreamTlsContext."""

    sni: str
    alpn: tuple[str, ...]
    auto_host_sni: bool
    client_certificate: bool
    """Whether a certificate of our own is configured, inline or from a secret."""
    secrets: tuple[str, ...]
    """Names of the secrets that must be delivered before it can speak."""
    san: tuple[str, ...]
    """What the peer's certificate must be for; other matchers than exact are written `kind:value`."""
    validation: PeerValidation
    parameters: Parameters = field(factory=lambda: Parameters(CLIENT))
    sni_san: bool = False
    """auto_sni_san_validation: the peer must be for the SNI that is sent."""

    @property
    def validates(self) -> bool:
        """Whether the peer's certificate is looked at, at all."""
        return self.validation.verifies


@define(eq=False)
class TransportSocket:
    """One way to talk to an endpoint; a row of transport_socket_matches, or the cluster's own."""

    name: str
    """The row's name; the cluster's own: `transport_socket`, or `raw_buffer` where none is configured."""
    place: Place
    kind: str
    """raw_buffer, tls, or the type's own name where it is not modelled."""
    tls: UpstreamTls | None = None
    matched: bool = True
    """Whether it is a row of transport_socket_matches."""
    conditions: tuple[Condition[Labels], ...] = ()
    sends_proxy_protocol: bool = False
    passes: tuple[tuple[str, str], ...] = ()
    """Metadata that an internal listener is given: (host, cluster, route or request, namespace)."""
    unmodelled: tuple[Reason, ...] = ()
    hellos: dict[Any, ClientTls] = field(factory=dict, init=False)
    """What this proxy says on it where that hangs on no request; filled by the tls stage."""

    @property
    def mode(self) -> str:
        if self.tls is None:
            return "plaintext"
        return "mtls" if self.tls.client_certificate else "tls"


@frozen(eq=False)
class UnstatedRow:
    """A row before an endpoint whose labels no input states: nobody can say whether it matches."""

    socket: TransportSocket
    conditions: tuple[Condition[Labels], ...]

    @property
    def name(self) -> str:
        return self.socket.name

    @property
    def place(self) -> Place:
        return self.socket.place


@frozen(eq=False)
class OpenWay:
    """A row of the transport_socket_matcher that only run time could tell of."""

    name: str
    place: Place
    leads_to: tuple[str, ...]
    """The sockets that it, or a tree below it, names."""


Ask = Callable[[UnstatedRow | OpenWay], bool]


def no_match(_row: object) -> bool:
    """The harmless answer."""
    return False


@define(eq=False)
class UpstreamTransport:
    """A cluster's transport sockets."""

    matches: FirstMatch[TransportSocket, Labels] | None
    default: TransportSocket
    doubts: tuple[Reason, ...] = ()
    matcher: SocketMatcher | None = None
    """Names a row; None: the rows' labels decide."""
    _unstated: FirstMatch[UnstatedRow, Labels] | None = field(default=None, init=False)

    @property
    def sockets(self) -> tuple[TransportSocket, ...]:
        """All that an endpoint may get."""
        return (self.default, *(self.matches.rows if self.matches is not None else ()))

    def pick(self, endpoint: Endpoint, ask: Ask = no_match) -> TransportSocket:
        """`ask` answers for a row that only labels nobody states keep open."""
        if self.matcher is not None:
            return self._named(self.matcher.tree.pick(endpoint, lambda row: ask(_way(row))))
        if self.matches is None:
            return self.default
        if not endpoint.metadata_stated:
            row = self._open_rows(self.matches).pick({}, ask)
            return self.default if row is None else row.socket
        found = self.matches.pick(endpoint.socket_metadata, no_match)
        if found is None and endpoint.locality is not None:
            found = self.matches.pick(endpoint.locality.socket_metadata, no_match)
        return self.default if found is None else found

    def _named(self, name: str | None) -> TransportSocket:
        """The row of that name; without one, the cluster's own."""
        rows = self.matches.rows if self.matches is not None else ()
        return next((row for row in rows if row.name == name), self.default)

    def _open_rows(self, matches: FirstMatch[TransportSocket, Labels]) -> FirstMatch[UnstatedRow, Labels]:
        if self._unstated is None:
            rows = tuple(
                UnstatedRow(row, tuple(unmodelled(one.what, one.want, one.place) for one in row.conditions))
                for row in matches.rows
            )
            self._unstated = FirstMatch("transport_socket_match", rows)
        return self._unstated

    def explain(self, endpoint: Endpoint, ask: Ask = no_match) -> tuple[TransportSocket, tuple[Candidate, ...]]:
        """The socket with every row's checks; those against the locality's labels only where the endpoint's lost."""
        found: TransportSocket | None = None
        candidates: tuple[Candidate, ...] = ()
        if self.matcher is not None:
            name, candidates = self.matcher.tree.explain(endpoint, lambda row: ask(_way(row)))
            named = self._named(name)
            found = None if named is self.default else named
        elif self.matches is not None and not endpoint.metadata_stated:
            row, candidates = self._open_rows(self.matches).explain({}, ask)
            found = None if row is None else row.socket
        elif self.matches is not None:
            found, candidates = self.matches.explain(endpoint.socket_metadata, no_match)
            if found is None and endpoint.locality is not None and endpoint.locality.socket_metadata:
                found, more = self.matches.explain(endpoint.locality.socket_metadata, no_match)
                candidates += more
        default = self.default
        fate = Fate.CHOSEN if found is None else Fate.NOT_REACHED
        check = Check("transport_socket_matches", "no match", None if found is None else found.name, found is None)
        own = Candidate(default.name, "transport_socket", fate, (check,), default.place)
        return (default if found is None else found), (*candidates, own)


def _way(row: Row[Endpoint, str]) -> OpenWay:
    below, action = row.on_match.tree, row.on_match.action
    return OpenWay(row.label, row.place, below.actions if below is not None else () if action is None else (action,))


def compile_upstream_transport(cluster: View, resource: str) -> UpstreamTransport:
    rows = tuple(_row(view, resource) for view in cluster.views("transport_socket_matches"))
    own = cluster.view("transport_socket")
    if own is not None:
        default = _compile_socket(own, "transport_socket", resource)
    elif cluster.has("tls_context"):
        default = _compile_tls(cluster.view("tls_context") or cluster, "transport_socket", resource)
    else:
        default = TransportSocket("raw_buffer", cluster.place, "raw_buffer")
    default.matched = False
    asked = cluster.view("transport_socket_matcher")
    matcher = None if asked is None else compile_socket_matcher(asked)
    doubts = () if matcher is None else matcher.unmodelled
    return UpstreamTransport(FirstMatch("transport_socket_match", rows) if rows else None, default, doubts, matcher)


def _row(view: View, resource: str) -> TransportSocket:
    below = view.view("transport_socket")
    name = view.text("name", "")
    socket = (
        TransportSocket(name, view.place, "raw_buffer") if below is None else _compile_socket(below, name, resource)
    )
    socket.place = view.place
    labels = view.view("match")
    if labels is not None:
        socket.conditions = tuple(_label(key, want, labels.place_of(key)) for key, want in labels.data.items())
    return socket


def _label(key: str, want: Any, place: Place) -> Condition[Labels]:
    """A label holds when the endpoint has it with an equal value of the same type; lists never do."""
    numeric = isinstance(want, int | float) and not isinstance(want, bool)

    def test(seen: Any) -> bool:
        if isinstance(want, list) or seen is None:
            return False
        if numeric:
            return isinstance(seen, int | float) and not isinstance(seen, bool) and bool(seen == want)
        return type(seen) is type(want) and bool(seen == want)

    return Condition(f"match.{key}", want, lambda labels: labels.get(key), test, place)


def _compile_socket(view: View, name: str, resource: str) -> TransportSocket:
    typed = view.extension()
    type_name = typed.type_name if typed is not None else ""
    if typed is not None and type_name in _WRAPPERS:
        inner = typed.view.view("transport_socket")
        if inner is not None:
            socket = _compile_socket(inner, name, resource)
            socket.sends_proxy_protocol |= type_name == _PROXY_PROTOCOL
            if type_name == _INTERNAL_UPSTREAM:
                socket.passes = tuple(_passed(each) for each in typed.view.views("passthrough_metadata"))
            return socket
    written = view.text("name", "")
    if _is_tls(typed, written):
        context = typed.view if typed is not None else view.view("config") or view
        return _compile_tls(context, name, resource)
    if type_name in _PLAIN or (typed is None and written in _RAW_NAMES):
        return TransportSocket(name, view.place, "raw_buffer")
    return TransportSocket(name, view.place, type_name or written)


def _passed(view: View) -> tuple[str, str]:
    kind = view.view("kind")
    return next(iter(kind.keys()), "") if kind is not None else "", view.text("name", "")


def _is_tls(typed: TypedConfig | None, written: str) -> bool:
    if typed is None:
        return written in _TLS_NAMES
    return typed.type_name == _TLS or typed.type_name.endswith(".UpstreamTlsContext")


def _compile_tls(view: View, name: str, resource: str) -> TransportSocket:
    common = view.view("common_tls_context")
    parameters, not_evaluated = compile_parameters(common, CLIENT)
    unmodelled = (*not_evaluated, *unmodelled_fields(view, _CONTEXT_KNOWN, resource))
    tls = UpstreamTls(
        sni=view.text("sni", ""),
        alpn=() if common is None else common.texts("alpn_protocols"),
        auto_host_sni=view.boolean("auto_host_sni", False),
        client_certificate=common is not None and any(common.raw(field) for field in _CERTIFICATE_FIELDS),
        secrets=() if common is None else secrets_of(common),
        san=(),
        validation=compile_peer_validation(common),
        parameters=parameters,
        sni_san=view.boolean("auto_sni_san_validation", False),
    )
    if common is not None:
        unmodelled += unmodelled_fields(common, _COMMON_KNOWN, resource)
        combined = common.view("combined_validation_context")
        validation = common.view("validation_context") or (
            combined.view("default_validation_context") if combined is not None else None
        )
        tls.san = _san(validation) if validation is not None else ()
        unmodelled += tls.validation.unmodelled
    return TransportSocket(name, view.place, "tls", tls, unmodelled=unmodelled)


def _san(validation: View) -> tuple[str, ...]:
    matchers = [view.view("matcher") for view in validation.views("match_typed_subject_alt_names")]
    matchers += validation.views("match_subject_alt_names")
    return (
        *(_san_text(matcher) for matcher in matchers if matcher is not None),
        *validation.texts("verify_subject_alt_name"),
    )


def _san_text(matcher: View) -> str:
    kind = matcher.one_of(_TEXT_MATCHERS)
    if kind == "exact":
        return matcher.text("exact", "")
    if kind is not None:
        return f"{kind}:{matcher.text(kind, '')}"
    regex = matcher.view("safe_regex")
    return "regex:" + (regex.text("regex", "") if regex is not None else "")
