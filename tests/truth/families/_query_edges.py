"""Query strings as operators and filters read them, where escapes are broken or mean more than text."""

from typing import Any

from tests.builders_http import http_filter, one_route, table_fields, virtual_host
from tests.truth.families._filter_dump import Case, manager
from tests.truth.families._filter_words import get

QUERIES = (
    *("B%20", "a=b%20c", "x%41=1", "a%20b=1&c=%2F", "a=", "=b", "a&b", "a%09", "a%26b=%3D", "a+b=c+d", "a%0Ab"),
    *("q=%zz", "q=%4", "q=%", "q=%25", "q=%2", "q=%%41", "q=%4%41", "q=%g1x", "q=%1gx", "%zz", "q=%zzz%41", "q=x%"),
    *("q=%%", "q=%%%41", "q=%c3%a9", "q=%41%", "q=a%zzb%20", "q=%7b%7C%3c%5E%22%60%7e%21", "", "a=1&&b=2", "="),
)
_FORMS = ("QUERY_PARAMS(DECODED)", "QUERY_PARAMS(ORIG)", "QUERY_PARAMS", "QUERY_PARAM(q)", "TLS_JA3_FINGERPRINT")


def queries() -> list[Case]:
    """Surprising: a parameter is decoded as a whole, a query only where a URL stays one; there, `%zz` becomes `zz`."""
    shown = [{"header": {"key": f"x-{index}", "value": f"[%{form}%]"}} for index, form in enumerate(_FORMS)]
    exact = ("zz", "%zz", "%4", "4", "%", "a b", "")
    routes = [_matches(value) for value in exact]
    shows = one_route({"prefix": "/"}, name="shows", direct_response={"status": 200}, response_headers_to_add=shown)
    table = table_fields(virtual_host(*routes, shows))
    adds = http_filter(
        "hm",
        "header_mutation.v3.HeaderMutation",
        mutations={"query_parameter_mutations": [{"append": {"record": {"key": "z", "value": "1"}}}]},
    )
    asked = [get(f"/{path}?{query}") for query in QUERIES for path in ("m", "")]
    return [(manager(table=table), asked), (manager(adds), [get(f"/?{query}") for query in (*QUERIES, "q=%00")])]


def _matches(value: str) -> dict[str, Any]:
    match = {"prefix": "/m", "query_parameters": [{"name": "q", "string_match": {"exact": value}}]}
    return one_route(match, name=f"is {value}", direct_response={"status": 200})
