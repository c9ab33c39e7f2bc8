"""Header mutations and metadata at their edges: what is absent, structures as text, what a filter took away."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from tests.builders_http import http_filter, one_route
from tests.truth.families._filter_dump import Case, calls, dump, manager
from tests.truth.families._filter_words import WORLD, abort, append, asked, get, mutation, per_route
from tests.truth.families._query_edges import queries
from tests.truth.families.http_filters import HOSTS
from tests.truth.setting import Setting

CONFIG = "header_to_metadata.v3.Config"
SHOW = mutation(
    "show", request_mutations=[append("x-ns", "%DYNAMIC_METADATA(ns)%"), append("x-k", "%DYNAMIC_METADATA(ns:k)%")]
)


def settings() -> Iterator[Setting]:
    for name, cases in (
        ("what stands at a path", absences()),
        ("structures as text", structures()),
        ("rules that remove", removals()),
        ("values at each moment", moments()),
        ("queries as text", queries()),
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


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    return http_filter("sm", "set_metadata.v3.Config", metadata=[{"metadata_namespace": "ns", "value": values}])


def _authorised(**fields: Any) -> dict[str, Any]:
    service = {"server_uri": {"uri": "http://x", "cluster": "missing", "timeout": "1s"}}
    return http_filter("az", "ext_authz.v3.ExtAuthz", http_service=service, **fields)


def _tested(value: Mapping[str, Any], *path: str, invert: bool = False) -> dict[str, Any]:
    return {"filter": "ns", "path": [{"key": key} for key in path], "value": value, "invert": invert}


def absences() -> list[Case]:
    """Surprising: a null is present, and what is absent is no null; metadata that does not match is as good as off."""
    tests: list[dict[str, Any]] = [
        *({"null_match": {}}, {"present_match": True}, {"present_match": False}),
        {"list_match": {"one_of": {"null_match": {}}}},
        {"or_match": {"value_matchers": [{"null_match": {}}, {"double_match": {"exact": 4}}]}},
    ]
    values: list[dict[str, Any] | None] = [
        None,
        {},
        {"k": None},
        {"n": {"a": None}},
        {"k": {}},
        {"k": 4},
        {"k": [None]},
    ]
    found: list[Case] = [
        (
            manager(
                *([] if written is None else [_written(written)]),
                _authorised(filter_enabled_metadata=_tested(test, *path, invert=invert)),
            ),
            [get()],
        )
        for written in values
        for test in tests
        for path in (("k",), ("n", "a"))
        for invert in (False, True)
    ]
    present = {"present_match": True}
    denied = {"deny_at_disable": {"default_value": True, "runtime_key": "never"}}
    return found + [
        (
            manager(_authorised(filter_enabled_metadata=_tested(present, "k", invert=invert), **denied, **more)),
            [get(), asked("POST", content_type="application/grpc")],
        )
        for invert in (False, True)
        for more in ({}, {"filter_enabled": {"default_value": {"numerator": 0}}}, {"failure_mode_allow": True})
    ]


def structures() -> list[Case]:
    """Surprising: 100000 is written 1e+05; of a text that is no UTF-8, every byte outside ASCII is escaped."""
    numbers = [
        *(3.0, -0.0, 100000, 100000.5, 1e15, 123456789012345680, 12345678901234567890, 0.001, 1e-4, 1.5e-7, 1e300),
        *([1.0, -0.0, {"é": [True, None]}], {"b": 1, "a": {}}, {}, [], "", True, None, 'é𝄞"\\/<'),
    ]
    encoded = {"header": "x-b", "on_header_present": {"metadata_namespace": "ns", "key": "k", "encode": "BASE64"}}
    read = {"header": "x-n", "on_header_present": {"metadata_namespace": "ns", "key": "k", "type": "NUMBER"}}
    texts = (b"v", "é".encode() + b"\xd3", b"\xed\xa0\x80", b"\xc0\x80<>&'")
    said = [
        "inf",
        "-inf",
        "nan",
        "-nan(1)",
        "1_0",
        "0x10",
        "0x1p3",
        "1e400",
        " 4 ",
        "+4",
        "++4",
        ".5",
        "5.",
        "1e",
        "100000",
    ]
    whole = mutation("show", request_mutations=[append("x-ns", "%DYNAMIC_METADATA(ns)%")])
    return [(manager(_written({"k": number}), SHOW), [get()]) for number in numbers] + [
        (
            manager(http_filter("h", CONFIG, request_rules=[encoded, read]), whole),
            [get(x_b=base64.b64encode(text).decode()) for text in texts] + [get(x_n=text) for text in said],
        )
    ]


def removals() -> list[Case]:
    """Surprising: a rule that notes only what is missing still removes what is there; an empty cookie is missing."""
    present = {"on_header_present": {"metadata_namespace": "ns", "key": "k"}}
    missing = {"on_header_missing": {"metadata_namespace": "ns", "key": "k", "value": "m"}}
    said = [get(origin=value, x_a=value) for value in ("v", "", ["a", "b"])] + [get()]
    found: list[Case] = []
    for header in ("origin", "x-a"):
        for notes in (present, missing, {**present, **missing}):
            rules = [{"header": header, "remove": True, **notes}, {"header": header, **missing}]
            found.append((manager(http_filter("h", CONFIG, request_rules=rules), SHOW), said))
            found.append(
                (manager(http_filter("h", CONFIG), SHOW, route=per_route("h", CONFIG, request_rules=rules)), said)
            )
    rules = [{"cookie": "s", **present, **missing}]
    cookies = [get(cookie=text) for text in ("s=", "s", "s=1", 's=""', "s=; s=2", "s=2; s=", "a=1")]
    return [*found, (manager(http_filter("h", CONFIG, request_rules=rules), SHOW), cookies)]


OPERATORS = (
    *("UPSTREAM_CLUSTER", "UPSTREAM_CLUSTER_RAW", "RESPONSE_CODE", "RESPONSE_FLAGS", "RESPONSE_CODE_DETAILS"),
    *("ROUTE_NAME", "UPSTREAM_HOST", "UPSTREAM_TRANSPORT_FAILURE_REASON", "UPSTREAM_REQUEST_ATTEMPT_COUNT"),
    *("GRPC_STATUS", "GRPC_STATUS_NUMBER", "GRPC_STATUS(SNAKE_STRING)", "LOCAL_REPLY_BODY", "PROTOCOL", "PATH"),
    *("METADATA(ROUTE:ns:k)", "METADATA(UPSTREAM_HOST:ns:k)", "REQ(:path)", "REQ(:authority)", "REQ(x-b)"),
)


def moments() -> list[Case]:
    """Surprising: on the way back the reply's own code, details and flags are known; going, the route's cluster is.

    The code is the one before gRPC makes it 200. A reply of the router's shows the request as it was to leave.
    """
    shown = [append(f"v-{index}", f"<%{operator}%>") for index, operator in enumerate(OPERATORS)]
    both = mutation(request_mutations=shown, response_mutations=shown)
    forwarding = one_route(name="r", route={"cluster": "c"}, metadata={"filter_metadata": {"ns": {"k": "v"}}})
    weighted = {"weighted_clusters": {"clusters": [{"name": "c", "weight": 1}, {"name": "d", "weight": 0}]}}
    rewriting = {"cluster": "dead", "prefix_rewrite": "/z", "host_rewrite_literal": "h.test"}
    added = [{"header": {"key": "x-b", "value": "route"}}]
    routes = [
        *(forwarding, one_route(name="r", route=weighted), one_route({"prefix": "/never"}, route={"cluster": "c"})),
        *(one_route(name="r", route={"cluster": name}) for name in ("dead", "refuses", "nowhere")),
        one_route(name="r", route={"cluster_header": "x-to"}),
        one_route(name="r", route=rewriting, request_headers_to_add=added),
        one_route(name="r", direct_response={"status": 418, "body": {"inline_string": "tea"}}),
        one_route(name="r", redirect={"host_redirect": "b.test"}),
    ]
    said = [get("/p?q=1", x_to="c", x_b="b"), asked("POST", "/p", content_type="application/grpc", x_to="dead"), get()]
    threshold = {"op": "GE", "value": {"default_value": 400, "runtime_key": "x"}}
    mapper = {"filter": {"status_code_filter": {"comparison": threshold}}, "status_code": 499}
    found: list[Case] = [(manager(both, route=route), said) for route in routes]
    found += [
        (manager(*order, route=route), said) for order in ((both, abort()), (abort(), both)) for route in routes[:3]
    ]
    return [*found, (manager(both, route=routes[3], local_reply_config={"mappers": [mapper]}), said)]
