"""The endpoint stage: who is dialled, with which share, and the three kinds of nobody: none, unusable, unknown."""

from fractions import Fraction
from typing import Any

import pytest

from meshsim.address import parse_ip
from meshsim.explanation import Fate
from meshsim.stages import endpoint as stage
from meshsim.states import AtReturn, AtTls
from tests.builders_upstream import (
    MESH,
    at_endpoint,
    cluster,
    connection,
    decided,
    described,
    dump,
    endpoint,
    http_via,
    locality,
    pod,
    said,
    static_cluster,
    tcp_via,
)

EDS = {"name": "a", "type": "EDS", "eds_cluster_config": {"service_name": "a"}}
ORIGINAL_DST = {"name": "PassthroughCluster", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}


def test_a_single_endpoint_is_no_choice() -> None:
    picked, after, chooser = decided(stage.STAGE, at_endpoint(cluster(static_cluster(locality("10.0.0.1:80")))))
    assert isinstance(after, AtTls) and after.endpoint is picked.endpoint
    assert picked.endpoint.name == "10.0.0.1:80" and chooser.taken == []


def test_several_endpoints_are_a_choice_with_shares() -> None:
    found = cluster(static_cluster(locality("10.0.0.1:80", endpoint("10.0.0.2:80", load_balancing_weight=3))))
    at = at_endpoint(found)
    picked, _, chooser = decided(stage.STAGE, at)
    assert picked.endpoint.name == "10.0.0.2:80"
    (taken,) = chooser.taken
    assert taken.choice.site == "0/endpoint"
    assert dict(zip(taken.choice.options, taken.choice.shares, strict=True)) == {
        "10.0.0.1:80": Fraction(1, 4),
        "10.0.0.2:80": Fraction(3, 4),
    }
    pinned, _, _ = decided(stage.STAGE, at, pins={"0/endpoint": "10.0.0.1:80"})
    assert pinned.endpoint.name == "10.0.0.1:80"
    assert described(stage.STAGE, at, pinned).endpoint == "10.0.0.1:80"


def test_priorities_and_localities_are_choices_of_their_own() -> None:
    zone = {"locality": {"region": "r", "zone": "z"}, "load_balancing_weight": 1}
    found = cluster(
        static_cluster(
            locality("10.0.0.1:80", endpoint("10.0.0.2:80", health="UNHEALTHY"), **zone),
            locality("10.1.0.1:80", priority=1, **zone),
            locality("10.1.0.2:80", priority=1, load_balancing_weight=3, locality={"region": "s"}),
            common_lb_config={"locality_weighted_lb_config": {}},
        )
    )
    picked, _, chooser = decided(stage.STAGE, at_endpoint(found), pins={"0/priority": "1"})
    assert picked.endpoint.name == "10.1.0.2:80"
    assert [(taken.choice.site, taken.option, taken.share) for taken in chooser.taken] == [
        ("0/priority", "1", Fraction(3, 10)),
        ("0/locality", "s", Fraction(3, 4)),
    ]
    assert chooser.probability == Fraction(9, 40)


def test_each_endpoint_that_was_not_taken_says_why() -> None:
    found = cluster(
        static_cluster(
            locality("10.0.0.1:80", "10.0.0.2:80", endpoint("10.0.0.3:80", health="UNHEALTHY")),
            locality("10.1.0.1:80", priority=1),
        )
    )
    at = at_endpoint(found)
    picked, _, _ = decided(stage.STAGE, at)
    decision = stage.explain(MESH, at, picked)
    fates = {each.label: (each.fate, each.lost_at) for each in decision.candidates if each.kind == "endpoint"}
    assert fates == {
        "10.0.0.1:80": (Fate.CHOSEN, ""),
        "10.0.0.2:80": (Fate.OUTRANKED, "share"),
        "10.0.0.3:80": (Fate.FAILED, "health_status"),
        "10.1.0.1:80": (Fate.NOT_REACHED, "priority"),
    }
    assert not decision.deciding and decision.chosen is not None and decision.chosen.label == "10.0.0.1:80"


EMPTY = static_cluster()
SICK = static_cluster(
    locality(endpoint("10.0.0.1:80", health="UNHEALTHY")), common_lb_config={"healthy_panic_threshold": {}}
)


