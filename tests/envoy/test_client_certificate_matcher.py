"""forward_client_cert_matcher; the bulk is measured in the truth family of client certificate matchers."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from meshsim.address import parse_ip
from meshsim.envoy.client_certificate_header import XFCC
from meshsim.envoy.client_certificate_matcher import (
    CertificateFacts,
    ClientCertificatePolicy,
    compile_client_certificate_policy,
)
from meshsim.errors import Rejected
from meshsim.facts.connection import Connection
from tests.builders_http import ROUTER, manager, one_route, request, view, walk

TYPES = "type.googleapis.com/envoy"
ACTION = f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertConfig"
NETWORK = f"{TYPES}.extensions.matching.common_inputs.network.v3"
PLAIN = Connection(parse_ip("10.0.0.1"), 80, parse_ip("10.0.0.2"), 40000, parse_ip("10.0.0.2"), 40000)


def leads(mode: str, kind: str = ACTION, **more: Any) -> dict[str, Any]:
    config = {"@type": kind, "forward_client_cert_details": mode}
    return {"action": {"name": mode, "typed_config": config}, **more}


def asking(kind: str, wanted: str = "x", then: Any = None, **fields: Any) -> dict[str, Any]:
    asked = {"input": {"name": "i", "typed_config": {"@type": kind, **fields}}, "value_match": {"exact": wanted}}
    row = {"predicate": {"single_predicate": asked}, "on_match": then or leads("ALWAYS_FORWARD_ONLY")}
    return {"matcher_list": {"matchers": [row]}, "on_no_match": leads("SANITIZE_SET")}


def header(name: str, wanted: str = "x", then: Any = None) -> dict[str, Any]:
    return asking(f"{TYPES}.type.matcher.v3.HttpRequestHeaderMatchInput", wanted, then, header_name=name)


def policy(matcher: dict[str, Any]) -> ClientCertificatePolicy:
    own = {"forward_client_cert_details": "APPEND_FORWARD", "forward_client_cert_matcher": matcher}
    return compile_client_certificate_policy(view(own))


def mode(matcher: dict[str, Any], *, path: str = "/", **headers: tuple[str, ...]) -> str:
    return policy(matcher).of(CertificateFacts(request(path=path, headers=headers), PLAIN)).mode


def test_the_first_row_that_holds_decides() -> None:
    assert mode(header("a"), a=("x",)) == "ALWAYS_FORWARD_ONLY"
    assert mode(header("a"), a=("y",)) == "SANITIZE_SET"
    assert mode(header("a", "x,y"), a=("x", "y")) == "ALWAYS_FORWARD_ONLY"
    query = f"{TYPES}.type.matcher.v3.HttpRequestQueryParamMatchInput"
    assert mode(asking(query, "b c", query_param="a"), path="/?a=b%20c&a=x") == "ALWAYS_FORWARD_ONLY"


def test_where_nothing_leads_anywhere_the_manager_decides() -> None:
    assert mode({}) == "APPEND_FORWARD"
    later = asking(f"{TYPES}.type.matcher.v3.HttpRequestTrailerMatchInput", header_name="a")
    assert mode(later) == "APPEND_FORWARD", "nothing is there yet, and Envoy gives up"


def test_keep_matching_makes_the_whole_matcher_find_nothing() -> None:
    kept = header("a", then=leads("SANITIZE", keep_matching=True))
    assert mode(kept, a=("x",)) == mode(kept, a=("other",)) == "APPEND_FORWARD"


def test_filter_state_of_the_connection() -> None:
    asked = asking(f"{NETWORK}.FilterStateInput", "v", key="k")
    facts = CertificateFacts(request(), evolve(PLAIN, filter_state={"k": "v"}))
    assert policy(asked).of(facts).mode == "ALWAYS_FORWARD_ONLY"
    assert mode(asked) == "SANITIZE_SET"


@pytest.mark.parametrize(
    "matcher",
    [
        {"on_no_match": leads("SANITIZE", f"{TYPES}.config.route.v3.Route")},
        asking(f"{NETWORK}.ApplicationProtocolInput"),
        asking(f"{NETWORK}.TransportProtocolInput"),
        asking("type.googleapis.com/xds.type.matcher.v3.HttpAttributesCelMatchInput"),
    ],
)
def test_what_envoy_refuses_is_refused(matcher: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        policy(matcher)


def test_a_request_through_the_manager() -> None:
    hcm = manager(one_route(), http_filters=[ROUTER], forward_client_cert_matcher=header("a"))
    assert walk(hcm, request(headers={XFCC: ("old",), "a": ("x",)})).sent.headers[XFCC] == ("old",)
    assert XFCC not in walk(hcm, request(headers={XFCC: ("old",)})).sent.headers


def test_what_only_run_time_knows_is_an_assumption() -> None:
    hcm = manager(one_route(), http_filters=[ROUTER], forward_client_cert_matcher=header("x-request-id"))
    assert [reason.code for reason in walk(hcm).chooser.assumptions] == ["http.client-certificate-open"]
    environment = f"{TYPES}.extensions.matching.common_inputs.environment_variable.v3.Config"
    hcm = manager(one_route(), http_filters=[ROUTER], forward_client_cert_matcher=asking(environment, name="HOME"))
    assert len(walk(hcm).chooser.assumptions) == 2
