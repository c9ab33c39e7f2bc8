"""Headers of which Envoy keeps one value only: repeated lines are joined with a comma before anything looks at them.

envoyproxy/envoy envoy/http/header_map.h and the extensions that register further ones; the list is what Envoy 1.40
was seen to join. Every other header keeps a value a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_NAMES = """
accept accept-encoding access-control-request-headers access-control-request-method
access-control-request-private-network authorization cache-control connection content-encoding content-length
content-type expect grpc-accept-encoding grpc-timeout if-match if-modified-since if-none-match if-range
if-unmodified-since keep-alive origin pragma proxy-connection referer te transfer-encoding upgrade user-agent via
x-client-trace-id x-envoy-attempt-count x-envoy-decorator-operation x-envoy-downstream-service-cluster
x-envoy-downstream-service-node x-envoy-expected-rq-timeout-ms x-envoy-external-address x-envoy-force-trace
x-envoy-hedge-on-per-try-timeout x-envoy-internal x-envoy-ip-tags x-envoy-is-timeout-retry x-envoy-max-retries
x-envoy-original-host x-envoy-original-path x-envoy-original-url x-envoy-retriable-header-names
x-envoy-retriable-status-codes x-envoy-retry-grpc-on x-envoy-retry-on x-envoy-upstream-alt-stat-name
x-envoy-upstream-rq-per-try-timeout-ms x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms
x-envoy-upstream-stream-duration-ms x-forwarded-client-cert x-forwarded-for x-forwarded-host x-forwarded-port
x-forwarded-proto x-request-id
"""

INLINE_HEADERS = frozenset(_NAMES.split())

_RESPONSE_NAMES = """
access-control-allow-credentials access-control-allow-headers access-control-allow-methods access-control-allow-origin
access-control-allow-private-network access-control-expose-headers access-control-max-age age cache-control connection
content-encoding content-length content-type date etag expires grpc-message grpc-status keep-alive last-modified
location proxy-connection proxy-status server transfer-encoding upgrade vary via x-envoy-attempt-count
x-envoy-decorator-operation x-envoy-degraded x-envoy-immediate-health-check-fail x-envoy-ratelimited
x-envoy-upstream-canary x-envoy-upstream-healthchecked-cluster x-envoy-upstream-service-time x-request-id
"""
RESPONSE_INLINE_HEADERS = frozenset(_RESPONSE_NAMES.split())
"""The same of responses, as Envoy 1.40 lists them when it starts."""


def joined(headers: dict[str, tuple[str, ...]]) -> None:
    """Join repeated lines of these headers in place."""
    for name, values in headers.items():
        if len(values) > 1 and name in INLINE_HEADERS:
            headers[name] = (one_value(values),)


def with_more(
    headers: Mapping[str, tuple[str, ...]], more: Mapping[str, tuple[str, ...]], inline: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """With further lines, or of inline headers with more of the one line. An empty tuple is a value nobody knows."""
    made = dict(headers)
    for name, values in more.items():
        both = (*made.get(name, ()), *values)
        if not values or made.get(name) == ():
            made[name] = ()
        else:
            made[name] = (one_value(both),) if name in inline else both
    return made


def one_value(values: Iterable[str]) -> str:
    """An empty one adds nothing. source/common/http/header_map_impl.cc (appendToHeader)."""
    return ",".join(filter(None, values))
