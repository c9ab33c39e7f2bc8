"""istio.alpn: which ALPN list goes to a TLS upstream, by the protocol spoken to it.

istio/proxy source/extensions/filters/http/alpn/alpn_filter.cc. It never answers and never re-routes.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...config.view import View

TYPE_NAMES = frozenset({"istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"})
_PROTOCOLS = ("HTTP10", "HTTP11", "HTTP2")
_VERSIONS = {"HTTP10": "http/1.0", "HTTP11": "http/1.1", "HTTP2": "http2"}


def compile_alpn_override(view: View) -> Mapping[str, tuple[str, ...]]:
    """Upstream protocol (http/1.0, http/1.1, http2) -> the list offered."""
    overrides = {}
    for entry in view.views("alpn_override"):
        protocol = entry.enum("upstream_protocol", _PROTOCOLS)
        overrides[_VERSIONS.get(protocol, protocol)] = entry.texts("alpn_override")
    return overrides
