"""The router's own options: which headers it reads, checks and writes.

envoyproxy/envoy api/envoy/extensions/filters/http/router/v3/router.proto; what is checked and what a client is told,
source/common/router/router.cc (StrictHeaderChecker). The field ledger of the router is here.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from ..config.view import View
from ..errors import Rejected
from ..facts.request import Request
from ..reasons import Reason
from .retry_policy import GRPC_CONDITIONS, HTTP_CONDITIONS
from .unmodelled import unmodelled_fields
from .upstream_filters import NONE, UpstreamFilters, compile_upstream_filters
from .whole_numbers import whole_number

_FIELDS = frozenset(
    {
        "suppress_envoy_headers",
        "respect_expected_rq_timeout",
        "strict_check_headers",
        "upstream_http_filters",
        "dynamic_stats",
        "start_child_span",
        "upstream_log",
        "upstream_log_options",
        "suppress_grpc_request_failure_code_stats",
        "reject_connect_request_early_data",
    }
)
"""From dynamic_stats on they count, log or trace, or concern bytes behind a CONNECT's own."""


@frozen(eq=False)
class RouterOptions:
    suppress_envoy_headers: bool = False
    """No x-envoy- headers towards the upstream, the number of the attempt excepted."""
    respects_expected_timeout: bool = False
    """x-envoy-expected-rq-timeout-ms sets the time-out, before any other header."""
    strict_check_headers: tuple[str, ...] = ()
    upstream_filters: UpstreamFilters = NONE
    unmodelled: tuple[Reason, ...] = ()

    def failing(self, request: Request) -> tuple[str, str] | None:
        """The first checked header that is no good, with its value."""
        for name, holds in _CHECKS.items():
            values = request.headers.get(name) if name in self.strict_check_headers else None
            if values and not holds(",".join(values)):
                return name, ",".join(values)
        return None


def compile_router_options(view: View, name: str) -> RouterOptions:
    checked = view.texts("strict_check_headers")
    for header in checked:
        if header not in _CHECKS:
            message = f"strict_check_headers: value must be in list {' '.join(_CHECKS)}"
            raise Rejected(
                "bad-router", message, place=view.place_of("strict_check_headers"), hint="Envoy refuses it too"
            )
    return RouterOptions(
        view.boolean("suppress_envoy_headers", False),
        view.boolean("respect_expected_rq_timeout", False),
        checked,
        compile_upstream_filters(view, "upstream_http_filters", name),
        unmodelled_fields(view, _FIELDS, name),
    )


def _is_number(value: str) -> bool:
    return whole_number(value) is not None


def _all_among(known: frozenset[str]) -> Callable[[str], bool]:
    return lambda value: all(part.strip() in known for part in value.split(",") if part.strip())


_CHECKS: dict[str, Callable[[str], bool]] = {
    "x-envoy-upstream-rq-timeout-ms": _is_number,
    "x-envoy-upstream-rq-per-try-timeout-ms": _is_number,
    "x-envoy-max-retries": _is_number,
    "x-envoy-retry-on": _all_among(HTTP_CONDITIONS),
    "x-envoy-retry-grpc-on": _all_among(GRPC_CONDITIONS),
}
"""Asked in this order, whatever the order of the option."""
