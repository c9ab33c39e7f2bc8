"""rbac: closes connections by policies, with the first byte. envoyproxy/envoy source/extensions/filters/network/rbac.

Over TCP Istio writes the same policies as over HTTP, without what only a request has.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from ...errors import Rejected
from ...explanation import Candidate
from ...reasons import Reason, because
from ..rbac.engine import Judgement
from ..rbac.facts import NO_REQUEST, RbacFacts
from ..rbac.filter_config import RbacConfig, compile_rbac
from .verdicts import Behaviour, Closes, NetworkFacts, Open, Option, Verdict

CLOSE_REASON = "rbac_deny_close"


@define(eq=False)
class NetworkRbac(Behaviour):
    name: str
    config: RbacConfig

    def first_bytes(self, facts: NetworkFacts) -> Verdict:
        config = self.config
        if config.idle:
            return None
        if config.opaque is not None:
            why = because("network.filter-blocks", config.place, filter=self.name)
            return _open(config.opaque, (Option("pass", None, None), Option("blocks", None, Closes(why, CLOSE_REASON))))
        courses = config.courses(_asked(facts))
        if all(course.allowed for course in courses):
            return None
        if len(courses) == 1:
            return self._closes(courses[0])
        options = tuple(Option(course.policy or "no policy", None, self._closes(course)) for course in courses)
        policies = ", ".join(course.policy or "" for course in courses[:-1])
        return _open(because("filter.rbac-open", config.place, filter=self.name, policies=policies), options)

    def _closes(self, judgement: Judgement) -> Closes | None:
        if judgement.allowed:
            return None
        why = self.config.denied(judgement)
        return Closes(why, CLOSE_REASON, termination_details=judgement.details)

    def candidates(self, facts: NetworkFacts, option: int | None) -> tuple[Candidate, ...]:
        asked = _asked(facts)
        courses = self.config.courses(asked)
        taken = courses[-1 if option is None or option >= len(courses) else option]
        return self.config.explain(asked, taken.policy)


def _open(what: Reason, options: tuple[Option, ...]) -> Open:
    """The harmless course is one that lets the connection pass; of several, the last."""
    passing = [index for index, option in enumerate(options) if option.verdict is None]
    return Open(what, options, default=passing[-1] if passing else len(options) - 1)


def _asked(facts: NetworkFacts) -> RbacFacts:
    connection = facts.connection
    return RbacFacts(
        connection,
        NO_REQUEST,
        connection.remote,
        filter_state=facts.filter_state,
        filter_state_known=facts.all_known,
    )


def compile_network_rbac(view: View, name: str) -> NetworkRbac:
    if not view.text("stat_prefix", ""):
        raise Rejected(
            "no-stat-prefix",
            "an RBAC network filter without stat_prefix",
            place=view.place,
            hint="give it one; Envoy refuses this listener too",
        )
    return NetworkRbac(name, compile_rbac(view, name, over_http=False))
