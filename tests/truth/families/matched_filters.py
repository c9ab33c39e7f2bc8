"""Filters within matchers: what is asked when, and what a matcher that lacks something makes of its filter.

Surprising: a matcher that lacks something skips nothing. Its filter runs, and the matcher is asked again on the way
back, where it may still skip the filter or find one that saw no request. A route's matcher is read up to the first
input that Envoy does not admit there (the connection, the query, the status …): whatever stands behind that one, even
an `on_no_match` that nobody wrote, skips the filter.
"""

from collections.abc import Iterator
from typing import Any

from tests.builders_http import ROUTER, one_route
from tests.truth.families import _managers as tls_managers
from tests.truth.families import _shapes
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import WORLD, abort, append, get, mutation
from tests.truth.families._matcher_edges import (
    COMPOSITE,
    HEADER,
    PORT,
    SAID,
    SUBJECT,
    marks,
    of_route,
    route,
    running,
    skipping,
    tree,
    within,
)
from tests.truth.families.client_certificates import CERTIFICATES, FIRST_PORT, SECRETS, tls_socket
from tests.truth.setting import Setting

Fields = dict[str, Any]
_TYPES = "type.googleapis.com/envoy."
_HTTP = f"{_TYPES}type.matcher.v3.Http"
_NETWORK = f"{_TYPES}extensions.matching.common_inputs.network.v3."
STATUS: Fields = {"@type": f"{_HTTP}ResponseStatusCodeMatchInput"}
QUERY: Fields = {"@type": f"{_HTTP}RequestQueryParamMatchInput", "query_param": "a"}
STATE: Fields = {"@type": f"{_NETWORK}FilterStateInput", "key": "k"}
SKIP = skipping()
ONE = marks("1")
NOT_FOUND = one_route(name="r", direct_response={"status": 404, "body": {"inline_string": "x"}})
DEAD = one_route(name="r", route={"cluster": "dead", "prefix_rewrite": "/new"})


def settings() -> Iterator[Setting]:
    for name, make in GROUPS.items():
        cases = make()
        yield Setting(
            name=name, dump=dump(cases), calls=calls(cases), configurations=len(cases), world=WORLD, marks=[name]
        )
    yield over_tls()


def asks(source: Fields, value: str) -> Fields:
    return {"single_predicate": {"input": {"name": "i", "typed_config": source}, "value_match": {"exact": value}}}


def header(value: str, name: str = "x-a") -> Fields:
    return asks({**HEADER, "header_name": name}, value)


def replied(value: str, name: str = ":status") -> Fields:
    return asks({"@type": f"{_HTTP}ResponseHeaderMatchInput", "header_name": name}, value)


def port(start: str) -> Fields:
    named = {"name": "i", "typed_config": PORT}
    return {"single_predicate": {"input": named, "value_match": {"prefix": start}}}


def both(*predicates: Fields) -> Fields:
    return {"and_matcher": {"predicate": list(predicates)}}


def either(*predicates: Fields) -> Fields:
    return {"or_matcher": {"predicate": list(predicates)}}


def rows(*pairs: tuple[Fields, Fields], **more: Any) -> Fields:
    return {"matcher_list": {"matchers": [{"predicate": asked, "on_match": way} for asked, way in pairs]}, **more}


def prefixes(ways: Fields, source: Fields = HEADER, **more: Any) -> Fields:
    named = {"name": "i", "typed_config": source}
    return {"matcher_tree": {"input": named, "prefix_match_map": {"map": ways}}, **more}


def below(matcher: Fields) -> Fields:
    return {"matcher": matcher}


def mark(value: str) -> Fields:
    return running(typed_config=marks(value))


def not_admitted() -> list[Case]:
    """Surprising: a header that decides alone skips too, once the connection was asked beside or before it."""
    trees = [
        rows((both(header("v"), port("2")), SKIP)),
        rows((both(header("v"), port("9")), SKIP)),
        rows((either(header("v"), port("9")), SKIP)),
        rows((either(port("9"), header("v")), SKIP)),
        rows(({"not_matcher": port("2")}, SKIP)),
        rows((header("v"), SKIP), (asks(QUERY, "1"), SKIP)),
        rows((header("v"), below(rows((asks(QUERY, "1"), SKIP)))), (header("w"), SKIP)),
        rows((header("v"), SKIP), (asks(STATUS, "200"), SKIP)),
        prefixes({"": SKIP, "v": below(rows((header("none"), SKIP)))}),
        prefixes({"": SKIP, "9": SKIP}, PORT),
        tree({"z": SKIP}, STATE),
        {"on_no_match": below(rows((asks(STATE, "none"), SKIP)))},
        {},
    ]
    return [(manager(within(ONE, None), route=route(each)), [*SAID, get("/?a=1", x_a="v")]) for each in trees]


