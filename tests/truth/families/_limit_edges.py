"""local_ratelimit where nothing is left to earlier requests: buckets that are empty, and those that never will be."""

from typing import Any

from tests.builders_http import http_filter, one_route, table_fields, virtual_host
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import ALWAYS, asked, get

PLENTY = 100_000
NEVER = {"default_value": {"numerator": 0}}


def bucket(tokens: int) -> dict[str, Any]:
    return {"max_tokens": tokens, "fill_interval": "600s"}


def limit(**fields: Any) -> dict[str, Any]:
    shares = {"filter_enabled": ALWAYS, "filter_enforced": ALWAYS}
    return http_filter("l", "local_ratelimit.v3.LocalRateLimit", **{"stat_prefix": "x", **shares, **fields})


def empty() -> list[Case]:
    """Surprising: who is over the limit without being held to it gets headers; a status below 400 becomes 429."""
    added = [{"header": {"key": "x-over", "value": "%REQ(x-a)%!"}}]
    replied = [{"header": {"key": "x-limit", "value": "%REQ(x-a)%"}}]
    said = [get(), get(x_a="v", x_over="mine"), asked("POST", content_type="application/grpc")]
    none = bucket(0)
    fields: list[dict[str, Any]] = [
        {"token_bucket": none, "response_headers_to_add": replied},
        {"token_bucket": none, "status": {"code": 204}},
        {"token_bucket": none, "status": {"code": 503}, "rate_limited_as_resource_exhausted": True},
        {"token_bucket": none, "filter_enforced": NEVER, "request_headers_to_add_when_not_enforced": added},
        {"token_bucket": none, "filter_enabled": NEVER, "request_headers_to_add_when_not_enforced": added},
        {"token_bucket": none, "local_rate_limit_per_downstream_connection": True},
        {"token_bucket": bucket(PLENTY), "request_headers_to_add_when_not_enforced": added},
        {},
    ]
    return [(manager(limit(**each)), said) for each in fields]


def described() -> list[Case]:
    """Surprising: the bucket for everything counts beside a descriptor's, and a descriptor's without it."""
    by_header = [{"actions": [{"request_headers": {"header_name": "x-a", "descriptor_key": "x"}}]}]
    route = one_route(name="r", route={"cluster": "c", "rate_limits": by_header})
    plain = one_route(name="r")
    over, under = {"choices": {"0/filter/l": "limited"}}, {"choices": {"0/filter/l": "pass"}}
    entries = [{"key": "x", "value": "v"}]
    refusing = [{"entries": entries, "token_bucket": bucket(0)}]
    lenient = [{"entries": entries, "token_bucket": bucket(PLENTY)}]
    both = [{**get(x_a="v"), **over}, {**get(x_a="w"), **under}]
    surely = [get(x_a="v"), get(x_a="w")]
    often = {"token_bucket": bucket(PLENTY)}
    apart = {"token_bucket": bucket(0), "always_consume_default_token_bucket": False}
    rows: list[tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
        (route, {**often, "descriptors": refusing}, both),
        (route, {"descriptors": refusing}, both),
        (route, {**often, "descriptors": refusing, "local_rate_limit_per_downstream_connection": True}, both),
        (route, {**apart, "descriptors": lenient}, [{**get(x_a="v"), **under}, {**get(x_a="w"), **over}]),
        (route, {"token_bucket": bucket(0), "descriptors": lenient}, surely),
        (plain, {"descriptors": refusing}, surely),
        (plain, {"descriptors": refusing, "rate_limits": by_header}, both),
    ]
    made = [(manager(limit(**fields), route=each), said) for each, fields, said in rows]
    table = table_fields(virtual_host(plain, rate_limits=by_header))
    return [*made, (manager(limit(descriptors=refusing), table=table), both * 5)]


LIMIT_EDGES = {"empty buckets": empty, "buckets of descriptors": described}
