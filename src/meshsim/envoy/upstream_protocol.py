"""Which HTTP version a cluster speaks to its endpoints, and which SNI rules come with that.

From HttpProtocolOptions, or from the cluster's own fields of before 1.17. Semantics of envoyproxy/envoy
source/common/upstream/upstream_impl.cc (upstreamHttpProtocol).
"""

from __future__ import annotations

from attrs import define, evolve

from ..config.view import View
from ..reasons import Reason
from .unmodelled import unmodelled_fields
from .upstream_filters import NONE, UpstreamFilters, compile_upstream_filters

_OPTIONS_TYPE = "HttpProtocolOptions"
_OPTIONS_KNOWN = frozenset(
    (
        "common_http_protocol_options",
        "upstream_http_protocol_options",
        "explicit_http_config",
        "use_downstream_protocol_config",
        "auto_config",
        "header_validation_config",
        "http_filters",
    )
)
_EXPLICIT = {"http_protocol_options": "http/1.1", "http2_protocol_options": "http2"}
_EXPLICIT_KNOWN = frozenset(_EXPLICIT)
_SNI_KNOWN = frozenset(("auto_sni", "auto_san_validation", "override_auto_sni_header"))
_POOL_ALPN = {"http/1.1": "http/1.1", "http2": "h2"}


@define(eq=False)
class UpstreamProtocol:
    explicit: str | None = "http/1.1"
    """The version that is always spoken; None: the downstream's, or what ALPN says."""
    use_downstream: bool = False
    auto: bool = False
    """Negotiated by ALPN."""
    auto_sni: bool = False
    auto_sni_header: str = ""
    """Read instead of the authority; empty: the authority."""
    auto_san_validation: bool = False
    filters: UpstreamFilters = NONE
    """Between router and upstream; empty: the router's own."""
    unmodelled: tuple[Reason, ...] = ()
    doubts: tuple[Reason, ...] = ()

    def versions(self, downstream: str) -> tuple[str, ...]:
        """What may be spoken, the preferred one first, to a request that came as `downstream`."""
        if self.use_downstream:
            # An upstream is never spoken to in HTTP/1.0.
            return ("http/1.1",) if downstream == "http/1.0" else (downstream,)
        if self.auto:
            return ("http2", "http/1.1")
        return (self.explicit or "http/1.1",)


def decided_by(protocol: UpstreamProtocol, offered: tuple[str, ...]) -> UpstreamProtocol:
    """Negotiating needs both names: a transport socket that offers a list without h2 never speaks it."""
    if protocol.auto and offered and "h2" not in offered:
        return evolve(protocol, explicit="http/1.1", auto=False)
    return protocol


def pool_alpn(versions: tuple[str, ...]) -> tuple[str, ...]:
    """What a connection pool offers when nothing else names an ALPN list."""
    return tuple(_POOL_ALPN[version] for version in versions if version in _POOL_ALPN)


def compile_upstream_protocol(cluster: View, resource: str) -> UpstreamProtocol:
    for name, view in cluster.map("typed_extension_protocol_options"):
        typed = view.unwrapped()
        type_name = typed.type_name if typed is not None else name
        if type_name.rpartition(".")[2] == _OPTIONS_TYPE:
            return _compile_options(typed.view if typed is not None else view, resource)
    protocol = UpstreamProtocol(
        explicit="http2" if cluster.has("http2_protocol_options") else "http/1.1",
        use_downstream=cluster.enum("protocol_selection", _SELECTIONS, unnamed=_SELECTIONS[0])
        == "USE_DOWNSTREAM_PROTOCOL",
    )
    _read_sni(cluster, protocol, resource)
    return protocol


_SELECTIONS = ("USE_CONFIGURED_PROTOCOL", "USE_DOWNSTREAM_PROTOCOL")


def _compile_options(view: View, resource: str) -> UpstreamProtocol:
    protocol = UpstreamProtocol()
    _read_sni(view, protocol, resource)
    explicit = view.view("explicit_http_config")
    if explicit is not None:
        chosen = explicit.one_of(tuple(_EXPLICIT))
        protocol.explicit = _EXPLICIT.get(chosen or "", "http/1.1")
        protocol.doubts += unmodelled_fields(explicit, _EXPLICIT_KNOWN, resource)
    elif view.has("use_downstream_protocol_config"):
        protocol.explicit, protocol.use_downstream = None, True
    elif view.has("auto_config"):
        protocol.explicit, protocol.auto = None, True
    protocol.filters = compile_upstream_filters(view, "http_filters", resource)
    # Whatever else it states may answer or send elsewhere.
    protocol.doubts += unmodelled_fields(view, _OPTIONS_KNOWN, resource)
    return protocol


def _read_sni(view: View, protocol: UpstreamProtocol, resource: str) -> None:
    options = view.view("upstream_http_protocol_options")
    if options is None:
        return
    protocol.auto_sni = options.boolean("auto_sni", False)
    protocol.auto_sni_header = options.text("override_auto_sni_header", "").lower()
    protocol.auto_san_validation = options.boolean("auto_san_validation", False)
    protocol.unmodelled += unmodelled_fields(options, _SNI_KNOWN, resource)
