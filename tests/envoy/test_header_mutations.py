"""Header mutations: order of levels, order within a level, append actions, operators."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders_http import connection, one_route, request, table_fields, virtual_host, walk
from tests.builders_http import manager as hcm


def add(name: str, value: str, action: str = "APPEND_IF_EXISTS_OR_ADD", **fields: Any) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": action, **fields}


def after(*additions: dict[str, Any], headers: dict[str, tuple[str, ...]] | None = None, **fields: Any) -> Any:
    route = one_route(name="r", request_headers_to_add=list(additions), **fields)
    sent = walk(hcm(route), request("/p?q", headers=headers or {}), accepted=connection()).sent
    return sent.headers.get("x")


@pytest.mark.parametrize(
    ("additions", "before", "made"),
    [
        ([add("X", "1"), add("x", "2", "OVERWRITE_IF_EXISTS_OR_ADD")], None, ("2", "1")),
        ([add("x", "1", "ADD_IF_ABSENT"), add("x", "2", "ADD_IF_ABSENT")], None, ("1", "2")),
        ([add("x", "1", "ADD_IF_ABSENT")], ("0",), ("0",)),
        ([add("x", "1")], ("0",), ("0", "1")),
        ([add("x", "1", "OVERWRITE_IF_EXISTS")], None, None),
        ([add("x", "1", "OVERWRITE_IF_EXISTS")], ("0", "9"), ("1",)),
        ([{"header": {"key": "x", "value": "1"}, "append": False}], ("0",), ("1",)),
        ([add("x", "")], None, None),
        ([add("x", "", keep_empty_value=True)], None, ("",)),
        ([add("x", "%REQ(y)%", "OVERWRITE_IF_EXISTS_OR_ADD"), add("y", "1")], None, None),
    ],
)
def test_one_level(additions: list[dict[str, Any]], before: tuple[str, ...] | None, made: Any) -> None:
    assert after(*additions, headers={"x": before} if before else None) == made


def test_removals_come_first_and_operators_see_what_is_left() -> None:
    made = after(add("x", "[%REQ(y)%]"), headers={"y": ("1",)}, request_headers_to_remove=["Y"])
    assert made == ("[]",)


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("%REQ(:path)% %PROTOCOL% %ROUTE_NAME%", ("/p?q HTTP/1.1 r",)),
        ("a%REQ(nope)%b", ("ab",)),
        ("%REQ(nope?:authority):3%", ("a.c",)),
        ("100%%", ("100%",)),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|%DOWNSTREAM_LOCAL_PORT%", ("10.80.3.109|80",)),
        ("%START_TIME%", ()),  # only run time knows
        ("%REQ(x-request-id)%", ()),
    ],
)
def test_operators(value: str, made: tuple[str, ...]) -> None:
    assert after(add("x", value)) == made


LEVEL = "OVERWRITE_IF_EXISTS_OR_ADD"


@pytest.mark.parametrize(("most_specific", "winner"), [(False, "config"), (True, "route")])
def test_which_level_wins(most_specific: bool, winner: str) -> None:
    entry = {"name": "c", "weight": 1, "request_headers_to_add": [add("x", "entry", LEVEL), add("y", "entry")]}
    route = one_route(
        route={"weighted_clusters": {"clusters": [entry]}}, request_headers_to_add=[add("x", "route", LEVEL)]
    )
    table = table_fields(
        virtual_host(route, request_headers_to_add=[add("x", "host", LEVEL)]),
        request_headers_to_add=[add("x", "config", LEVEL)],
        most_specific_header_mutations_wins=most_specific,
    )
    sent = walk(hcm(table=table)).sent
    assert sent.headers["x"] == (winner,)
    assert sent.headers["y"] == ("entry",)


def test_a_route_mutates_what_its_weighted_cluster_made_of_the_request() -> None:
    entry = {
        "name": "c",
        "weight": 1,
        "host_rewrite_literal": "entry.test",
        "request_headers_to_add": [add("x-entry", "%REQ(:AUTHORITY)%")],
    }
    route = one_route(
        route={"weighted_clusters": {"clusters": [entry]}}, request_headers_to_add=[add("x-route", "%REQ(:AUTHORITY)%")]
    )
    made = walk(hcm(route)).sent
    assert (made.authority, made.headers["x-entry"], made.headers["x-route"]) == (
        "entry.test",
        ("a.com",),
        ("entry.test",),
    )


def test_mutations_come_before_rewrites_and_after_the_routers_own_headers() -> None:
    made = walk(
        hcm(
            one_route(
                route={"cluster": "c", "prefix_rewrite": "/new", "host_rewrite_header": "x-host"},
                request_headers_to_add=[add("x-host", "b.com"), add("x-path", "%REQ(:PATH)%")],
                request_headers_to_remove=["x-envoy-expected-rq-timeout-ms"],
            )
        ),
        request("/old"),
    ).sent
    assert (made.authority, made.path) == ("b.com", "/newold")
    assert made.headers["x-path"] == ("/old",)
    assert "x-envoy-expected-rq-timeout-ms" not in made.headers


def test_response_mutations_reach_local_replies_of_a_route_only() -> None:
    table = table_fields(
        virtual_host(
            one_route({"path": "/direct"}, direct_response={"status": 200, "body": {"inline_string": "hey"}}),
            one_route({"path": "/moved"}, redirect={"path_redirect": "/x"}, response_headers_to_remove=["location"]),
            response_headers_to_add=[add("x-by", "%ROUTE_NAME%me"), add("content-type", "text/html", LEVEL)],
        )
    )
    direct = walk(hcm(table=table), request("/direct")).ending
    assert direct.response_headers["x-by"] == ("me",)
    assert direct.response_headers["content-type"] == ("text/html",)
    assert walk(hcm(table=table), request("/moved")).ending.location is None
    assert "x-by" not in walk(hcm(table=table), request("/none")).ending.response_headers
