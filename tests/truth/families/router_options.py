"""The router's own options: what it checks strictly, whose time-outs it respects, which headers it keeps to itself."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from tests.truth.families import _route_tables as made
from tests.truth.setting import Setting

CHECKED = (
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-max-retries",
    "x-envoy-retry-on",
    "x-envoy-retry-grpc-on",
)
NUMBERS = ("x", "0", "7", "", "-1", "+5", " 8 ", "1.5", "0x5", "+ 5", "4294967296", "18446744073709551616")
CONDITIONS = ("5xx", "5xx,reset", "5xx , gateway-error", "5xx,x", "", ",", " , ", "5xx,", "cancelled", "5XX", "reset\t")
EXPECTED = "x-envoy-expected-rq-timeout-ms"

Calls = list[Mapping[str, Any]]


def settings() -> Iterator[Setting]:
    yield _setting("strict", _strict(), {"strict_check_headers": list(CHECKED)})
    backwards = {"strict_check_headers": list(reversed(CHECKED))}
    yield _setting("backwards", [(made.table(_route()), [{"headers": each} for each in _pairs()])], backwards)
    some = {"strict_check_headers": [CHECKED[3], CHECKED[0]]}
    yield _setting("some of them", [(made.table(_route()), [{"headers": each} for each in _several()])], some)
    yield _setting("times of those before", [(each, _timed()) for each in _times()], RESPECTING)
    yield _setting("no headers", [(each, _timed()) for each in _times()], {"suppress_envoy_headers": True})
    both = {"suppress_envoy_headers": True, **RESPECTING}
    yield _setting("neither", [(each, _timed()) for each in _times()], both)
    yield _setting("numbers", [(each, _numbers()) for each in _times()], {})


RESPECTING = {"respect_expected_rq_timeout": True}
INTERNAL = {
    "use_remote_address": True,
    "internal_address_config": {"cidr_ranges": [{"address_prefix": "0.0.0.0", "prefix_len": 0}]},
}


def _setting(name: str, tables: Any, options: Mapping[str, Any]) -> Setting:
    router = {"name": made.ROUTER["name"], "typed_config": {**made.ROUTER["typed_config"], **options}}
    return made.setting(
        name, list(tables), manager={**INTERNAL, "http_filters": [router]}, clusters=[EMPTY, FULL, DROPPING]
    )


EMPTY = {"name": "empty", "type": "STATIC", "load_assignment": {"cluster_name": "empty"}}
FULL = {
    **made.static("full", "10.93.1.7"),
    "circuit_breakers": {"thresholds": [{"max_requests": 0}]},
}
DROPPING = made.static("dropping", "10.93.1.6")
DROPPING["load_assignment"]["policy"] = {
    "drop_overloads": [{"category": "c", "drop_percentage": {"numerator": 100, "denominator": "HUNDRED"}}]
}


def _route(cluster: str = "one", **action: Any) -> dict[str, Any]:
    return {"match": {"prefix": "/"}, "route": {"cluster": cluster, **action}}


def _strict() -> Iterator[tuple[Mapping[str, Any], Calls]]:
    stated = [{name: value} for name in CHECKED[:3] for value in NUMBERS]
    stated += [{name: value} for name in CHECKED[3:] for value in CONDITIONS]
    yield made.table(_route()), [{"headers": each} for each in (*stated, *_several())]
    grpc = [{"headers": {**each, "content-type": "application/grpc"}, "method": "POST"} for each in _several()]
    added = {"response_headers_to_add": [{"header": {"key": "x-r", "value": "%REQ(x-envoy-max-retries)%"}}]}
    yield made.table({**_route(), **added}), [*grpc, {"headers": {"x-envoy-max-retries": "x"}, "method": "HEAD"}]
    for cluster in ("empty", "missing", "dropping", "full"):
        yield made.table(_route(cluster)), [{"headers": {"x-envoy-max-retries": value}} for value in ("x", "1")]
    weighted = {"weighted_clusters": {"clusters": [{"name": "two", "weight": 1}]}}
    answers = {"direct_response": {"status": 200}}
    yield (
        made.table({"match": {"prefix": "/a"}, **answers}, {"match": {"prefix": "/"}, "route": weighted}),
        [{"path": path, "headers": {"x-envoy-max-retries": "x"}} for path in ("/a", "/b")],
    )


def _several() -> Iterator[dict[str, Any]]:
    yield {"x-envoy-max-retries": ["1", "2"]}
    yield {"x-envoy-upstream-rq-timeout-ms": ["1", "x"], "x-envoy-retry-on": "y"}
    yield {"x-envoy-retry-on": ["5xx", "reset"], "x-envoy-max-retries": "z"}
    yield {"x-envoy-retry-on": "z", "x-envoy-max-retries": "z"}
    yield {EXPECTED: "x"}
    yield {}


def _pairs() -> Iterator[dict[str, Any]]:
    for first, second in combinations(CHECKED, 2):
        yield {first: "z", second: "z"}


def _times() -> Iterator[dict[str, Any]]:
    counted = {"include_request_attempt_count": True, "include_attempt_count_in_response": True}
    yield made.table(_route())
    yield made.table(_route(timeout="0s", prefix_rewrite="/new/", host_rewrite_literal="h.test"), vhost=counted)
    retried = {"retry_on": "5xx", "per_try_timeout": "0.4s"}
    yield made.table(_route(retry_policy=retried, max_grpc_timeout="2s"), vhost=counted)
    yield made.table(_route(max_stream_duration={"max_stream_duration": "9s"}))
    yield made.table(_route("dropping"))


def _timed() -> Calls:
    stated: list[dict[str, Any]] = [{EXPECTED: value} for value in ("700", "0", "x", "+7", "")]
    stated += [{**each, "x-envoy-upstream-rq-timeout-ms": "900"} for each in (*stated, {})]
    stated += [{EXPECTED: "700", "x-envoy-upstream-rq-per-try-timeout-ms": value} for value in ("5", "800", "x")]
    stated += [{EXPECTED: "700", "content-type": "application/grpc", "grpc-timeout": "1S"}]
    stated += [{"x-envoy-original-path": "/z", "x-envoy-attempt-count": "5", EXPECTED: ["5", "6"]}]
    return [{"headers": each} for each in stated]


def _numbers() -> Calls:
    names = ("x-envoy-upstream-rq-timeout-ms", "x-envoy-upstream-rq-per-try-timeout-ms")
    return [{"headers": {name: value}} for name in names for value in NUMBERS if value != "18446744073709551615"]
