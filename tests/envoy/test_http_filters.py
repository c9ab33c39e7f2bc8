"""HTTP filters: which let pass, which answer, and which leave it open."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.errors import Rejected
from meshsim.explanation import Fate
from meshsim.facts.request import Request
from tests.builders_http import ROUTER, TYPES, Walked, http_filter, one_route, request, virtual_host, walk
from tests.builders_http import manager as hcm
from tests.builders_http import table_fields as table_of


def through(
    *filters: dict[str, Any],
    said: Request | None = None,
    route: dict[str, Any] | None = None,
    pins: dict[str, str] | None = None,
    random_value: int | None = None,
) -> Walked:
    manager = hcm(route or one_route(name="r"), http_filters=[*filters, ROUTER])
    return walk(manager, said, pins=pins, random_value=random_value)


def per_route(name: str, kind: str, /, **fields: Any) -> dict[str, Any]:
    return one_route(name="r", typed_per_filter_config={name: {"@type": TYPES + kind, **fields}})


FAULT = "fault.v3.HTTPFault"
ALWAYS = {"numerator": 100}


def fault(status: int = 503, percentage: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    abort = {"http_status": status, "percentage": ALWAYS if percentage is None else percentage}
    return {"abort": abort, **fields}


NEUTRAL = [
    http_filter("envoy.filters.http.grpc_stats", "grpc_stats.v3.FilterConfig"),
    {"name": "istio.alpn", "typed_config": {"@type": "x/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig"}},
    {"name": "istio.stats", "typed_config": {"@type": "type.googleapis.com/stats.PluginConfig"}},
    http_filter("envoy.filters.http.rbac", "rbac.v3.RBAC"),
    http_filter(
        "envoy.filters.http.jwt_authn",
        "jwt_authn.v3.JwtAuthentication",
        providers={"p": {"local_jwks": {"inline_string": ""}}},
    ),
    http_filter("envoy.filters.http.local_ratelimit", "local_ratelimit.v3.LocalRateLimit", stat_prefix="x"),
    http_filter("envoy.filters.http.fault", FAULT),
    http_filter("envoy.filters.http.cors", "cors.v3.Cors"),
    {"name": "envoy.cors"},
    {"name": "envoy.fault"},
    {
        "name": "istio.metadata_exchange",
        "typed_config": {
            "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
            "type_url": TYPES + "wasm.v3.Wasm",
            "value": {"config": {"vm_config": {"runtime": "envoy.wasm.runtime.null"}}},
        },
    },
    {"name": "off", "disabled": True, "typed_config": {"@type": TYPES + "lua.v3.Lua"}},
]


@pytest.mark.parametrize("entry", NEUTRAL, ids=lambda entry: entry["name"])
def test_filters_that_let_everything_pass(entry: dict[str, Any]) -> None:
    walked = through(entry)
    assert walked.cluster == "c"
    assert not walked.chooser.assumptions
    assert walked.decisions["filters"].trivial


OPAQUE = [
    (http_filter("wasm", "wasm.v3.Wasm", config={"vm_config": {"runtime": "envoy.wasm.runtime.v8"}}), (), None, None),
    (
        {"name": "ecds", "config_discovery": {"config_source": {"ads": {}}, "type_urls": [TYPES + "wasm.v3.Wasm"]}},
        (),
        None,
        None,
    ),
    ({"name": "mystery"}, (), None, None),
]


@pytest.mark.parametrize(("entry", "flags", "details", "status"), OPAQUE, ids=lambda value: str(value)[:20])
def test_opaque_filters_pass_as_an_assumption(entry: dict[str, Any], flags: Any, details: Any, status: Any) -> None:
    walked = through(entry)
    assert walked.cluster == "c"
    assert [reason.code for reason in walked.chooser.assumptions] == ["filter.opaque"]
    candidates = walked.decisions["filters"].candidates
    assert [candidate.fate for candidate in candidates] == [Fate.UNKNOWN, Fate.CHOSEN]
    assert walked.chooser.probability is None
    blocked = through(entry, pins={f"0/filter/{entry['name']}": "blocks"}).ending
    assert (blocked.kind, blocked.response_flags, blocked.response_code_details, blocked.status) == (
        "replied",
        flags,
        details,
        status,
    )


def test_filters_of_one_name_have_sites_of_their_own() -> None:
    admitting = http_filter("admit", "admission_control.v3.AdmissionControl", success_criteria={})
    walked = through(admitting, admitting, pins={"0/filter/admit#2": "blocks"})
    assert walked.ending.status == 503
    assert walked.hop.filters_not_reached == ("envoy.filters.http.router",)
    assert walked.decisions["filters"].deciding


def test_a_route_can_switch_filters_off_and_on() -> None:
    lua = http_filter("lua", "lua.v3.Lua")
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    on = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}
    assert not through(lua, route=one_route(typed_per_filter_config={"lua": off})).chooser.assumptions
    assert through({**lua, "disabled": True}, route=one_route(typed_per_filter_config={"lua": on})).chooser.assumptions


def test_the_most_specific_level_counts() -> None:
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    on = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}}
    table = table_of(
        virtual_host(
            one_route({"path": "/on"}, typed_per_filter_config={"lua": on}),
            one_route(),
            typed_per_filter_config={"lua": off},
        ),
        typed_per_filter_config={"lua": on},
    )
    manager = hcm(table=table, http_filters=[http_filter("lua", "lua.v3.Lua"), ROUTER])
    assert walk(manager, request("/on")).chooser.assumptions
    assert not walk(manager, request("/")).chooser.assumptions


def test_an_empty_rbac_per_route_switches_the_filter_off() -> None:
    rbac = http_filter("rbac", "rbac.v3.RBAC", rules={"action": "ALLOW"})
    assert through(rbac).ending.status == 403
    assert through(rbac, route=per_route("rbac", "rbac.v3.RBACPerRoute")).cluster == "c"
    quiet = http_filter("rbac", "rbac.v3.RBAC")
    loud = per_route("rbac", "rbac.v3.RBACPerRoute", rbac={"rules": {}})
    assert through(quiet).cluster == "c"
    assert through(quiet, route=loud).ending.status == 403


@pytest.mark.parametrize(("wanted", "status"), [("denied", None), ("allowed", 403)])
def test_what_shadow_rules_say_can_be_read_by_the_next_filter(wanted: str, status: int | None) -> None:
    """As Istio's CUSTOM policies do it: the first one only notes, ext_authz or RBAC behind it acts."""
    shadow = http_filter("first", "rbac.v3.RBAC", shadow_rules={"action": "ALLOW"}, shadow_rules_stat_prefix="istio_")
    said = {
        "filter": "envoy.filters.http.rbac",
        "path": [{"key": "istio_shadow_engine_result"}],
        "value": {"string_match": {"exact": wanted}},
    }
    policy = {"permissions": [{"metadata": said}], "principals": [{"any": True}]}
    enforced = http_filter("second", "rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {"p": policy}})
    walked = through(shadow, enforced)
    assert (walked.ending.status if status else walked.cluster) == (status or "c")


def test_a_fault_aborts_a_known_share() -> None:
    entry = http_filter("fault", FAULT, **fault(percentage={"numerator": 25}))
    walked = through(entry)
    assert walked.cluster == "c"
    assert [float(taken.share or 0) for taken in walked.chooser.taken] == [0.75]
    assert not walked.chooser.assumptions
    aborted = through(entry, pins={"0/filter/fault": "abort"})
    assert aborted.ending.status == 503
    assert aborted.ending.body == "fault filter abort"
    assert aborted.hop.response_flags == ("FI",)
    assert aborted.hop.response_code_details == "fault_filter_abort"


@pytest.mark.parametrize(
    ("fields", "status", "flags"),
    [
        (fault(418), 418, ("FI",)),
        (fault(delay={"fixed_delay": "1s", "percentage": ALWAYS}), 503, ("DI", "FI")),
        ({"abort": {"grpc_status": 14, "percentage": ALWAYS}}, 200, ("FI",)),
        ({"abort": {"http_status": 503}}, None, ()),  # no percentage is zero
        (fault(upstream_cluster="other"), None, ()),
        (fault(upstream_cluster="c"), 503, ("FI",)),
        (fault(headers=[{"name": "x", "string_match": {"exact": "1"}}]), None, ()),
        (fault(headers=[{"name": ":method", "string_match": {"exact": "GET"}}]), 503, ("FI",)),
    ],
)
def test_when_a_fault_acts(fields: dict[str, Any], status: int | None, flags: tuple[str, ...]) -> None:
    for walked in (
        through(http_filter("fault", FAULT, **fields)),
        through(http_filter("fault", FAULT), route=per_route("fault", FAULT, **fields)),
    ):
        assert walked.hop.status == status
        assert walked.hop.response_flags == flags
        assert (walked.hop.upstream is None) is (status is not None)


def test_a_fault_of_a_route_replaces_the_filters_own() -> None:
    assert through(http_filter("f", FAULT, **fault(500)), route=per_route("f", FAULT)).cluster == "c"


@pytest.mark.parametrize(("headers", "status"), [({}, None), ({"x-envoy-fault-abort-request": ("429",)}, 429)])
def test_a_fault_asked_for_by_header(headers: Any, status: int | None) -> None:
    entry = http_filter("fault", FAULT, abort={"header_abort": {}, "percentage": ALWAYS})
    assert through(entry, said=request(headers=headers)).hop.status == status
    lowered = {**headers, "x-envoy-fault-abort-request-percentage": ("0",)}
    assert through(entry, said=request(headers=lowered)).hop.status is None


def test_filters_run_even_without_a_route() -> None:
    manager = hcm(one_route({"path": "/only"}), http_filters=[http_filter("f", FAULT, **fault(500)), ROUTER])
    walked = walk(manager, request("/other"))
    assert walked.ending.response_code_details == "fault_filter_abort"


PREFLIGHT = {"origin": ("https://o.com",), "access-control-request-method": ("PUT",)}
POLICY: dict[str, Any] = {"allow_origin_string_match": [{"suffix": "o.com"}], "allow_methods": "PUT"}


@pytest.mark.parametrize(
    ("policy", "said", "answered"),
    [
        (POLICY, request(method="OPTIONS", headers=PREFLIGHT), True),
        (POLICY, request(method="GET", headers=PREFLIGHT), False),
        (POLICY, request(method="OPTIONS"), False),
        ({"allow_origin_string_match": [{"exact": "x"}]}, request(method="OPTIONS", headers=PREFLIGHT), False),
        ({"forward_not_matching_preflights": False}, request(method="OPTIONS", headers=PREFLIGHT), True),
        (
            {**POLICY, "filter_enabled": {"default_value": {"numerator": 0}}},
            request(method="OPTIONS", headers=PREFLIGHT),
            False,
        ),
    ],
)
def test_cors_preflight(policy: dict[str, Any], said: Request, answered: bool) -> None:
    entry = http_filter("envoy.filters.http.cors", "cors.v3.Cors")
    route = per_route("envoy.filters.http.cors", "cors.v3.CorsPolicy", **policy)
    walked = through(entry, said=said, route=route)
    assert (walked.hop.response_code_details == "cors_response") is answered
    old = through({"name": "envoy.cors"}, said=said, route=one_route(route={"cluster": "c", "cors": policy}))
    assert (old.hop.status == 200) is answered


def test_cors_answers_name_the_origin() -> None:
    entry = http_filter("envoy.filters.http.cors", "cors.v3.Cors")
    route = per_route("envoy.filters.http.cors", "cors.v3.CorsPolicy", **POLICY)
    headers = through(entry, said=request(method="OPTIONS", headers=PREFLIGHT), route=route).ending.response_headers
    assert headers["access-control-allow-origin"] == ("https://o.com",)
    assert headers["access-control-allow-methods"] == ("PUT",)


def test_health_checks_are_answered_here() -> None:
    headers = [{"name": ":path", "string_match": {"exact": "/healthz"}}]
    entry = http_filter("hc", "health_check.v3.HealthCheck", pass_through_mode=False, headers=headers)
    assert through(entry, said=request("/healthz")).ending.response_code_details == "health_check_ok"
    assert through(entry).cluster == "c"


def test_without_a_router_nothing_answers() -> None:
    walked = walk(hcm(one_route(), http_filters=[]))
    assert walked.ending.kind == "hanging"
    ended = walk(hcm(one_route(), http_filters=[{"name": "other.terminal"}]))
    assert ended.ending.kind == "unknown"
    assert ended.chooser.assumptions[-1].code == "filter.no-router"


WEBSOCKET = {"connection": ("Upgrade",), "upgrade": ("WebSocket",)}
ENABLED = [{"upgrade_type": "websocket"}]


@pytest.mark.parametrize(
    ("of_manager", "of_route", "status"),
    [
        ([], [], 403),
        (ENABLED, [], None),
        ([], ENABLED, None),
        (ENABLED, [{"upgrade_type": "WEBSOCKET", "enabled": False}], 403),
        ([{"upgrade_type": "other"}], [], 403),
    ],
)
def test_upgrades_must_be_enabled(of_manager: Any, of_route: Any, status: int | None) -> None:
    action: dict[str, Any] = {"cluster": "c", "upgrade_configs": of_route} if of_route else {"cluster": "c"}
    deny = http_filter("f", FAULT, **fault(500))
    filters = [deny, ROUTER] if status else [ROUTER]
    manager = hcm(one_route(route=action), upgrade_configs=of_manager, http_filters=filters)
    walked = walk(manager, request(headers=WEBSOCKET))
    assert walked.hop.status == status  # 403 before any filter
    if status is None:
        assert walked.sent.headers["upgrade"] == ("WebSocket",)
    else:
        assert walked.ending.response_code_details == "upgrade_failed"


def test_an_upgrade_without_a_route_is_a_plain_404() -> None:
    assert walk(hcm(one_route({"path": "/x"})), request(headers=WEBSOCKET)).ending.status == 404


SERVICE = {"grpc_service": {"envoy_grpc": {"cluster_name": "authz"}}}
DESCRIBED = {"cluster": "c", "rate_limits": [{"actions": [{"generic_key": {"descriptor_value": "x"}}]}]}
LIMITER = {"rate_limit_service": SERVICE, "domain": "d", "failure_mode_deny": True}
BUCKET = {
    "stat_prefix": "x",
    "token_bucket": {"max_tokens": 5, "fill_interval": "1s"},
    "filter_enabled": {"default_value": ALWAYS},
    "filter_enforced": {"default_value": ALWAYS},
}


@pytest.mark.parametrize(
    ("entry", "route", "options"),
    [
        (http_filter("f", "ext_authz.v3.ExtAuthz", **SERVICE), one_route(), ("pass", "blocks", "fails")),
        (
            http_filter("f", "ratelimit.v3.RateLimit", **LIMITER),
            one_route(route=DESCRIBED),
            ("pass", "blocks", "fails"),
        ),
        (http_filter("f", "local_ratelimit.v3.LocalRateLimit", **BUCKET), one_route(), ("pass", "limited")),
    ],
)
def test_what_services_and_earlier_requests_decide_is_a_choice(entry: Any, route: Any, options: Any) -> None:
    walked = through(entry, route=route)
    assert walked.cluster == "c"
    assert [taken.choice.options for taken in walked.chooser.taken] == [options]
    assert len(walked.chooser.assumptions) == 1
    flags = [through(entry, route=route, pins={"0/filter/f": name}).ending.response_flags for name in options[1:]]
    assert set(flags) <= {("UAEX",), ("RL",), ("RLSE",)}


@pytest.mark.parametrize(
    "entry",
    [
        http_filter("f", "ratelimit.v3.RateLimit", **LIMITER),
        http_filter("f", "local_ratelimit.v3.LocalRateLimit", **{**BUCKET, "filter_enforced": None}),
        http_filter(
            "f", "local_ratelimit.v3.LocalRateLimit", **BUCKET, local_rate_limit_per_downstream_connection=True
        ),
    ],
)
def test_limits_that_cannot_act_ask_nothing(entry: Any) -> None:
    assert not through(entry).chooser.taken


def test_a_bucket_without_tokens_lets_nobody_pass() -> None:
    entry = http_filter(
        "f", "local_ratelimit.v3.LocalRateLimit", **{**BUCKET, "token_bucket": {"max_tokens": 0, "fill_interval": "1s"}}
    )
    ending = through(entry).ending
    assert (ending.status, ending.response_flags) == (429, ("RL",))


def test_what_a_malformed_loop_header_gets() -> None:
    entry = http_filter("c", "cdn_loop.v3.CdnLoopConfig", cdn_id="id")
    for value in ('"bad', "id;", "x y", "id;v"):
        ending = through(entry, said=request(headers={"cdn-loop": (value,)})).ending
        assert (ending.status, ending.response_code_details) == (400, "invalid_cdn_loop_header")


def test_a_body_that_is_stated_too_large() -> None:
    entry = http_filter("b", "buffer.v3.Buffer", max_request_bytes=5)
    assert through(entry, said=request(headers={"content-length": ("6",)})).ending.status == 413
    assert through(entry, said=request(headers={"content-length": ("5",)})).cluster == "c"


def test_a_delay_shows_in_the_flags_of_what_comes_later() -> None:
    delay = http_filter("f", FAULT, delay={"fixed_delay": "1s", "percentage": ALWAYS})
    walked = through(delay, route=one_route(name="r", direct_response={"status": 204}))
    assert walked.ending.response_flags == ("DI",)
    assert walked.hop.response_flags == ("DI",)


def test_a_share_of_delays_and_aborts_is_four_courses() -> None:
    half = {"numerator": 50}
    entry = http_filter(
        "f", FAULT, delay={"fixed_delay": "1s", "percentage": half}, abort={"http_status": 503, "percentage": half}
    )
    walked = through(entry)
    (taken,) = walked.chooser.taken
    assert taken.choice.options == ("pass", "abort", "delay", "delay and abort")
    assert {float(share or 0) for share in taken.choice.shares} == {0.25}


def test_header_mutations_that_envoy_refuses() -> None:
    for name in ("host", ":path"):
        entry = http_filter(
            "h",
            "header_mutation.v3.HeaderMutation",
            mutations={"request_mutations": [{"append": {"header": {"key": name, "value": "x"}}}]},
        )
        with pytest.raises(Rejected):
            through(entry)


def test_a_changed_request_is_explained() -> None:
    added = {"append": {"header": {"key": "x-new", "value": "1"}}}
    walked = through(http_filter("h", "header_mutation.v3.HeaderMutation", mutations={"request_mutations": [added]}))
    decision = walked.decisions["filters"]
    assert [(change.field, change.after) for change in decision.changes] == [("header x-new", ["1"])]
    assert [reason.code for reason in decision.notes] == ["filter.changed"]
    assert not decision.trivial


STATE = "set_filter_state.v3.Config"
OVERRIDE = "envoy.network.transport_socket.original_dst_address"


def writes(key: str, text: str) -> dict[str, Any]:
    made = {"object_key": key, "format_string": {"text_format_source": {"inline_string": text}}}
    return http_filter("state", STATE, on_request_headers=[made])


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        (OVERRIDE, "10.0.0.1:80", False),
        (OVERRIDE, "10.0.0.1:%START_TIME(%s)%", True),
        ("envoy.network.upstream_server_name", "a.example", True),
        ("of.ours", "%START_TIME(%s)%", False),
    ],
)
def test_filter_state_that_dials_otherwise_is_told(key: str, text: str, told: bool) -> None:
    done = through(writes(key, text))
    assert [each.code for each in done.chooser.assumptions] == (["filter.state-not-followed"] if told else [])
