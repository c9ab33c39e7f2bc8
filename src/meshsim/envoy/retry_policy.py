"""When a request is sent again: a retry_policy as written, and as the request's own headers change it.

Follows envoyproxy/envoy source/common/router/retry_state_impl.cc, observed on Envoy 1.40. Which host a retry takes is
`host_retry`'s matter; what ended an attempt comes from `upstream_failures`.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen

from ..config.view import View
from ..facts.request import Headers, Request
from ..match.condition import Condition
from ..place import Place
from ..reasons import Reason
from .matchers import compile_header_matcher
from .unmodelled import unmodelled_fields
from .whole_numbers import whole_number

_MODELLED = frozenset(
    {
        "retry_on",
        "num_retries",
        "per_try_timeout",
        "retry_priority",
        "retry_host_predicate",
        "host_selection_retry_max_attempts",
        "retriable_status_codes",
        "retriable_headers",
        "retriable_request_headers",
        "refresh_cluster_on_retry",
        # between attempts
        "retry_back_off",
        "rate_limited_retry_back_off",
        "per_try_idle_timeout",
    }
)
_PREVIOUS_HOSTS = "PreviousHostsPredicate"
_PREVIOUS_PRIORITIES = "PreviousPrioritiesConfig"
_GRPC_STATUS = {
    "cancelled": 1,
    "deadline-exceeded": 4,
    "resource-exhausted": 8,
    "internal": 13,
    "unavailable": 14,
}
GRPC_CONDITIONS = frozenset(_GRPC_STATUS)
HTTP_CONDITIONS = frozenset(
    {
        "5xx",
        "gateway-error",
        "connect-failure",
        "envoy-ratelimited",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "reset",
        "reset-before-request",
        "http3-post-connect-failure",
    }
)
_GATEWAY_ERRORS = (502, 503, 504)
_ANY_RESET = frozenset({"5xx", "gateway-error", "reset"})
_CONNECT_FAILURES = frozenset({"remote_connection_failure", "local_connection_failure", "connection_timeout"})
_PER_TRY = "x-envoy-upstream-rq-per-try-timeout-ms"
_NAMES = "x-envoy-retriable-header-names"
_RATE_LIMITED = "x-envoy-ratelimited"


@frozen
class _Asked:
    """What retriable_request_headers look at; a response stands in as a request of its headers."""

    request: Request


@frozen(eq=False)
class RetryPolicy:
    name: str
    """The conditions it retries on, as written."""
    place: Place | None
    num_retries: int = 1
    retry_on: frozenset[str] = frozenset()
    per_try_timeout_ms: int | float = 0
    """0: none."""
    per_try_idle_timeout_ms: int | float = 0
    """Of an attempt on which nothing moves; 0: none."""
    host_attempts: int = 1
    """How often another host is drawn where the one drawn was tried before."""
    previous_hosts: bool = False
    priority_updates: int = 0
    """previous_priorities' update_frequency: after so many attempts their priorities are left out; 0: never."""
    status_codes: frozenset[int] = frozenset()
    response_headers: bool = False
    """Whether it looks at them: what no configuration can say of an application's response."""
    response_conditions: tuple[Condition[Any], ...] = ()
    """retriable_headers: one that holds is enough."""
    response_names: frozenset[str] = frozenset()
    """Headers that the request itself names: one that is there is enough."""
    request_conditions: tuple[Condition[Any], ...] = ()
    """retriable_request_headers: one that holds is enough; none are needed where there are none."""
    refreshes_cluster: bool = False
    """refresh_cluster_on_retry: the route names its cluster anew before each retry."""
    unmodelled: tuple[Reason, ...] = field(default=())

    def after_reset(self, reset: str, *, request_sent: bool) -> bool:
        """Whether an attempt that ended without a response is tried again; `reset` is Envoy's reason."""
        if reset == "overflow":
            return False
        if self.retry_on & _ANY_RESET:
            return True
        if "reset-before-request" in self.retry_on and not request_sent:
            return True
        return "connect-failure" in self.retry_on and reset in _CONNECT_FAILURES

    def after_response(self, status: int, grpc_status: int | None, headers: Headers) -> bool:
        """Whether a response with that status is thrown away and the request tried again."""
        on = self.retry_on
        if _RATE_LIMITED in headers:
            return "envoy-ratelimited" in on
        return (
            ("5xx" in on and 500 <= status < 600)
            or ("gateway-error" in on and status in _GATEWAY_ERRORS)
            or ("retriable-4xx" in on and status == 409)
            or ("retriable-status-codes" in on and status in self.status_codes)
            or any(name in on and code == grpc_status for name, code in _GRPC_STATUS.items())
            or ("retriable-headers" in on and self._named_by(status, headers))
        )

    def _named_by(self, status: int, headers: Headers) -> bool:
        if not self.response_names.isdisjoint(headers):
            return True
        # A header whose value only run time knows is there all the same.
        seen = {name: values or ("",) for name, values in headers.items()}
        asked = _Asked(Request("", "", None, "", {**seen, ":status": (str(status),)}))
        return any(made.holds(asked) for made in self.response_conditions)


