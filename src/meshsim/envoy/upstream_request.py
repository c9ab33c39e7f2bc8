"""The request as the router sends it on: its own headers, mutations, host rewrite, path rewrite, in that order.

envoyproxy/envoy source/common/router/router.cc (decodeHeaders) and config_impl.cc (finalizeRequestHeaders).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ..facts.connection import Connection
from ..facts.request import Headers, Request
from .format_operators import FormatFacts
from .grpc_timeout import read_grpc_timeout, written_grpc_timeout
from .header_mutations import mutated
from .path_rewrites import PathRule
from .paths import without_query
from .retry_policy import shorter_try
from .route_actions import RouteAction, WeightedCluster
from .routes import Route
from .whole_numbers import whole_number

_READ_BY_ROUTER = frozenset(
    {
        "x-envoy-retry-on",
        "x-envoy-retry-grpc-on",
        "x-envoy-max-retries",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-stream-duration-ms",
        "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-retriable-status-codes",
        "x-envoy-retriable-header-names",
    }
)
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "TRACE", "CONNECT"})
"""envoyproxy/envoy source/common/http/http1/codec_impl.cc (RequestEncoderImpl::encodeHeaders)."""
_TIMEOUT = "x-envoy-upstream-rq-timeout-ms"
_EXPECTED = "x-envoy-expected-rq-timeout-ms"


def upstream_request(
    request: Request,
    connection: Connection,
    route: Route,
    action: RouteAction,
    entry: WeightedCluster | None,
    *,
    cluster: str,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    filter_state: Mapping[str, str] | None = None,
) -> Request:
    """`cluster` is the one it goes to; filters wrote the last two."""
    headers = dict(request.headers)
    if not _READ_BY_ROUTER.isdisjoint(headers):
        for name in _READ_BY_ROUTER:
            headers.pop(name, None)
    stated = stated_timeout(action, request)
    if not _is_told(action, request):
        headers.pop(_TIMEOUT, None)
    timeout, by_grpc = timeout_of(action, request, stated)
    if action.stream_duration is not None and request.is_grpc():
        duration = int(stream_duration_ms(action, request, 0))
        if duration:
            headers["grpc-timeout"] = (written_grpc_timeout(duration),)
    expected = shorter_try(timeout, action.retry_policy, request)
    if expected and by_grpc:
        headers["grpc-timeout"] = (written_grpc_timeout(expected),)
    if expected and action.envoy_headers:
        headers[_EXPECTED] = (str(expected),)
    if route.attempt_count:
        headers["x-envoy-attempt-count"] = ("1",)
    seen: Headers = headers
    facts = FormatFacts(
        request,
        connection,
        route.name,
        cluster=cluster,
        attempts=1,
        route_metadata=route.metadata,
        vhost_metadata=route.vhost_metadata,
        metadata=metadata or {},
        filter_state=filter_state or {},
    )
    if entry is not None:
        if entry.request_mutations:
            seen = mutated(seen, (entry.request_mutations,), facts)
        if entry.host_rewrite_literal is not None:
            # The route's own mutations see the entry's name already.
            request = evolve(request, authority=entry.host_rewrite_literal)
            facts = evolve(facts, request=request)
    if route.request_mutations:
        seen = mutated(seen, route.request_mutations, facts)
    authority = request.authority
    if seen is not headers:
        headers = dict(seen)
    if action.rewrites_host:
        authority = _host(evolve(facts, request=evolve(request, headers=seen)), action, headers)
    if action.path_rewrite is not None:  # nothing else looks at more than the path
        facts = evolve(facts, request=evolve(request, authority=authority, headers=headers if headers else seen))
    path = rewritten_path(action, route.rule, facts)
    if path is None:
        path = request.path
    elif action.envoy_headers:
        headers["x-envoy-original-path"] = (request.path,)
    if request.connect_port and authority is not None:
        authority = f"{authority}:{request.connect_port}"
    return Request(
        request.method,
        request.scheme,
        authority,
        path,
        headers,
        request.version,
        chunked=request.chunked,
        body=request.body,
        continued=request.continued,
        arrived_as_grpc=request.arrived_as_grpc,
        arrived_as_head=request.arrived_as_head,
        wants_close=request.wants_close,
        patience_ms=request.patience_ms,
    )


def framed(request: Request, version: str) -> Request:
    """With what the codec of that version writes.

    HTTP/1: the chunks' header, or `content-length: 0` for a body that could be. HTTP/2: an upgrade as RFC 8441 has it.
    """
    if version == "http2":
        return _as_extended_connect(request) if "upgrade" in request.headers else request
    if "content-length" in request.headers or "upgrade" in request.headers:
        return request
    if request.chunked:
        return evolve(request, headers={**request.headers, "transfer-encoding": ("chunked",)})
    if request.method in _BODILESS:
        return request
    return evolve(request, headers={**request.headers, "content-length": ("0",)})


def _as_extended_connect(request: Request) -> Request:
    headers = {name: values for name, values in request.headers.items() if name not in ("upgrade", "connection")}
    return evolve(request, method="CONNECT", headers=headers, stated={":protocol": request.headers["upgrade"]})


def stream_duration_ms(action: RouteAction, request: Request, manager_ms: int | float) -> int | float:
    """How long the stream may last, 0 for ever. `manager_ms` is the connection manager's own limit.

    envoyproxy/envoy source/common/http/conn_manager_impl.cc (refreshDurationTimeout).
    """
    own = action.stream_duration
    if own is None:
        return manager_ms
    if own.grpc_longest is not None and "grpc-timeout" in request.headers:
        asked: int | float = read_grpc_timeout(request)
        if own.grpc_longest and (not asked or asked > own.grpc_longest):
            asked = own.grpc_longest
        return max(asked - (own.grpc_offset or 0), AT_ONCE_MS) if asked else 0
    return manager_ms if own.longest is None else own.longest


AT_ONCE_MS = 0.001
"""What is over before it began; 0 would be no limit."""


def timeout_of(action: RouteAction, request: Request, stated: tuple[str, ...] | None) -> tuple[int, bool]:
    """Milliseconds, 0 for no limit; and whether it goes on as grpc-timeout too."""
    asked = whole_number(stated[0]) if stated else None
    if action.stream_duration is not None:
        return asked or 0, False
    timeout = int(action.timeout_ms)
    limit = action.max_grpc_timeout_ms
    by_grpc = limit is not None and request.is_grpc()
    if limit is not None and by_grpc:
        timeout = read_grpc_timeout(request)
        if limit and (not timeout or timeout > limit):
            timeout = int(limit)
    return timeout if asked is None else asked, by_grpc


def stated_timeout(action: RouteAction, request: Request) -> tuple[str, ...] | None:
    """The header in which the request states its time-out."""
    return request.headers.get(_EXPECTED if _is_told(action, request) else _TIMEOUT)


def _is_told(action: RouteAction, request: Request) -> bool:
    """Whether the proxy before has said how long it waits."""
    return action.respects_expected_timeout and _EXPECTED in request.headers


def _host(facts: FormatFacts, action: RouteAction, headers: dict[str, tuple[str, ...]]) -> str | None:
    authority = facts.request.authority
    wanted = _wanted_host(facts, action)
    return replaced_host(authority, wanted, action, headers) if wanted else authority


def _wanted_host(facts: FormatFacts, action: RouteAction) -> str | None:
    request = facts.request
    if action.host_rewrite_literal is not None:
        return action.host_rewrite_literal
    if action.host_rewrite_header is not None:
        values = request.values(action.host_rewrite_header.lower())
        return values[0] if values and values[0] else None
    if action.host_rewrite_path_regex is not None:
        rewrite = action.host_rewrite_path_regex
        return rewrite.regex.replace_all(without_query(request.path), rewrite.substitution)
    if action.host_rewrite is not None:
        return action.host_rewrite.render(facts, "-")
    return None


def replaced_host(old: str | None, new: str, action: RouteAction, headers: dict[str, tuple[str, ...]]) -> str:
    """The new authority; headers keep the old one. envoyproxy/envoy source/common/http/utility.cc (updateAuthority)."""
    before = headers.get("x-forwarded-host")
    # () is a value that only run time knows
    if old and action.append_x_forwarded_host and before != ():
        listed = ",".join(before or ())
        if listed.rpartition(",")[2].strip() != old:
            headers["x-forwarded-host"] = (f"{listed},{old}" if listed else old,)
    if old and action.envoy_headers:
        headers["x-envoy-original-host"] = (old,)
    return new


def rewritten_path(action: RouteAction, rule: PathRule, facts: FormatFacts) -> str | None:
    """None where no rewrite happens."""
    path = facts.request.path
    if action.path_rewrite is not None:
        bare = without_query(path)
        made = action.path_rewrite.render(facts)
        return made + path[len(bare) :] if made else None
    if action.template_rewrite is not None:
        return action.template_rewrite.rewritten(path)
    if action.regex_rewrite is not None:
        return action.regex_rewrite.rewritten(path)
    if action.prefix_rewrite is not None and path:
        return rule.replaced(path, action.prefix_rewrite)
    return None
