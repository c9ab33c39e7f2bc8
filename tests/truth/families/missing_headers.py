"""What header mutations take away that nobody can do without: pseudo headers, content types, lengths."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.builders_http import TYPES, http_filter, one_route
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import WORLD, abort, append, asked, get, mutation
from tests.truth.families.http_filters import HOSTS
from tests.truth.setting import Setting

ANYTHING = {"safe_regex": {"regex": ".*"}}
SHOW = mutation("show", request_mutations=[append("x-m", "<%REQ(:method)%,%REQ(:path)%,%REQ(:authority)%,%PATH%>")])
SAID = [get("/p?q=1", x_a="1"), asked("POST", "/p", content_type="application/grpc"), asked("HEAD", "/p")]
TOLD = [{"header": {"key": "x-r", "value": "<%RESPONSE_CODE%,%RESPONSE_FLAGS%,%RESPONSE_CODE_DETAILS%>"}}]
TEA = {"status": 418, "body": {"inline_string": "tea"}}


def settings() -> Iterator[Setting]:
    for name, cases in (
        ("requests without", requests()),
        ("requests early without", early()),
        ("replies without", replies()),
    ):
        yield Setting(
            name=name,
            dump=dump(cases),
            calls=calls(cases),
            configurations=len(cases),
            world=WORLD,
            hosts=HOSTS["endings"],
            marks=[name],
        )


def _removed(name: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"remove_on_match": {"key_matcher": {"exact": name} if isinstance(name, str) else name}}


def _routes() -> list[dict[str, Any]]:
    every = {"pattern": {"regex": ".*"}, "substitution": "/rx"}
    named = {"pattern": {"regex": "^/(.*)$"}, "substitution": "h\\1"}
    again = {"retry_on": "5xx,reset,gateway-error", "num_retries": 2}
    to_c: list[dict[str, Any]] = [
        *({}, {"prefix_rewrite": "/z"}, {"regex_rewrite": every}, {"host_rewrite_literal": "h.test"}),
        *({"host_rewrite_path_regex": named}, {"retry_policy": again}),
    ]
    shown = [{"header": {"key": "x-r", "value": "<%REQ(:method)%%REQ(:path)%%REQ(:authority)%>"}}]
    return [
        *(one_route(name="r", route={"cluster": "c", **more}) for more in to_c),
        one_route(name="r", route={"cluster": "c"}, request_headers_to_add=shown, response_headers_to_add=shown),
        *(one_route(name="r", route={"cluster": name}) for name in ("dead", "refuses")),
        *(one_route(name="r", direct_response={**TEA, "status": status}) for status in (418, 301)),
        *(one_route(name="r", redirect=to) for to in ({"host_redirect": "b.test"}, {"https_redirect": True})),
        one_route({"prefix": "/never"}, route={"cluster": "c"}),
    ]


def requests() -> list[Case]:
    """Surprising: whoever removes a pseudo header by its name may, and the host too; a query's names keep their blanks.

    A request lacks its :method only once the upstream's connection stands; that is never tried again.

    Without a path there is no Location. Whether a reply is gRPC, or one to a HEAD, was settled before any filter.
    """
    gone = (":method", ":path", ":authority", ":scheme", "content-type", ANYTHING)
    found: list[Case] = [
        (manager(mutation(request_mutations=[_removed(name)]), SHOW, route=route), SAID)
        for name in gone
        for route in _routes()
    ]
    for name in (":method", ":path", "Host", ":scheme", ""):
        steps = [{"remove": name}]
        found.append((manager(mutation(request_mutations=steps), SHOW), SAID))
        found.append((manager(mutation(response_mutations=[*steps, {"remove": ":status"}])), SAID))
    blank = {"append": {"record": {"key": "z y", "value": "a b"}}}
    queries = [get("/"), get("/?z%20y=1&b=%20"), get("/?a=b")]
    found.append((manager(mutation(query_parameter_mutations=[blank])), queries))
    note = {"header": "x-b", "on_header_present": {"metadata_namespace": "ns", "key": "k", "encode": "BASE64"}}
    kept = http_filter("h", "header_to_metadata.v3.Config", request_rules=[note])
    told = mutation(request_mutations=[append("x-k", "%DYNAMIC_METADATA(ns:k)%")])
    odd = [get(x_b=text) for text in ("AQ==", "fw==", "CQ==", "Cg==")]
    typed = {"header": {"key": "content-type", "value": "application/grpc"}}
    found.append((manager(kept, told), odd))
    found.append((manager(route=one_route(name="r", route={"cluster": "dead"}, request_headers_to_add=[typed])), SAID))
    return found


def early() -> list[Case]:
    """Surprising: a scheme that was taken away is set again; without a path no route is found."""
    kind = TYPES.replace("filters.http.", "http.early_header_mutation.") + "header_mutation.v3.HeaderMutation"
    forms = (":method", ":path", ":authority", ":scheme", {"prefix": "x-"}, {"exact": "X-A", "ignore_case": True})
    routes = [_routes()[index] for index in (0, 6, 7, 9, 11, 13)]
    found: list[Case] = []
    for form in (*forms, ANYTHING):
        steps = [append("x-early", "%REQ(x-a)%"), _removed(form), append("x-late", "%REQ(:path)%")]
        listed = [{"name": "e", "typed_config": {"@type": kind, "mutations": steps}}]
        found += [(manager(SHOW, route=route, early_header_mutation_extensions=listed), SAID) for route in routes]
    return found


def replies() -> list[Case]:
    """Surprising: the 502 for a missing :status has the flags of what it replaces, and route values show its code."""
    losing = mutation("losing", response_mutations=[_removed(":status"), append("x-s", "s")])
    telling = mutation("telling", response_mutations=[append("x-t", "<%RESPONSE_CODE%,%RESPONSE_CODE_DETAILS%>")])
    slow = {"fixed_delay": "0.001s", "percentage": {"numerator": 100}}
    delayed = http_filter("fault", "fault.v3.HTTPFault", delay=slow)
    routes = [
        *(one_route(name="r", route={"cluster": name}, response_headers_to_add=TOLD) for name in ("c", "dead")),
        one_route(name="r", route={"cluster": "refuses"}, response_headers_to_add=TOLD),
        one_route(name="r", direct_response=TEA, response_headers_to_add=TOLD),
        one_route(name="r", redirect={"host_redirect": "b.test"}, response_headers_to_add=TOLD),
        one_route({"prefix": "/never"}, route={"cluster": "c"}),
    ]
    threshold = {"op": "GE", "value": {"default_value": 400, "runtime_key": "x"}}
    mapper = {"filter": {"status_code_filter": {"comparison": threshold}}, "status_code": 499}
    mapped = {"mappers": [{**mapper, "body": {"inline_string": "m"}}]}
    orders = ([telling, losing], [losing, telling], [losing, abort()], [abort(), losing], [delayed, losing])
    found: list[Case] = [(manager(losing, route=route), SAID) for route in routes]
    found += [(manager(*order, route=route), SAID) for order in orders for route in routes[:2]]
    found += [(manager(losing, route=route, local_reply_config=mapped, via="v"), SAID) for route in routes[:2]]
    for form in (ANYTHING, {"prefix": ":"}, {"contains": "content"}, {"contains": "grpc"}):
        found += [(manager(mutation(response_mutations=[_removed(form)]), route=route), SAID) for route in routes]
    return found