def compile_retry_policy(view: View) -> RetryPolicy | None:
    """The retry_policy of a route or virtual host."""
    policy = view.view("retry_policy")
    if policy is None:
        return None
    name = policy.text("retry_on", "")
    predicates = [_extension(entry) for entry in policy.views("retry_host_predicate")]
    priority = policy.view("retry_priority")
    kind, updates = ("", 0) if priority is None else (_extension(priority), _update_frequency(priority))
    leftovers = unmodelled_fields(policy, _MODELLED, "retry_policy")
    known = all(each == _PREVIOUS_HOSTS for each in predicates) and kind in ("", _PREVIOUS_PRIORITIES)
    if not known:
        leftovers += unmodelled_fields(policy, _MODELLED - {"retry_host_predicate", "retry_priority"}, "retry_policy")
    return RetryPolicy(
        name=name,
        place=policy.place,
        num_retries=policy.integer("num_retries", 1),
        retry_on=_conditions(name),
        per_try_timeout_ms=policy.duration_ms("per_try_timeout", 0),
        per_try_idle_timeout_ms=policy.duration_ms("per_try_idle_timeout", 0),
        host_attempts=policy.integer("host_selection_retry_max_attempts", 1),
        previous_hosts=_PREVIOUS_HOSTS in predicates,
        priority_updates=updates if kind == _PREVIOUS_PRIORITIES else 0,
        status_codes=frozenset(int(code) for code in policy.values("retriable_status_codes")),
        response_headers=policy.has("retriable_headers"),
        response_conditions=tuple(compile_header_matcher(entry) for entry in policy.views("retriable_headers")),
        request_conditions=tuple(compile_header_matcher(entry) for entry in policy.views("retriable_request_headers")),
        refreshes_cluster=policy.boolean("refresh_cluster_on_retry", False),
        unmodelled=leftovers,
    )


def _conditions(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _extension(entry: View) -> str:
    """The last part of an extension's type; those without a typed_config go by the end of their name."""
    typed = entry.any("typed_config")
    if typed is not None:
        return typed.type_name.rpartition(".")[2]
    written = entry.text("name", "").rpartition(".")[2]
    return {"previous_hosts": _PREVIOUS_HOSTS, "previous_priorities": _PREVIOUS_PRIORITIES}.get(written, written)


def _update_frequency(entry: View) -> int:
    typed = entry.any("typed_config")
    return 0 if typed is None else typed.view.integer("update_frequency", 0)


def for_request(policy: RetryPolicy | None, request: Request) -> RetryPolicy | None:
    """The policy as this request asks for it; None where nothing is ever retried.

    Headers that a client outside may not set were taken away before.
    """
    headers = request.headers
    asks = any(name.startswith("x-envoy-") for name in headers)
    if not asks and (policy is None or not policy.request_conditions):
        return policy
    stated = [",".join(headers[name]) for name in ("x-envoy-retry-on", "x-envoy-retry-grpc-on") if name in headers]
    if policy is None:
        if not stated and _PER_TRY not in headers:
            return None
        # Without conditions nothing is tried again, and each try has its time all the same.
        policy = RetryPolicy(",".join(stated), None)
    asked = _Asked(request)
    if policy.request_conditions and not any(made.holds(asked) for made in policy.request_conditions):
        return evolve(policy, retry_on=frozenset())
    if not stated and not any(name in headers for name in _HEADERS):
        return policy
    limit = _number(headers, "x-envoy-max-retries")
    codes = ",".join(headers.get("x-envoy-retriable-status-codes", ()))
    per_try = _number(headers, _PER_TRY)
    return evolve(
        policy,
        name=",".join(part for part in (policy.name, *stated) if part and part != policy.name) or policy.name,
        retry_on=policy.retry_on | _conditions(",".join(stated)),
        num_retries=policy.num_retries if limit is None else limit,
        status_codes=policy.status_codes | {int(code) for code in codes.split(",") if code.strip().isdecimal()},
        per_try_timeout_ms=policy.per_try_timeout_ms if per_try is None else per_try,
        response_headers=policy.response_headers or _NAMES in headers,
        response_names=frozenset(part.strip().lower() for part in ",".join(headers.get(_NAMES, ())).split(",") if part),
    )


def shorter_try(timeout_ms: int, policy: RetryPolicy | None, request: Request) -> int:
    """What an upstream is told to expect: the time of one try where that is the shorter one; 0: no limit."""
    per_try = _number(request.headers, _PER_TRY)
    if per_try is None:
        per_try = 0 if policy is None else int(policy.per_try_timeout_ms)
    return per_try if per_try and (not timeout_ms or per_try < timeout_ms) else timeout_ms


_HEADERS = (
    "x-envoy-max-retries",
    "x-envoy-retriable-status-codes",
    _NAMES,
    _PER_TRY,
)


def _number(headers: Headers, name: str) -> int | None:
    return whole_number(headers.get(name, ("",))[0])
