"""local_ratelimit where nothing is left to earlier requests: buckets that are empty, and those that never will be.

Surprising, of what responses say of them: a bucket for everything that has no tokens at all says nothing, though a
spent one does, and a descriptor's without tokens; of two buckets that count a request only the descriptor's is told, be
it the larger; and each filter of a chain adds its own values to those of the others.
"""

from typing import Any

from tests.builders_http import http_filter, one_route, table_fields, virtual_host
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import ALWAYS, abort, append, asked, get, mutation

PLENTY = 100_000
NEVER = {"default_value": {"numerator": 0}}
OVER, UNDER = {"choices": {"0/filter/l": "limited"}}, {"choices": {"0/filter/l": "pass"}}
BY_HEADER = [{"actions": [{"request_headers": {"header_name": "x-a", "descriptor_key": "x"}}]}]
TELLS = {"enable_x_ratelimit_headers": "DRAFT_VERSION_03"}


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
    route = one_route(name="r", route={"cluster": "c", "rate_limits": BY_HEADER})
    plain = one_route(name="r")
    entries = [{"key": "x", "value": "v"}]
    refusing = [{"entries": entries, "token_bucket": bucket(0)}]
    lenient = [{"entries": entries, "token_bucket": bucket(PLENTY)}]
    both = [{**get(x_a="v"), **OVER}, {**get(x_a="w"), **UNDER}]
    surely = [get(x_a="v"), get(x_a="w")]
    often = {"token_bucket": bucket(PLENTY)}
    apart = {"token_bucket": bucket(0), "always_consume_default_token_bucket": False}
    rows: list[tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
        (route, {**often, "descriptors": refusing}, both),
        (route, {"descriptors": refusing}, both),
        (route, {**often, "descriptors": refusing, "local_rate_limit_per_downstream_connection": True}, both),
        (route, {**apart, "descriptors": lenient}, [{**get(x_a="v"), **UNDER}, {**get(x_a="w"), **OVER}]),
        (route, {"token_bucket": bucket(0), "descriptors": lenient}, surely),
        (plain, {"descriptors": refusing}, surely),
        (plain, {"descriptors": refusing, "rate_limits": BY_HEADER}, both),
    ]
    made = [(manager(limit(**fields), route=each), said) for each, fields, said in rows]
    table = table_fields(virtual_host(plain, rate_limits=BY_HEADER))
    return [*made, (manager(limit(descriptors=refusing), table=table), both * 5)]


def told() -> list[Case]:
    """What responses say of a bucket for everything, alone or one of several filters."""
    dead, answers = one_route(name="r", route={"cluster": "dead"}), one_route(name="r", direct_response={"status": 404})
    said = [get(), get(x_a="v")]
    often, none = {"token_bucket": bucket(PLENTY), **TELLS}, {"token_bucket": bucket(0), **TELLS}
    second = {"name": "second"}
    adds = mutation("hm", response_mutations=[append("x-ratelimit-limit", "mine")])
    chains = [
        [limit(**often)],
        [limit(**none)],
        [limit(**none, filter_enforced=NEVER)],
        [limit(**often, filter_enabled=NEVER)],
        [limit(**TELLS)],
        [limit(**{**often, "enable_x_ratelimit_headers": "OFF"})],
        [limit(**often), limit(token_bucket=bucket(PLENTY // 2), **TELLS) | second],
        [limit(**often), limit(**none) | second],
        [limit(**none), limit(**often) | second],
        [limit(token_bucket=bucket(5), local_rate_limit_per_downstream_connection=True, **TELLS)],
        [limit(**none, local_rate_limit_per_downstream_connection=True)],
        [limit(**often), adds],
        [adds, limit(**often)],
        [abort(418), limit(**often)],
        [limit(**often), abort(418)],
    ]
    cases: list[Case] = [(manager(*filters, route=dead), said) for filters in chains]
    cases += [(manager(limit(**fields), route=answers), said) for fields in (often, none)]
    spent = [{**get(), **UNDER}, {**get(), **OVER}, {**asked("POST", content_type="application/grpc"), **OVER}]
    cases.append((manager(limit(token_bucket=bucket(1), **TELLS), route=dead), spent))
    silent, smaller = limit(token_bucket=bucket(PLENTY)), limit(token_bucket=bucket(333), **TELLS)
    for own, level in ((silent, smaller), (smaller, silent), (silent, limit(**none)), (limit(**none), smaller)):
        levels = {"l": level["typed_config"]}
        cases.append((manager(own, route={**dead, "typed_per_filter_config": levels}), said))
        table = table_fields(virtual_host(dead, typed_per_filter_config=levels))
        cases.append((manager(own, table=table), said))
    return cases


def told_of_descriptors() -> list[Case]:
    """What they say where descriptors may have buckets of their own."""
    route = one_route(name="r", route={"cluster": "dead", "rate_limits": BY_HEADER})
    plain = one_route(name="r", route={"cluster": "dead"})

    def of(tokens: int) -> dict[str, Any]:
        return {"descriptors": [{"entries": [{"key": "x", "value": "v"}], "token_bucket": bucket(tokens)}], **TELLS}

    often, none, apart = bucket(PLENTY), bucket(0), {"always_consume_default_token_bucket": False}
    under, over = [get(), {**get(x_a="v"), **UNDER}], [get(), {**get(x_a="v"), **OVER}]
    rows: list[tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
        (route, of(PLENTY), under),
        (route, of(0), over),
        (route, {"token_bucket": often, **of(PLENTY // 2)}, under),
        (route, {"token_bucket": often, **of(PLENTY * 2)}, under),
        (route, {"token_bucket": often, **of(0)}, over),
        (route, {"token_bucket": often, **of(7), **apart}, under),
        (route, {"token_bucket": none, **of(PLENTY)}, [get(), get(x_a="v")]),
        (route, {"token_bucket": none, **of(0)}, [get(), get(x_a="v")]),
        (route, {"token_bucket": none, **of(PLENTY), **apart}, [{**get(), **OVER}, {**get(x_a="v"), **UNDER}]),
        (plain, {"token_bucket": often, **of(7)}, under),
        (plain, {"token_bucket": often, **of(7), "rate_limits": BY_HEADER}, under),
        (plain, {**of(7), "rate_limits": BY_HEADER}, under),
        (plain, of(7), [get(), get(x_a="v")]),
    ]
    return [(manager(limit(**fields), route=each), said) for each, fields, said in rows]


LIMIT_EDGES = {
    "empty buckets": empty,
    "buckets of descriptors": described,
    "what responses say of buckets": told,
    "what they say of descriptors": told_of_descriptors,
}
