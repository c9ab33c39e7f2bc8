"""dynamic_forward_proxy clusters: the host is whom the call names, resolved when it is called.

Semantics of envoyproxy/envoy source/extensions/clusters/dynamic_forward_proxy/cluster.cc: the authority of a request or
the SNI of a connection, with the port of the scheme that the cluster speaks where none is stated.
"""

from __future__ import annotations

from attrs import frozen

from ..address import try_parse_ip
from ..config.view import View
from ..place import Place
from .endpoints import Endpoint, NameAddress, SocketAddress
from .name_resolution import Names, of_family

DYNAMIC_FORWARD_PROXY = "envoy.clusters.dynamic_forward_proxy"
_LOOKUP_FAMILIES = ("AUTO", "V4_ONLY", "V6_ONLY", "V4_PREFERRED", "ALL")


@frozen
class DynamicForwardProxy:
    lookup_family: str

    def host(self, named: str, default_port: int, names: Names, place: Place) -> Endpoint | None:
        """None: such a name has no address that may be used. A name that nobody resolved stays one."""
        name, port = _split(named, default_port)
        literal = try_parse_ip(name)
        answers = (literal,) if literal is not None else names.get(name)
        if answers is None:
            address = NameAddress(name, port)
            return Endpoint(str(address), place, address, hostname=name)
        used = of_family(answers, self.lookup_family)
        if not used:
            return None
        found = SocketAddress(used[0], port)
        return Endpoint(str(found), place, found, hostname=name)

    def failure(self, named: str, names: Names) -> str:
        """What the resolver says of a name without an address that may be used."""
        name, _ = _split(named, 0)
        if try_parse_ip(name) is not None:
            return "Misformatted_domain_name"
        return "DNS_server_returned_answer_with_no_data" if names.get(name) else "Domain_name_not_found"


def _split(named: str, default_port: int) -> tuple[str, int]:
    name, colon, port = named.rpartition(":")
    if named.endswith("]") or not colon:
        return named.strip("[]"), default_port
    if port.isascii() and port.isdigit() and int(port) <= 65535:
        return name.strip("[]"), int(port)
    return named, default_port


def compile_dynamic_forward_proxy(cluster: View) -> DynamicForwardProxy:
    custom = cluster.view("cluster_type")
    typed = custom.any("typed_config") if custom is not None else None
    cache = typed.view.view("dns_cache_config") if typed is not None else None
    return DynamicForwardProxy((cache or cluster).enum("dns_lookup_family", _LOOKUP_FAMILIES))
