"""local_ratelimit: tokens for connections. envoyproxy/envoy source/extensions/filters/network/local_ratelimit.

A call is the first connection there is: only a bucket that holds nothing turns it away.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..runtime import RuntimeFlag, compile_runtime_flag
from .verdicts import Behaviour, Closes, NetworkFacts, Verdict

CLOSE_REASON, FLAG = "local_ratelimit_close_over_limit", "URX"


@define(eq=False)
class LocalRateLimit(Behaviour):
    name: str
    place: Place
    max_tokens: int
    enabled: RuntimeFlag

    def new_connection(self, facts: NetworkFacts) -> Verdict:
        if self.max_tokens > 0 or not self.enabled.of(facts.runtime):
            return None
        return Closes(because("network.no-tokens", self.place, filter=self.name), CLOSE_REASON, (FLAG,))


def compile_local_rate_limit(view: View, name: str) -> LocalRateLimit:
    bucket = view.view("token_bucket")
    tokens = bucket.integer("max_tokens", 0) if bucket is not None else 0
    return LocalRateLimit(name, view.place, tokens, compile_runtime_flag(view.view("runtime_enabled"), default=True))
