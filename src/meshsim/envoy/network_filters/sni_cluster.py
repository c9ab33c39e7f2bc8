"""sni_cluster: the server name, where a listener filter has read one, is tcp_proxy's cluster.

envoyproxy/envoy source/extensions/filters/network/sni_cluster.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from .set_filter_state import CLUSTER
from .verdicts import Behaviour, NetworkFacts, Verdict, Writes


@define(eq=False)
class SniCluster(Behaviour):
    def new_connection(self, facts: NetworkFacts) -> Verdict:
        name = facts.connection.sni
        return Writes({**facts.filter_state, CLUSTER: name}) if name else None


def compile_sni_cluster(_view: View, _name: str) -> SniCluster:
    return SniCluster()
