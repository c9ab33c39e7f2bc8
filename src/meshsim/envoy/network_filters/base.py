"""NetworkFilter: one filter of a chain and what kind of influence it has on the call."""

from __future__ import annotations

from attrs import define

from ...place import Place
from .hcm import HttpConnectionManager
from .tcp_proxy import TcpProxy

NetworkConfig = HttpConnectionManager | TcpProxy


@define(eq=False)
class NetworkFilter:
    name: str
    type_url: str
    place: Place
    kind: str
    """tcp, http: routes the call. neutral: watches only. sni_cluster: may rename tcp_proxy's cluster. direct_response:
    answers itself. opaque: not modelled, in the way. terminal: not modelled, ends the chain."""
    config: NetworkConfig | None = None
    clusters: tuple[str, ...] = ()
    """Clusters a terminal filter that is not modelled names."""

    @property
    def short_name(self) -> str:
        """The filter's own word: http_connection_manager, tcp_proxy, …"""
        own = {"http": "http_connection_manager", "tcp": "tcp_proxy"}.get(self.kind)
        return own or self.name.removeprefix("envoy.filters.network.").removeprefix("envoy.")
