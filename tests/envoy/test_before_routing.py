"""Parts that act before routing and on local replies, alone; the real Envoy's word on them is in `tests.truth`."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.view import View
from meshsim.envoy.absolute_url import absolute_url, is_host, is_referer
from meshsim.envoy.body_formats import compile_body_format
from meshsim.envoy.format_operators import FormatFacts
from meshsim.envoy.hosts import port_number, strip_trailing_dot
from meshsim.envoy.ip_detection import compile_detections, detected
from meshsim.envoy.log_filters import LoggedReply, compile_log_filter
from meshsim.envoy.scopes import by_key, compile_scoped_routes, pick_scope
from meshsim.envoy.upstream_request import framed
from meshsim.errors import Rejected
from meshsim.place import Place
from tests.builders_http import connection, one_route, request, table_fields, virtual_host, walk
from tests.builders_http import manager as hcm

DETECTION = "type.googleapis.com/envoy.extensions.http.original_ip_detection."


def view(data: dict[str, Any]) -> View:
    return View(data, Place("test.json"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strip_any_host_port": True, "strip_matching_host_port": True}, "Only one of"),
        ({"upgrade_configs": [{"upgrade_type": "a"}, {"upgrade_type": "A"}]}, "same name: 'A'"),
        (
            {
                "use_remote_address": True,
                "original_ip_detection_extensions": [
                    {"name": "x", "typed_config": {"@type": f"{DETECTION}xff.v3.XffConfig"}}
                ],
            },
            "use_remote_address may not be mixed",
        ),
    ],
)
def test_what_envoy_does_not_load(options: dict[str, Any], words: str) -> None:
    with pytest.raises(Rejected, match=words):
        hcm(one_route(), **options)


def test_a_domain_twice_in_one_virtual_host_is_refused() -> None:
    with pytest.raises(Rejected, match="stands in virtual hosts"):
        walk(hcm(table=table_fields(virtual_host(one_route(), domains=["a.test", "A.test"]))))


def test_a_body_beyond_the_tables_limit_is_refused() -> None:
    reply = {"status": 200, "body": {"inline_string": "x" * 5000}}
    host = virtual_host(one_route(direct_response=reply))
    with pytest.raises(Rejected, match="response body size is 5000 bytes; maximum is 4096"):
        walk(hcm(table=table_fields(host)))
    allowed = walk(hcm(table=table_fields(host, max_direct_response_body_size_bytes=6000)))
    assert allowed.ending.status == 200


SCOPES = {
    "name": "s",
    "scope_key_builder": {"fragments": [{"header_value_extractor": {"name": "x", "index": 0}}]},
}


def test_scopes_nobody_delivered_are_unknown() -> None:
    walked = walk(hcm(scoped_routes={**SCOPES, "scoped_rds": {"scoped_rds_config_source": {"ads": {}}}}))
    assert walked.ending.kind == "unknown"
    assert walked.ending.why.code == "vhost.scopes-not-in-dump"


def test_a_scope_key_without_index_or_element_is_refused() -> None:
    with pytest.raises(Rejected, match="says neither"):
        builder = {"fragments": [{"header_value_extractor": {"name": "x"}}]}
        compile_scoped_routes(view({**SCOPES, "scope_key_builder": builder, "scoped_rds": {}}))


def test_a_later_scope_of_the_same_key_wins() -> None:
    def scope(name: str) -> dict[str, Any]:
        return {"name": name, "key": {"fragments": [{"string_key": "k"}]}, "route_configuration": {"name": name}}

    routes = compile_scoped_routes(
        view(
            {
                **SCOPES,
                "scoped_route_configurations_list": {"scoped_route_configurations": [scope("a"), scope("b")]},
            }
        )
    )
    assert routes.listed is not None
    found = pick_scope(by_key(routes.listed), routes, request(headers={"x": ("k",)}))
    assert found is not None and found.name == "b"
    assert pick_scope(by_key(routes.listed), routes, request(headers={"x": ("K",)})) is None


@pytest.mark.parametrize(
    ("target", "authority"),
    [
        ("http://a.test/x", "a.test"),
        ("HTTPS://u:p@a.test:443", "a.test:443"),
        ("http://[::1]:80/", "[::1]:80"),
        ("http://a.test:65536/", None),
        ("http://a_b/", None),
        ("http://", None),
        ("/x", None),
    ],
)
def test_absolute_urls(target: str, authority: str | None) -> None:
    url = absolute_url(target)
    assert (None if url is None else url.authority) == authority


def test_hosts_and_referers() -> None:
    assert is_host("a:1", port_required=True) and not is_host("a", port_required=True)
    assert is_referer("/x") and is_referer("http://a/") and not is_referer("http://a/#x") and not is_referer("about:x")
    assert strip_trailing_dot("b.test:9002.") == "b.test:9002"
    assert port_number("a:+80") == 80


def test_the_peer_must_be_trusted_for_its_list_to_count() -> None:
    kind = {"@type": f"{DETECTION}xff.v3.XffConfig"}
    trusted = {"cidrs": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}
    extension = {"name": "x", "typed_config": {**kind, "xff_trusted_cidrs": trusted}}
    made, unmodelled = compile_detections(view({"original_ip_detection_extensions": [extension]}), "hcm")
    assert unmodelled == ()
    headers = {"x-forwarded-for": ("8.8.8.8, 10.0.0.2",)}
    assert detected(made, headers, 0x0A000001).address == 0x08080808
    assert detected(made, headers, 0x0B000001).address is None


def test_unknown_detection_extensions_are_told() -> None:
    entry = {"name": "x", "typed_config": {"@type": "type.googleapis.com/own.Detection"}}
    made, unmodelled = compile_detections(view({"original_ip_detection_extensions": [entry]}), "hcm")
    assert made == () and [reason.code for reason in unmodelled] == ["config.field-not-modelled"]


def test_json_bodies_are_sorted_and_know_null() -> None:
    written = {"json_format": {"z": "%RESPONSE_CODE%", "a": ["%REQ(x)%", 1], "m": "%RESPONSE_CODE%!"}}
    made = compile_body_format(view(written), "hcm")
    facts = FormatFacts(request(), connection(), "", status=404)
    assert made.render(facts) == '{"a":[null,1],"m":"404!","z":404}\n'
    assert made.content_type == "application/json" and made.unmodelled == ()


def test_a_body_format_that_stands_in_a_file_is_told() -> None:
    made = compile_body_format(view({"text_format_source": {"filename": "/x"}, "formatters": [{"name": "x"}]}), "hcm")
    assert made.render(FormatFacts(request(), connection(), "")) is None
    assert {dict(reason.facts)["field"] for reason in made.unmodelled} == {"formatters", "filename"}


def test_a_filter_of_unknown_kind_never_holds_and_is_told() -> None:
    unmodelled: list[Any] = []
    holds = compile_log_filter(view({"duration_filter": {}}), "hcm", unmodelled)
    assert not holds(LoggedReply(200, (), request()))
    assert [reason.code for reason in unmodelled] == ["config.field-not-modelled"]


def test_framing_of_what_may_have_a_body() -> None:
    assert framed(request(method="POST"), "http/1.1").headers["content-length"] == ("0",)
    assert "content-length" not in framed(request(method="POST"), "http2").headers
    assert "content-length" not in framed(request(method="DELETE"), "http/1.1").headers
