"""transport_socket_matcher and transport_socket_matches: which socket an endpoint is spoken to through.

Each socket offers a server name of its own, which the far listener logs.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families import downstream_tls, upstream_tls
from tests.truth.families._shapes import address, dump
from tests.truth.setting import POD, POD_ADDRESS, Setting

FIRST_NEAR, FAR, APPLICATION = 11001, 8001, 9000
Fields = Mapping[str, Any]
INPUTS = "type.googleapis.com/envoy.extensions.matching.common_inputs.transport_socket.v3."
LABELS = "envoy.transport_socket_match"


def to(name: str) -> Fields:
    config = {"@type": f"{INPUTS}TransportSocketNameAction", "name": name}
    return {"action": {"name": "envoy.matching.action.transport_socket.name", "typed_config": config}}


def of(whose: str, *path: str, space: str | None = "envoy.lb") -> Fields:
    config: dict[str, Any] = {"@type": f"{INPUTS}{whose.capitalize()}MetadataInput"}
    if space is not None:
        config["filter"] = space
    if path:
        config["path"] = [{"key": each} for each in path]
    return {"name": f"envoy.matching.inputs.{whose}_metadata", "typed_config": config}


def mapped(asked: Fields, to_names: Mapping[str, Fields], kind: str = "exact_match_map", **rest: Any) -> Fields:
    return {"matcher_tree": {"input": asked, kind: {"map": dict(to_names)}}, **rest}


def listed(*rows: tuple[Fields, Fields], **rest: Any) -> Fields:
    return {"matcher_list": {"matchers": [{"predicate": one, "on_match": then} for one, then in rows]}, **rest}


def says(asked: Fields, **match: Any) -> Fields:
    return {"single_predicate": {"input": asked, "value_match": match}}


KIND = of("endpoint", "kind")
FILTER_STATE = {
    "name": "envoy.matching.inputs.transport_socket_filter_state",
    "typed_config": {"@type": f"{INPUTS}FilterStateInput", "key": "envoy.string"},
}
MATCHERS: dict[str, Fields | None] = {
    "none": None,
    "exact": mapped(KIND, {"a": to("a"), "b": to("b"), "1": to("c"), "true": to("c"), "": to("b")}),
    "prefix": mapped(KIND, {"a": to("a"), "": to("b")}, "prefix_match_map"),
    "as JSON": mapped(KIND, {"null": to("a"), '["a"]': to("b"), "1.5": to("c")}),
    "otherwise c": mapped(KIND, {"a": to("a")}, on_no_match=to("c")),
    "nobody's name": mapped(KIND, {"a": to("nobody"), "b": to("b")}, on_no_match=to("c")),
    "deep": mapped(of("endpoint", "deep", "er"), {"a": to("a")}),
    "no path": mapped(of("endpoint"), {"a": to("a")}, on_no_match=to("b")),
    "no space": mapped(of("endpoint", "kind", space=None), {"a": to("a")}, on_no_match=to("b")),
    "other space": mapped(of("endpoint", "kind", space=LABELS), {"a": to("a"), "b": to("b")}),
    "locality": mapped(of("locality", "kind"), {"a": to("a"), "b": to("b")}, on_no_match=to("c")),
    "list": listed((says(KIND, prefix="a"), to("a")), (says(of("locality", "kind"), exact="b"), to("b"))),
    "both": listed(
        ({"and_matcher": {"predicate": [says(KIND, exact="a"), says(of("locality", "kind"), exact="b")]}}, to("a")),
        ({"not_matcher": says(KIND, exact="a")}, to("b")),
        on_no_match=to("c"),
    ),
    "nested": mapped(KIND, {"a": {"matcher": mapped(of("locality", "kind"), {"b": to("b")})}}, on_no_match=to("c")),
    "filter state": mapped(FILTER_STATE, {"a": to("a")}, on_no_match=to("c")),
}
ENDPOINTS: dict[str, Fields] = {
    "a": {"envoy.lb": {"kind": "a"}},
    "b": {"envoy.lb": {"kind": "b"}},
    "ab": {"envoy.lb": {"kind": "ab"}},
    "number": {"envoy.lb": {"kind": 1}},
    "truth": {"envoy.lb": {"kind": True}},
    "list": {"envoy.lb": {"kind": ["a"]}},
    "fraction": {"envoy.lb": {"kind": 1.5}},
    "empty": {"envoy.lb": {"kind": ""}},
    "deep": {"envoy.lb": {"deep": {"er": "a"}}},
    "nothing": {},
    "labels": {LABELS: {"kind": "a"}, "envoy.lb": {"kind": "b"}},
}
LOCALITIES: dict[str, Fields] = {
    "unlabelled": {},
    "b": {"envoy.lb": {"kind": "b"}, LABELS: {"kind": "b"}},
    "a": {"envoy.lb": {"kind": "a"}, LABELS: {"kind": "a"}},
}
OWN = ("plaintext", "TLS")
CASES = [
    (matcher, endpoint, locality, own)
    for matcher in MATCHERS
    for endpoint in ENDPOINTS
    for locality in LOCALITIES
    for own in OWN
    if own == "plaintext" or locality == "unlabelled"
]


def label(port: str) -> str:
    return " / ".join(CASES[int(port) - FIRST_NEAR])


def settings() -> Iterator[Setting]:
    yield Setting(
        name="sockets",
        dump=_dump(),
        calls=[
            {
                "from": "outside",
                "pod": POD,
                "destination": f"{POD_ADDRESS}:{FIRST_NEAR + index}",
                "protocol": "http",
                "authority": "a",
            }
            for index in range(len(CASES))
        ],
        configurations=len(MATCHERS) * len(OWN),
        pod_sockets=[Upstream(f"0.0.0.0:{APPLICATION}", "auto", name="any")],
        marks=["transport socket match"],
    )


def _dump() -> dict[str, Any]:
    inspector = {"name": "tls_inspector", "typed_config": {"@type": downstream_tls.INSPECTOR}}
    far_chains = [
        {
            "name": kind,
            "filters": [downstream_tls.http("application")],
            "filter_chain_match": {"transport_protocol": kind},
            **({"transport_socket": downstream_tls.context()} if kind == "tls" else {}),
        }
        for kind in ("tls", "raw_buffer")
    ]
    listeners: list[dict[str, Any]] = [
        {
            "name": "far",
            "address": address("0.0.0.0", FAR),
            "filter_chains": far_chains,
            "listener_filters": [inspector],
        }
    ]
    clusters = [_cluster("application", "127.0.0.1", APPLICATION, {}, {})]
    for index, (matcher, endpoint, locality, own) in enumerate(CASES):
        name = label(str(FIRST_NEAR + index))
        made = _cluster(name, POD_ADDRESS, FAR, ENDPOINTS[endpoint], LOCALITIES[locality])
        made["transport_socket_matches"] = [
            {"name": each, "match": {"kind": each}, "transport_socket": upstream_tls.context(sni=f"{each}.test")}
            for each in ("a", "b", "c")
        ]
        if MATCHERS[matcher] is not None:
            made["transport_socket_matcher"] = MATCHERS[matcher]
        if own == "TLS":
            made["transport_socket"] = upstream_tls.context(sni="own.test")
        clusters.append(made)
        chain = {"name": name, "filters": [downstream_tls.http(name)]}
        listeners.append({"name": name, "address": address("0.0.0.0", FIRST_NEAR + index), "filter_chains": [chain]})
    return dump(listeners, clusters)


def _cluster(name: str, host: str, port: int, labels: Fields, of_locality: Fields) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": address(host, port)}, "metadata": {"filter_metadata": labels}}
    locality = {"lb_endpoints": [endpoint], "metadata": {"filter_metadata": of_locality}}
    made = {"name": name, "type": "STATIC", "connect_timeout": "2s"}
    return {**made, "load_assignment": {"cluster_name": name, "endpoints": [locality]}}