def spoilt() -> list[Case]:
    """Surprising: what stands before the input that is not admitted runs as ever; keep_matching spoils as well."""
    keeps = {**mark("K"), "keep_matching": True}
    trees = [
        rows((header("v"), mark("A")), (port("9"), mark("B")), (header("w"), mark("C")), on_no_match=mark("D")),
        rows((header("v"), below(rows((header("none"), mark("A")), on_no_match=mark("B")))), (port("9"), SKIP)),
        rows((header("v"), below(prefixes({"": mark("A")}, PORT))), (header("w"), mark("B"))),
        rows((header("v"), keeps), (header("w"), mark("A"))),
        rows((header("w"), mark("A")), (header("v"), keeps), on_no_match=mark("B")),
        {**prefixes({"": mark("A"), "v": mark("B")}), "on_no_match": mark("C")},
        {**prefixes({"": mark("A")}, PORT), "on_no_match": mark("C")},
        {**prefixes({"v": below(rows((port("2"), mark("A"))))}), "on_no_match": mark("C")},
    ]
    return [(manager(within(COMPOSITE, None), route=route(each)), SAID) for each in trees]


def unready() -> list[Case]:
    """Surprising: what lacks a response, a trailer or a certificate lets the filter run, whatever on_no_match says."""
    trailer: Fields = {"@type": f"{_HTTP}RequestTrailerMatchInput", "header_name": "x-a"}
    trees = [
        rows((replied("404"), SKIP), on_no_match=SKIP),
        rows((either(header("v"), replied("404")), SKIP), on_no_match=SKIP),
        rows((both(header("v"), replied("404")), SKIP), on_no_match=SKIP),
        rows((both(replied("404"), header("v")), SKIP), on_no_match=SKIP),
        rows((header("v"), SKIP), (replied("404"), SKIP), (header("w"), SKIP)),
        rows((header("v"), below(rows((replied("404"), SKIP)))), on_no_match=SKIP),
        tree({"z": SKIP}, trailer) | {"on_no_match": SKIP},
        tree({"z": SKIP}, SUBJECT) | {"on_no_match": SKIP},
        tree({"z": SKIP}, STATE) | {"on_no_match": SKIP},
        tree({"1": SKIP}, QUERY),
    ]
    said = [*SAID, get("/?b&a=%31"), get("/?a=2&a=1"), get("/?a")]
    inner = [(ONE, trees), (abort(418), trees)]
    composed = [
        rows((each["matcher_list"]["matchers"][0]["predicate"], running(typed_config=abort(418)))) for each in trees[:4]
    ]
    own = [(manager(within(filter_, each)), said) for filter_, list_ in inner for each in list_]
    return own + [(manager(within(COMPOSITE, each)), said) for each in composed]


def asked_again() -> list[Case]:
    """Surprising: on the way back the request is what the router made of it, the response what filters behind left."""
    late = mutation("late", request_mutations=[append("x-a", "v", "OVERWRITE_IF_EXISTS_OR_ADD")])
    adds = mutation("z", response_mutations=[append("x-z", "1"), append("x-z", "2")])
    local: Fields = {"@type": f"{_HTTP}ResponseLocalReplyMatchInput"}
    kind: Fields = {"@type": f"{_HTTP}ResponseStatusCodeClassMatchInput"}
    cases: list[Case] = [
        (manager(within(ONE, each), route=by), SAID)
        for each in (
            rows((replied("404"), SKIP)),
            rows((asks(STATUS, "503"), SKIP)),
            rows((asks(kind, "4xx"), SKIP)),
            rows((asks(local, "true"), SKIP)),
            rows((both(header("v"), replied("404")), SKIP)),
            rows((both(replied("503"), header("/new", ":path")), SKIP)),
            rows((replied("200"), SKIP), on_no_match=SKIP),
        )
        for by in (NOT_FOUND, DEAD)
    ]
    decided, again = rows((header("v"), SKIP)), rows((both(replied("404"), header("v")), SKIP))
    cases += [(manager(within(ONE, each), late, route=NOT_FOUND), SAID) for each in (decided, again)]
    joined = rows((replied("1,2", "x-z"), SKIP))
    cases += [(manager(within(ONE, joined), adds, route=NOT_FOUND), [get()])]
    cases += [(manager(adds, within(ONE, joined), route=NOT_FOUND), [get()])]
    return cases