@pytest.mark.parametrize(
    ("fields", "reason"), [(EMPTY, "endpoint.none"), (SICK, "endpoint.none-eligible"), (ORIGINAL_DST, None)]
)
def test_nobody_to_dial(fields: dict[str, Any], reason: str | None) -> None:
    found = cluster(fields)
    at = at_endpoint(found, accepted=connection(restored=False))
    picked, after, _ = decided(stage.STAGE, at)
    assert picked.endpoint is None and isinstance(after, AtReturn)
    ending = after.ending
    assert (ending.kind, ending.status, ending.body) == ("replied", 503, "no healthy upstream")
    assert (ending.response_flags, ending.response_code_details) == (("UH",), "no_healthy_upstream")
    decision = stage.explain(MESH, at, picked)
    assert decision.deciding and decision.chosen is None
    assert decision.reason.code == (reason or "endpoint.no-original-destination")
    hop = described(stage.STAGE, at, picked)
    assert (hop.status, hop.response_flags, hop.endpoint) == (503, ("UH",), None)
    tcp = at_endpoint(found, via=tcp_via(), accepted=connection(restored=False))
    picked, after, _ = decided(stage.STAGE, tcp)
    assert (after.ending.kind, after.ending.response_flags) == ("closed", ("UH",))
    assert described(stage.STAGE, tcp, picked).downstream_local_close_reason == "tcp_initializion_failure:1"


def test_panic_is_noted() -> None:
    hosts = [endpoint(f"10.0.0.{number}:80", health="UNHEALTHY") for number in (1, 2)]
    at = at_endpoint(cluster(static_cluster(locality(*hosts))))
    picked, after, _ = decided(stage.STAGE, at)
    assert isinstance(after, AtTls)
    assert [each.code for each in stage.explain(MESH, at, picked).notes] == ["endpoint.panic"]


def test_endpoints_that_no_input_states_are_unknown_and_never_none() -> None:
    at = at_endpoint(cluster(EDS), owner=pod(dump(EDS)))
    picked, after, chooser = decided(stage.STAGE, at)
    assert picked.endpoint is None
    assert (after.ending.kind, after.ending.destination) == ("forwarded", None)
    assert [each.code for each in chooser.assumptions] == ["endpoints-not-in-dump"]
    hop = described(stage.STAGE, at, picked)
    assert (hop.endpoint, hop.attempts, hop.status, hop.response_flags) == (None, (), None, ())
    assert stage.explain(MESH, at, picked).deciding


def test_an_empty_assignment_is_none_and_a_full_one_is_used() -> None:
    empty = pod(dump(EDS, endpoints=[{"cluster_name": "a"}]))
    assert decided(stage.STAGE, at_endpoint(cluster(EDS), owner=empty))[1].ending.response_flags == ("UH",)
    full = pod(dump(EDS, endpoints=[{"cluster_name": "a", "endpoints": [locality("10.0.0.9:80")]}]))
    assert decided(stage.STAGE, at_endpoint(cluster(EDS), owner=full))[0].endpoint.name == "10.0.0.9:80"


def dns(kind: str = "STRICT_DNS", **fields: Any) -> dict[str, Any]:
    return static_cluster(locality("istiod.istio-system.svc:15012"), **{**fields, "type": kind})


ANSWERS = {"istiod.istio-system.svc": (parse_ip("10.96.0.9"), parse_ip("10.96.0.10"), parse_ip("fd00::9"))}


def test_a_name_nobody_resolved_is_the_destination() -> None:
    at = at_endpoint(cluster(dns()))
    picked, after, chooser = decided(stage.STAGE, at)
    assert (after.ending.kind, after.ending.destination) == ("forwarded", "istiod.istio-system.svc:15012")
    assert [each.code for each in chooser.assumptions] == ["endpoints-not-in-dump"]
    assert described(stage.STAGE, at, picked).endpoint is None


@pytest.mark.parametrize(
    ("kind", "family", "wanted"),
    [
        ("STRICT_DNS", "V4_ONLY", ("10.96.0.9:15012", "10.96.0.10:15012")),
        ("LOGICAL_DNS", "V4_ONLY", ("10.96.0.9:15012",)),
        ("STRICT_DNS", "AUTO", ("[fd00::9]:15012",)),
        ("STRICT_DNS", "V4_PREFERRED", ("10.96.0.9:15012", "10.96.0.10:15012")),
        ("STRICT_DNS", "ALL", ("10.96.0.9:15012", "10.96.0.10:15012", "[fd00::9]:15012")),
    ],
)
def test_names_become_the_addresses_this_pod_sees(kind: str, family: str, wanted: tuple[str, ...]) -> None:
    at = at_endpoint(cluster(dns(kind, dns_lookup_family=family)), owner=pod(names=ANSWERS))
    picked, _, chooser = decided(stage.STAGE, at)
    options = chooser.taken[0].choice.options if chooser.taken else (picked.endpoint.name,)
    assert options == wanted
    assert picked.endpoint.hostname == "istiod.istio-system.svc"


def test_a_name_without_an_address_has_no_hosts() -> None:
    at = at_endpoint(cluster(dns()), owner=pod(names={"istiod.istio-system.svc": ()}))
    assert decided(stage.STAGE, at)[1].ending.response_flags == ("UH",)


