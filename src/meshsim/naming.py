"""What a service's name stands for, as far as a sidecar's own configuration tells: Istio writes both in it.

A virtual host of an HTTP port lists the service's names and its address as domains. A service with a listener of its
own (TCP, or a sniffed port) is named by that listener's cluster or route configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

from .address import ANY_V4, ANY_V6, split_host_port, try_parse_ip
from .envoy.listeners import Listener
from .envoy.network_filters.hcm import HttpConnectionManager
from .envoy.network_filters.tcp_proxy import TcpProxy
from .envoy.proxy import Proxy
from .istio.names import parse_cluster_name
from .place import Place


def service_address(proxy: Proxy, host: str, port: int) -> tuple[int, Place] | None:
    """The address of the service that `host` (lower-case) names on `port`, and where that is written."""
    table = proxy.route_table(str(port))
    for vhost in table.vhosts if table is not None else ():
        texts = [domain.text for domain in vhost.domains]
        if host in texts:
            found = (try_parse_ip(split_host_port(text)[0]) for text in texts)
            address = next((ip for ip in found if ip is not None), None)
            if address is not None:
                return address, vhost.place
    names = set(_qualified(proxy, host))
    for listener in proxy.listeners.listeners:
        for ip, own_port in listener.addresses:
            if own_port == port and ip not in (ANY_V4, ANY_V6) and names & set(_services(listener)):
                return ip, listener.place
    return None


def _qualified(proxy: Proxy, host: str) -> Iterator[str]:
    """The name itself, then with each tail of the pod's DNS domain (`default.svc.cluster.local`) behind it."""
    yield host
    labels = proxy.node_id.split("~")[-1].split(".") if proxy.kind else []
    for index in range(len(labels)):
        yield ".".join((host, *labels[index:]))


def _services(listener: Listener) -> Iterator[str]:
    """Hosts that the listener's route configurations and clusters are named after."""
    for chain in listener.chains.chains:
        for network_filter in chain.filters:
            config = network_filter.config
            if isinstance(config, HttpConnectionManager) and config.route_config_name:
                yield config.route_config_name.rpartition(":")[0]
            elif isinstance(config, TcpProxy):
                name = parse_cluster_name(config.cluster or "")
                if name is not None and name.service is not None:
                    yield name.service