def found_late() -> list[Case]:
    """Surprising: a filter that is found on the way back changes the response, and never answers."""
    chain = running(filter_chain={"typed_config": [ONE, marks("2", "n")]})
    trees = [
        rows((replied("404"), mark("1"))),
        rows((replied("404"), running(typed_config=abort(429)))),
        rows((replied("404"), chain)),
        rows((replied("200"), SKIP), on_no_match=mark("2")),
        rows((header("v"), SKIP), (replied("404"), SKIP), on_no_match=mark("2")),
    ]
    plain = rows((header("v"), running(typed_config=abort(429))), on_no_match=SKIP)
    cases = [(manager(within(COMPOSITE, each), route=NOT_FOUND), SAID) for each in trees]
    return cases + [(manager(within(each, plain), route=NOT_FOUND), SAID) for each in (ONE, abort(418))]


def passed_over() -> list[Case]:
    """Surprising: a filter that no request reached is asked on the way back, by its own matcher, not the route's."""
    trees: list[Fields | None] = [
        None,
        rows((header("v"), SKIP)),
        rows((header("none"), SKIP), on_no_match=SKIP),
        rows((port("2"), SKIP)),
        rows((replied("418"), SKIP)),
        rows((either(header("v"), replied("418")), SKIP)),
        tree({"1": SKIP}, QUERY) | {"on_no_match": SKIP},
    ]
    answers = abort(418)
    cases: list[Case] = [(manager(answers, within(ONE, each)), SAID) for each in trees]
    by_route = {
        **one_route(name="r"),
        "typed_per_filter_config": of_route(rows((replied("418"), SKIP))),
    }
    cases += [
        (manager(answers, within(ONE, each), route=by_route), SAID) for each in (None, rows((replied("404"), SKIP)))
    ]
    found = [rows((each, mark("1"))) for each in (header("v"), port("2"), replied("418"))]
    return cases + [(manager(answers, within(COMPOSITE, each)), SAID) for each in found]


def over_tls() -> Setting:
    """Surprising: over TLS a certificate can be asked for, though not by a route's matcher."""
    subject, name = tree({"CN=a": SKIP}, SUBJECT), {"@type": f"{_NETWORK}ServerNameInput"}
    trees: list[Fields] = [
        subject,
        {**tree({"z": SKIP}, SUBJECT), "on_no_match": SKIP},
        rows((asks(SUBJECT, "CN=a"), SKIP), (header("v"), SKIP)),
        tree({"a.test": SKIP}, name),
        tree({"a.test": SKIP}, {"@type": f"{_TYPES}extensions.matching.common_inputs.ssl.v3.DnsSanInput"}),
    ]
    by_routes = [tls_managers.TABLE, *(one_table(to_up(route(each))) for each in (subject, tree({"z": SKIP}, SUBJECT)))]
    pairs = [(each, by_routes[0]) for each in trees] + [(None, each) for each in by_routes]
    listeners, made = [], []
    for at, (own, table) in enumerate(pairs, FIRST_PORT):
        fields = tls_managers.manager(http_filters=[within(ONE, own), ROUTER], route_config=table)
        entry = tls_managers.listener(at, fields)
        entry["listener_filters"] = [_shapes.filter_of("listener", "tls_inspector.v3.TlsInspector")]
        entry["filter_chains"] = [{**tls_managers.chain(fields), "transport_socket": tls_socket()}]
        listeners.append(entry)
        for certificate in (CERTIFICATES[2], CERTIFICATES[0], None):
            tls = {"sni": "a.test", "alpn": ["http/1.1"], "client_certificate": certificate}
            made.append(tls_managers.call(at, tls=tls, headers={"x-a": "v"}, protocol="http"))
    whole = tls_managers.dump(listeners, [tls_managers.cluster("up")])
    return Setting(
        name="certificates that matchers ask for",
        dump={"configs": [*whole["configs"], SECRETS]},
        calls=made,
        configurations=len(listeners),
        world=[tls_managers.UPSTREAM],
        marks=["certificates that matchers ask for"],
    )


def to_up(only: Fields) -> Fields:
    return {**only, "route": {"cluster": "up"}}


def one_table(only: Fields) -> Fields:
    return {"name": "table", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [only]}]}


GROUPS = {
    "inputs that routes may not ask": not_admitted,
    "behind such an input": spoilt,
    "matchers that lack something": unready,
    "matchers that are asked again": asked_again,
    "filters found on the way back": found_late,
    "matchers of filters passed over": passed_over,
}
