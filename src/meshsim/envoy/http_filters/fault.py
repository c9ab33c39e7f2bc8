"""fault: aborts (and delays) a share of the requests. envoyproxy/envoy source/extensions/filters/http/fault.

A delay changes when, not where; it shows in the response flags.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from attrs import frozen

from ...config.view import View
from ...match.condition import Condition
from ...place import Place
from ...reasons import Reason, because
from ..matchers import compile_header_matcher
from ..per_filter import PerFilter
from ..route_actions import RouteAction
from ..unmodelled import unmodelled_fields
from .base import Change, FilterFacts, Open, Option, Reply, Verdict
from .per_route import PerRoute
from .shares import NEVER, Share

TYPE_NAME = "envoy.extensions.filters.http.fault.v3.HTTPFault"
_FIELDS = frozenset(
    {
        "delay",
        "abort",
        "upstream_cluster",
        "headers",
        "max_active_faults",
        "downstream_nodes",
        "response_rate_limit",
        "delay_percent_runtime",
        "abort_percent_runtime",
        "delay_duration_runtime",
        "abort_http_status_runtime",
        "abort_grpc_status_runtime",
        "max_active_faults_runtime",
        "response_rate_limit_percent_runtime",
        "disable_downstream_cluster_stats",
        "filter_metadata",
    }
)
_ABORT_KEY, _DELAY_KEY = "fault.http.abort.abort_percent", "fault.http.delay.fixed_delay_percent"
_DELAY_HEADER = "x-envoy-fault-delay-request"
_DELAY_PERCENTAGE_HEADER = "x-envoy-fault-delay-request-percentage"
_ABORT_HEADER = "x-envoy-fault-abort-request"
_ABORT_GRPC_HEADER = "x-envoy-fault-abort-grpc-request"
_PERCENTAGE_HEADER = "x-envoy-fault-abort-request-percentage"


@frozen(eq=False)
class FaultConfig:
    place: Place
    upstream_cluster: str
    headers: tuple[Condition[Any], ...]
    abort_share: Share
    http_status: int | None
    grpc_status: int | None
    by_header: bool
    delay_share: Share
    delay_ms: float
    """The fixed delay."""
    delay_by_header: bool
    nodes: frozenset[str]
    """downstream_nodes: who is meant; empty: everybody."""
    unmodelled: tuple[Reason, ...]


def compile_config(view: View, name: str) -> FaultConfig:
    abort = view.view("abort")
    delay = view.view("delay")
    off = view.integer("max_active_faults") == 0
    return FaultConfig(
        place=view.place,
        upstream_cluster=view.text("upstream_cluster", ""),
        headers=tuple(compile_header_matcher(entry) for entry in view.views("headers")),
        abort_share=NEVER if off else _share(abort, view.text("abort_percent_runtime", "") or _ABORT_KEY),
        http_status=abort.integer("http_status") if abort is not None else None,
        grpc_status=abort.integer("grpc_status") if abort is not None else None,
        by_header=abort is not None and abort.has("header_abort"),
        delay_share=NEVER if off else _share(delay, view.text("delay_percent_runtime", "") or _DELAY_KEY),
        delay_ms=delay.duration_ms("fixed_delay", 0) if delay is not None else 0,
        delay_by_header=delay is not None and delay.has("header_delay"),
        nodes=frozenset(view.texts("downstream_nodes")),
        unmodelled=unmodelled_fields(view, _FIELDS, name),
    )


def _share(view: View | None, key: str) -> Share:
    """A percentage that is not set is zero."""
    if view is None:
        return NEVER
    return Share(key, view.fraction("percentage") or (view.integer("percent", 0), 100))


@frozen(eq=False)
class Fault:
    name: str
    configs: PerRoute[FaultConfig]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        """A delay comes first, whether or not an abort follows; both are drawn independently."""
        config = self.configs.of(own)
        delay_ms = _delay_ms(config, facts)
        delay = _delay_share(config, facts) if delay_ms else Fraction(0)
        abort, status, grpc_status = config.abort_share.of(facts.runtime), config.http_status, config.grpc_status
        if config.by_header:
            abort, status, grpc_status = _asked_for(facts, abort)
        if status is None and grpc_status is None:
            abort = Fraction(0)
        if not delay and not abort:
            return None
        acts, open_question = self._acts(config, facts)
        if not acts:
            return None
        options = []
        for delayed, delay_chance in ((False, 1 - delay), (True, delay)):
            for aborted, abort_chance in ((False, 1 - abort), (True, abort)):
                if delay_chance and abort_chance:
                    name = _NAMES[delayed, aborted]
                    held_ms = delay_ms if delayed else 0
                    verdict = self._verdict(config, status, grpc_status, held_ms=held_ms, aborted=aborted)
                    options.append(Option(name, delay_chance * abort_chance, verdict))
        if open_question is not None:
            unknown = tuple(Option(each.name, None, each.verdict) for each in options if each.verdict is not None)
            return Open(open_question, (Option("pass", None, None), *unknown), default=0)
        if len(options) == 1:
            return options[0].verdict
        return Open(because("filter.fault-share", config.place, filter=self.name), tuple(options))

    def _verdict(
        self, config: FaultConfig, status: int | None, grpc_status: int | None, *, held_ms: float, aborted: bool
    ) -> Reply | Change | None:
        if not aborted:
            why = because("filter.fault-delay", config.place, filter=self.name)
            return Change(why, flags=("DI",), held_ms=held_ms) if held_ms else None
        return Reply(
            because("filter.fault-abort", config.place, filter=self.name),
            200 if status is None else status,
            "fault_filter_abort",
            ("DI", "FI") if held_ms else ("FI",),
            "fault filter abort",
            grpc_status=grpc_status if status is None else None,
            held_ms=held_ms,
        )

    def _acts(self, config: FaultConfig, facts: FilterFacts) -> tuple[bool, Reason | None]:
        """Whether it acts on this request; the reason where nobody can say."""
        unknown = config.unmodelled[0] if config.unmodelled else None
        opaque = because("filter.opaque", config.place, filter=self.name, type=TYPE_NAME)
        if config.upstream_cluster:
            action = facts.route.action if facts.route is not None else None
            if not isinstance(action, RouteAction):
                return False, None
            cluster = action.cluster or facts.name_cluster()
            if not cluster and action.specifier is not None:
                unknown = opaque
            elif cluster != config.upstream_cluster:
                return False, None
        if config.nodes and not config.nodes & set(facts.request.values("x-envoy-downstream-service-node")):
            return False, None
        for condition in config.headers:
            held = condition.holds(facts)
            if held is False:
                return False, None
            if held is None:
                unknown = opaque
        return True, unknown


_NAMES = {(False, False): "pass", (False, True): "abort", (True, False): "delay", (True, True): "delay and abort"}


def _delay_ms(config: FaultConfig, facts: FilterFacts) -> float:
    if not config.delay_by_header:
        return config.delay_ms
    stated = facts.request.values(_DELAY_HEADER)
    return int(stated[0][:12]) if stated and stated[0].isdecimal() else 0


def _delay_share(config: FaultConfig, facts: FilterFacts) -> Fraction:
    if not config.delay_by_header:
        return config.delay_share.of(facts.runtime)
    return _lowered(facts, _DELAY_PERCENTAGE_HEADER, config.delay_share.of(facts.runtime))


def _lowered(facts: FilterFacts, header: str, share: Fraction) -> Fraction:
    """The request may lower the percentage."""
    lowered = facts.request.values(header)
    if not lowered or not lowered[0].isdecimal():
        return share
    return min(share, Fraction(int(lowered[0][:12]) * share.denominator, 100 * share.denominator))


def _asked_for(facts: FilterFacts, share: Fraction) -> tuple[Fraction, int | None, int | None]:
    """header_abort: the request names the HTTP status, else the gRPC status, and may lower the percentage."""
    share = _lowered(facts, _PERCENTAGE_HEADER, share)
    stated = facts.request.values(_ABORT_HEADER)
    if stated and stated[0].isdecimal() and 200 <= int(stated[0][:4]) < 600:
        return share, int(stated[0]), None
    stated = facts.request.values(_ABORT_GRPC_HEADER)
    return share, None, int(stated[0][:9]) if stated and stated[0].isdecimal() else None


def compile_fault(view: View, name: str) -> Fault:
    def compiler(each: View) -> FaultConfig:
        return compile_config(each, name)

    return Fault(name, PerRoute(compiler(view), compiler))
