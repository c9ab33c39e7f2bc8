"""NetworkFilter: one filter of a chain and what kind of influence it has on the call."""

from __future__ import annotations

from attrs import define

from ...place import Place
from .hcm import HttpConnectionManager
from .tcp_proxy import TcpProxy
from .verdicts import Behaviour

NetworkConfig = HttpConnectionManager | TcpProxy | Behaviour


@define(eq=False)
class NetworkFilter:
    name: str
    type_url: str
    place: Place
    kind: str
    """tcp, http: routes the call. neutral: watches only. acts: has a behaviour. direct_response, echo: answers itself.
    opaque: not modelled, in the way. terminal: not modelled, ends the chain."""
    config: NetworkConfig | None = None
    clusters: tuple[str, ...] = ()
    """Clusters a terminal filter that is not modelled names."""
    label: str = ""
    """The name, with `#2` and so on where earlier filters of the chain have the same."""

    @property
    def behaviour(self) -> Behaviour | None:
        return self.config if isinstance(self.config, Behaviour) else None

    @property
    def short_name(self) -> str:
        """The filter's own word: http_connection_manager, tcp_proxy, …"""
        own = {"http": "http_connection_manager", "tcp": "tcp_proxy"}.get(self.kind)
        return own or self.name.removeprefix("envoy.filters.network.").removeprefix("envoy.")