def test_a_dump_with_endpoints_shows_what_a_name_became() -> None:
    document = dump(dns(), endpoints=[{"cluster_name": "a", "endpoints": [locality("10.96.0.77:15012")]}])
    at = at_endpoint(cluster(dns()), owner=pod(document))
    assert decided(stage.STAGE, at)[0].endpoint.name == "10.96.0.77:15012"


@pytest.mark.parametrize(
    ("settings", "headers", "restored", "wanted"),
    [
        ({}, {}, True, "10.0.0.5:80"),
        ({}, {"x-envoy-original-dst-host": ("10.9.9.9:1",)}, True, "10.0.0.5:80"),
        ({"use_http_header": True}, {"x-envoy-original-dst-host": ("10.9.9.9:1", "10.8.8.8:2")}, True, "10.9.9.9:1"),
        ({"use_http_header": True}, {"x-envoy-original-dst-host": ("10.9.9.9:1",)}, False, "10.9.9.9:1"),
        ({"use_http_header": True}, {"x-envoy-original-dst-host": ("a.example:1",)}, True, "10.0.0.5:80"),
        ({"use_http_header": True}, {"x-envoy-original-dst-host": ("10.9.9.9",)}, True, "10.0.0.5:80"),
        ({"use_http_header": True, "http_header_name": "x-to"}, {"x-to": ("[::1]:7",)}, True, "[::1]:7"),
        (
            {"use_http_header": True, "http_header_name": "x-to"},
            {"x-envoy-original-dst-host": ("10.9.9.9:1",)},
            True,
            "10.0.0.5:80",
        ),
        ({"upstream_port_override": 8080}, {}, True, "10.0.0.5:8080"),
        ({"upstream_port_override": 8080}, {}, False, None),
        ({}, {}, False, None),
    ],
)
def test_original_destination(
    settings: dict[str, Any], headers: dict[str, tuple[str, ...]], restored: bool, wanted: str | None
) -> None:
    found = cluster({**ORIGINAL_DST, "original_dst_lb_config": settings})
    at = at_endpoint(found, accepted=connection(restored=restored), conversation=said(headers=headers))
    picked, after, _ = decided(stage.STAGE, at)
    assert (picked.endpoint.name if picked.endpoint is not None else None) == wanted
    assert isinstance(after, AtReturn if wanted is None else AtTls)


SUBSETS = static_cluster(
    locality(
        *(
            endpoint(f"10.0.0.{number}:80", metadata={"filter_metadata": {"envoy.lb": labels}})
            for number, labels in enumerate(({"v": "1"}, {"v": "2"}, {"v": "2", "z": "a"}), 1)
        )
    ),
    lb_subset_config={"subset_selectors": [{"keys": ["v"]}], "default_subset": {"v": "1"}},
)


def subset(fallback: str, criteria: dict[str, str] | None) -> set[str]:
    config = {**SUBSETS["lb_subset_config"], "fallback_policy": fallback}
    match = {} if criteria is None else {"metadata_match": {"filter_metadata": {"envoy.lb": criteria}}}
    via = http_via(**match)
    at = at_endpoint(cluster({**SUBSETS, "lb_subset_config": config}), via=via)
    picked, _, chooser = decided(stage.STAGE, at)
    if chooser.taken:
        return set(chooser.taken[0].choice.options)
    return set() if picked.endpoint is None else {picked.endpoint.name}


ALL = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"}


@pytest.mark.parametrize(
    ("fallback", "criteria", "wanted"),
    [
        ("NO_FALLBACK", {"v": "2"}, {"10.0.0.2:80", "10.0.0.3:80"}),
        ("NO_FALLBACK", {"v": "3"}, set()),
        ("NO_FALLBACK", {"v": "2", "z": "a"}, set()),
        ("NO_FALLBACK", None, set()),
        ("ANY_ENDPOINT", {"v": "3"}, ALL),
        ("ANY_ENDPOINT", None, ALL),
        ("DEFAULT_SUBSET", {"z": "a"}, {"10.0.0.1:80"}),
    ],
)
def test_subsets(fallback: str, criteria: dict[str, str] | None, wanted: set[str]) -> None:
    assert subset(fallback, criteria) == wanted


def test_without_subset_configuration_criteria_are_ignored() -> None:
    plain = {key: value for key, value in SUBSETS.items() if key != "lb_subset_config"}
    via = http_via(metadata_match={"filter_metadata": {"envoy.lb": {"v": "3"}}})
    _, after, chooser = decided(stage.STAGE, at_endpoint(cluster(plain), via=via))
    assert isinstance(after, AtTls) and set(chooser.taken[0].choice.options) == ALL
