"""Copies of a request: their clusters, shares and hosts, as the real Envoy was seen to send them."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.envoy.mirrors import Mirror, compile_mirrors, mirrors_of, shadowed
from meshsim.envoy.runtime import NO_RUNTIME
from tests.builders_http import manager, one_route, request, table_fields, view, virtual_host, walk


def copies(*policies: dict[str, Any]) -> list[Mirror]:
    sent = request(host="a.test:80", headers={"x-m": ("by-header",)})
    return list(mirrors_of(compile_mirrors(view({"request_mirror_policies": list(policies)})), sent, NO_RUNTIME))


def test_a_copy_says_that_it_is_one() -> None:
    assert copies({"cluster": "m"}) == [Mirror("m", 1, 1, "a.test-shadow:80")]
    assert copies({"cluster": "m", "disable_shadow_host_suffix_append": True})[0].authority == "a.test:80"
    assert copies({"cluster": "m", "host_rewrite_literal": "l.test"})[0].authority == "l.test"
    assert shadowed("[::1]") == "[::1]-shadow"


def test_a_share_of_none_sends_nothing() -> None:
    def share(numerator: int) -> list[Mirror]:
        return copies({"cluster": "m", "runtime_fraction": {"default_value": {"numerator": numerator}}})

    assert share(0) == []
    assert share(30) == [Mirror("m", 30, 100, "a.test-shadow:80")]


def test_a_header_may_name_the_cluster() -> None:
    assert [made.cluster for made in copies({"cluster_header": "X-M"}, {"cluster_header": "x-none"})] == ["by-header"]


@pytest.mark.parametrize(
    ("table", "host", "route", "told"),
    [("t", None, None, "t"), ("t", "v", None, "v"), ("t", "v", "r", "r"), (None, None, None, None)],
)
def test_the_most_specific_level_has_its_way(
    table: str | None, host: str | None, route: str | None, told: str | None
) -> None:
    def level(name: str | None) -> dict[str, Any]:
        return {} if name is None else {"request_mirror_policies": [{"cluster": name}]}

    routes = one_route(route={"cluster": "c", **level(route)})
    walked = walk(manager(table=table_fields(virtual_host(routes, **level(host)), **level(table))))
    notes = [note for note in walked.decisions["router"].notes if note.code == "router.mirrored"]
    assert [dict(note.facts)["clusters"] for note in notes] == ([f"{told} (as a.com-shadow)"] if told else [])
    assert walked.hop.mirrors == ((told,) if told else ())
