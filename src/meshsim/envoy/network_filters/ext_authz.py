"""ext_authz: a service decides with the first byte. envoyproxy/envoy source/extensions/filters/network/ext_authz.

What it says no configuration shows; that it cannot be reached, configuration may.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from ...place import Place
from ...reasons import because
from .authority import service_cluster
from .verdicts import Behaviour, Closes, NetworkFacts, Open, Option, Verdict

CLOSE_REASON, FLAG = "ext_authz_close", "UAEX"


@define(eq=False)
class NetworkExtAuthz(Behaviour):
    name: str
    place: Place
    cluster: str | None
    """None: it is not reached over a cluster."""
    failure_mode_allow: bool

    def first_bytes(self, facts: NetworkFacts) -> Verdict:
        failed = None if self.failure_mode_allow else self._closes("network.authority-unreachable", "ext_authz_error")
        if self.cluster is not None and facts.has_cluster(self.cluster) is False:
            return failed
        options = [
            Option("pass", None, None),
            Option("denied", None, self._closes("network.denied", "ext_authz_denied")),
        ]
        if failed is not None:
            options.append(Option("error", None, failed))
        what = because("network.asks-a-service", self.place, filter=self.name, cluster=self.cluster or "none")
        return Open(what, tuple(options), default=0)

    def _closes(self, code: str, details: str) -> Closes:
        return Closes(because(code, self.place, filter=self.name), CLOSE_REASON, (FLAG,), details)


def compile_ext_authz(view: View, name: str) -> NetworkExtAuthz:
    return NetworkExtAuthz(name, view.place, service_cluster(view), view.boolean("failure_mode_allow", False))
