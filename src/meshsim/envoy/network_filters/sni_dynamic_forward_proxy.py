"""sni_dynamic_forward_proxy: resolves the server name; what DNS says no configuration shows.

envoyproxy/envoy source/extensions/filters/network/sni_dynamic_forward_proxy.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from ...place import Place
from ...reasons import because
from .verdicts import Behaviour, Closes, NetworkFacts, Open, Option, Verdict


@define(eq=False)
class SniDynamicForwardProxy(Behaviour):
    name: str
    place: Place
    port: int

    def new_connection(self, facts: NetworkFacts) -> Verdict:
        host = facts.connection.sni
        if not host:
            return None
        facts_of = {"filter": self.name, "host": host, "port": self.port}
        unresolved = Closes(because("network.name-unresolved", self.place, **facts_of))
        options = (Option("resolved", None, None), Option("unresolved", None, unresolved))
        return Open(because("network.resolves-name", self.place, **facts_of), options, default=0)


def compile_sni_dynamic_forward_proxy(view: View, name: str) -> SniDynamicForwardProxy:
    return SniDynamicForwardProxy(name, view.place, view.integer("port_value", 0))
