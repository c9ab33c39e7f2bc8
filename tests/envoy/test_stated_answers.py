"""What Envoy makes of an answer that a call states: a service's, a script's, or that of a filter nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.errors import InputError
from meshsim.facts.answer import Answer
from tests.builders_http import ROUTER, TYPES, Walked, http_filter, manager, one_route, request, walk

AUTHZ = "ext_authz.v3.ExtAuthz"
NO = Answer(401, {"X-Why": "no", "x-many": ("1", "2"), "keep-alive": "x", "location": "/l"}, "denied")


def asks(response: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    service = {
        "server_uri": {"uri": "http://a", "cluster": "a", "timeout": "1s"},
        "authorization_response": response or {},
    }
    return http_filter("f", AUTHZ, http_service=service, **more)


def patterns(*names: str) -> dict[str, Any]:
    return {"patterns": [{"exact": name} for name in names]}


def answered(
    http_filter: dict[str, Any], answer: Answer, *, route: Any = None, method: str = "GET", **more: Any
) -> Walked:
    made = manager(route or one_route(name="r"), http_filters=[http_filter, ROUTER])
    return walk(made, request(method=method), answers={"0/filter/f": answer}, **more)


def headers_of(walked: Walked) -> dict[str, tuple[str, ...]]:
    own = ("content-length", "content-type", "date", "server", "transfer-encoding")
    return {name: values for name, values in walked.ending.response_headers.items() if name not in own}


def test_a_denial_over_http_is_handed_on_whole() -> None:
    seen = answered(asks(), NO)
    assert (seen.ending.status, seen.ending.body, seen.ending.response_code_details) == (
        401,
        "denied",
        "ext_authz_denied",
    )
    assert headers_of(seen) == {
        "x-why": ("no",),
        "x-many": ("1", "2"),
        "location": ("/l",),
        "x-envoy-upstream-service-time": (),
    }
    assert seen.chooser.assumptions == [] and seen.chooser.taken[0].option == "blocks"


def test_or_only_what_is_allowed_and_where_to_go() -> None:
    assert set(headers_of(answered(asks({"allowed_client_headers": patterns("x-many")}), NO))) == {"x-many", "location"}


def test_the_answer_to_a_head_has_no_body() -> None:
    assert "content-length" not in answered(asks(), NO, method="HEAD").ending.response_headers


def test_a_broken_service_is_an_error_of_the_filter() -> None:
    broken = Answer(503, {"x-why": "broken"}, "broken")
    seen = answered(asks(status_on_error={"code": 502}), broken).ending
    assert (seen.status, seen.response_code_details, seen.body) == (502, "ext_authz_error", "")
    assert seen.why.code == "filter.service-broken"
    assert answered(asks(failure_mode_allow=True), broken).cluster == "c"


def test_a_body_is_cut_to_what_is_passed_on() -> None:
    assert answered(asks(max_denied_response_body_bytes=3), NO).ending.body == "den"


def test_a_permission_changes_the_request() -> None:
    allowed = {"allowed_upstream_headers": patterns("x-a"), "allowed_upstream_headers_to_append": patterns("x-b")}
    yes = Answer(200, {"x-a": ("1", "2"), "x-b": "2", "x-c": "3", "x-envoy-auth-headers-to-remove": "x-d"})
    made = manager(one_route(name="r"), http_filters=[asks(allowed), ROUTER])
    seen = walk(made, request(headers={"x-b": ("1",), "x-d": ("4",)}), answers={"0/filter/f": yes}).sent.headers
    assert {name: seen.get(name) for name in ("x-a", "x-b", "x-c", "x-d")} == {
        "x-a": ("2",),
        "x-b": ("1", "2"),
        "x-c": None,
        "x-d": None,
    }
    with pytest.raises(InputError, match="decoder_header_mutation_rules"):
        answered(asks(allowed, decoder_header_mutation_rules={}), yes)


def test_what_is_not_modelled_of_the_service_is_refused() -> None:
    custom = {"patterns": [{"custom": {"name": "x", "typed_config": {"@type": "type.googleapis.com/mine.v1.X"}}}]}
    with pytest.raises(InputError, match="allowed_client_headers"):
        answered(asks({"allowed_client_headers": custom}), NO)


def test_over_grpc_every_answer_is_a_denial() -> None:
    grpc = http_filter("f", AUTHZ, grpc_service={"envoy_grpc": {"cluster_name": "a"}})
    for status in (200, 503):
        seen = answered(grpc, Answer(status, {"keep-alive": "x"}))
        assert (seen.ending.status, headers_of(seen)) == (status, {"keep-alive": ("x",)})


def test_a_route_may_name_a_service_of_its_own() -> None:
    own = {"check_settings": {"grpc_service": {"envoy_grpc": {"cluster_name": "b"}}}}
    level = {"f": {"@type": f"{TYPES}ext_authz.v3.ExtAuthzPerRoute", **own}}
    assert answered(asks(), Answer(503), route=one_route(typed_per_filter_config=level)).ending.status == 503


def test_what_a_script_says_comes_to_what_the_route_writes() -> None:
    writes = {"response_headers_to_add": [{"header": {"key": "x-many", "value": "0"}}]}
    seen = answered(http_filter("f", "lua.v3.Lua"), NO, route=one_route(**writes))
    assert seen.ending.response_code_details == "lua_response"
    assert headers_of(seen)["x-many"] == ("0", "1", "2")


def test_of_a_filter_that_nothing_is_known_of_the_answer_is_told_as_it_is() -> None:
    seen = answered(http_filter("f", "ext_proc.v3.ExternalProcessor"), Answer(299, {"x-why": "so"}, "yes"))
    assert (seen.ending.status, seen.ending.body, headers_of(seen)) == (299, "yes", {"x-why": ("so",)})


SUCCESS = {"http_criteria": {"http_success_status": [{"start": 200, "end": 300}]}}


def test_within_a_composite_filter_too() -> None:
    action = {
        "name": "composite-action",
        "typed_config": {"@type": f"{TYPES}composite.v3.ExecuteFilterAction", "typed_config": asks()},
    }
    composite = {
        "name": "f",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher",
            "extension_config": http_filter("composite", "composite.v3.Composite"),
            "xds_matcher": {"on_no_match": {"action": action}},
        },
    }
    assert answered(composite, NO).ending.status == 401


@pytest.mark.parametrize(
    ("filter_", "pins", "reference"),
    [
        (asks(), {"0/filter/f": "pass"}, "pick-contradicts-answer"),
        (asks(), {"0/filter/f": "denies"}, "pick-unknown-option"),
        (http_filter("f", "fault.v3.HTTPFault", abort={"http_status": 503, "percentage": {"numerator": 5}}), {}, ""),
        (http_filter("f", "admission_control.v3.AdmissionControl", success_criteria=SUCCESS), {}, ""),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(filter_: dict[str, Any], pins: dict[str, str], reference: str) -> None:
    with pytest.raises(InputError) as caught:
        answered(filter_, NO, pins=pins)
    assert caught.value.reference == (reference or "answer-to-no-question")


def test_a_pin_that_agrees_is_no_contradiction() -> None:
    assert answered(asks(), NO, pins={"0/filter/f": "blocks"}).ending.status == 401
