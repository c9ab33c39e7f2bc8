"""Shares of branches against what a real Envoy on loopback does with a few hundred requests each.

Every endpoint is a listener of the same Envoy that answers with its own name, so a response body names the course.
"""

from __future__ import annotations

import http.client
from collections import Counter
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from meshsim.facts.call import Call
from tests.builders_branches import listener, mesh, split, static, to
from tests.builders_http import ROUTER, http_filter, one_route
from tests.envoy.test_chains_against_envoy import free_ports, running
from tests.realism.prerequisites import envoy_binary

REQUESTS = 600
SIGMAS = 5
"""Chance leaves this band less than once in a million times."""

LOOPBACK = "127.0.0.1"
NAMES = ("a", "b1", "b2", "c", "d")

SECOND_HALF = split(("c", 50), ("d", 50))
ABORT = http_filter("fault", "fault.v3.HTTPFault", abort={"http_status": 418, "percentage": {"numerator": 20}})

WORLDS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[str, Fraction]]] = {
    "30 % of 100, then 50/50 of 100: one R decides both": (
        [split(("a", 50), ("b", 50), numerator=30), SECOND_HALF],
        {},
        {"a": Fraction(30, 100), "c": Fraction(20, 100), "d": Fraction(50, 100)},
    ),
    "30 % of 10000 says nothing of R % 100": (
        [split(("a", 50), ("b", 50), numerator=3000, denominator="TEN_THOUSAND"), to("c")],
        {},
        {"a": Fraction(15, 100), "b1": Fraction(75, 1000), "b2": Fraction(75, 1000), "c": Fraction(70, 100)},
    ),
    "a total that shares a divisor with the denominator": (
        [split(("a", 5), ("c", 15), numerator=25), to("d")],
        {},
        {"a": Fraction(10, 100), "c": Fraction(15, 100), "d": Fraction(75, 100)},
    ),
    "a second fraction that the first leaves nothing": (
        [
            split(("a", 1), numerator=50),
            split(("c", 1), numerator=50),
            split(("b", 50), ("d", 50), numerator=60),
            to("a"),
        ],
        {},
        {"a": Fraction(90, 100), "d": Fraction(10, 100)},
    ),
    "a fault draws for itself": (
        [split(("a", 50), ("c", 50))],
        {"http_filters": [ABORT, ROUTER]},
        {"a": Fraction(40, 100), "c": Fraction(40, 100), "fault filter abort": Fraction(20, 100)},
    ),
}


def test_what_is_asked_of_envoy_sums_to_one() -> None:
    assert [sum(expected.values()) for _, _, expected in WORLDS.values()] == [1] * len(WORLDS)


def answering(name: str, port: int) -> dict[str, Any]:
    answer = one_route(direct_response={"status": 200, "body": {"inline_string": name}})
    return listener([answer], address=LOOPBACK, port=port)


def observed(port: int) -> Counter[str]:
    """How often each body answered; every request is a stream, and so a random value, of its own."""
    counted: Counter[str] = Counter()
    client = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        for _ in range(REQUESTS):
            client.request("GET", "/")
            counted[client.getresponse().read().decode()] += 1
    finally:
        client.close()
    return counted


def strays(counted: Counter[str], shares: dict[str, Fraction]) -> list[str]:
    """Bodies seen more or less often than chance explains; what has no share must not be seen at all."""
    found = [f"{body}: seen {counted[body]} times, has no share" for body in counted if body not in shares]
    for body, share in shares.items():
        expected = float(share) * REQUESTS
        if abs(counted[body] - expected) > SIGMAS * sqrt(expected * float(1 - share)):
            found.append(f"{body}: seen {counted[body]} times, expected {expected:.0f}")
    return found


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no envoy to compare with")
def test_branches_are_as_likely_as_envoy_takes_them(tmp_path: Path) -> None:
    binary = envoy_binary()
    assert binary is not None
    ports = free_ports(len(NAMES) + len(WORLDS))
    own = dict(zip(NAMES, ports, strict=False))
    entries = dict(zip(WORLDS, ports[len(NAMES) :], strict=True))
    listeners = [answering(name, port) for name, port in own.items()]
    for name, (routes, manager, _) in WORLDS.items():
        listeners.append(listener(routes, address=LOOPBACK, port=entries[name], **manager))
    clusters = [static(name, f"{LOOPBACK}:{own[name]}") for name in ("a", "c", "d")]
    clusters.append(static("b", f"{LOOPBACK}:{own['b1']}", f"{LOOPBACK}:{own['b2']}"))
    world = mesh(listeners, clusters)
    with running(binary, {"static_resources": {"listeners": listeners, "clusters": clusters}}, tmp_path):
        seen = {name: observed(port) for name, port in entries.items()}
    for name, (_, _, expected) in WORLDS.items():
        call = Call(from_="gate", destination=f"{LOOPBACK}:{entries[name]}", path="/")
        ours: dict[str, Fraction] = {}
        for branch in world.branches(call, by="endpoint"):
            body = branch.outcome.body or ""
            ours[body] = ours.get(body, Fraction(0)) + (branch.share or 0)
        assert ours == expected, name
        assert strays(seen[name], ours) == [], name
