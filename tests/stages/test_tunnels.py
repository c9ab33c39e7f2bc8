"""CONNECT that ends at a route: what goes to the endpoint, what the client is told, and when."""

from pathlib import Path
from typing import Any

import pytest

import meshsim
from meshsim.envoy.tunnels import datagram_target
from meshsim.facts.call import read_call
from meshsim.render import json
from tests.truth.families import upstream_tls
from tests.truth.families._managers import FIRST_PORT, call
from tests.truth.families.tunnels import OF_TUNNELS, WELL_KNOWN, settings


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> meshsim.Mesh:
    tunnels, *_of_tls = settings()
    return tunnels.mesh(Path(tmp_path_factory.mktemp("tunnels")))


def port_of(cluster: str, **stated: Any) -> int:
    for index, options in enumerate(OF_TUNNELS):
        action = options["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
        kept = {**action, **next(iter(action["upgrade_configs"]), {}).get("connect_config", {}), **options}
        if action["cluster"] == cluster and all(kept.get(name) == value for name, value in stated.items()):
            return FIRST_PORT + index
    raise AssertionError(cluster)


def asked(mesh: meshsim.Mesh, port: int, **more: Any) -> dict[str, Any]:
    stated = {"method": "CONNECT", "authority": "a.test:80", "path": "/", **more}
    return dict(json.document(mesh.trace(read_call(call(port, **stated))).report(), show_secrets=True))


def test_a_tunnel_goes_on_as_raw_tcp(mesh: meshsim.Mesh) -> None:
    found = asked(mesh, port_of("echo"))
    hop = found["hops"][0]
    assert (found["outcome"]["kind"], found["outcome"]["status"]) == ("delivered", 200)
    assert (hop["route"], hop["cluster"], hop["endpoint"]) == ("tunnel", "echo", "10.93.1.1:80")
    assert hop["upstream"]["protocol"] == "tcp"
    assert hop["upstream"]["method"] is None
    assert hop["attempts"][0]["status"] is None


@pytest.mark.parametrize(
    ("cluster", "status", "details", "flags"),
    [
        ("close", 200, "via_upstream", []),
        ("reset", 200, "upstream_reset_after_response_started{connection_termination}", ["UC"]),
        ("nobody", 503, "no_healthy_upstream", ["UH"]),
        ("no pending", 503, "upstream_reset_before_response_started{overflow}", ["UO"]),
        ("no requests", 200, None, []),
    ],
)
def test_what_the_client_is_told(
    mesh: meshsim.Mesh, cluster: str, status: int, details: str | None, flags: list[str]
) -> None:
    found = asked(mesh, port_of(cluster))
    hop = found["hops"][0]
    assert (hop["status"], hop["response_code_details"], hop["response_flags"]) == (status, details, flags)
    assert found["outcome"]["status"] == status


def test_only_what_stands_before_the_connection_can_be_tried_again(mesh: meshsim.Mesh) -> None:
    [policy] = {
        each["retry_policy"]["retry_on"]: each["retry_policy"] for each in _actions() if "retry_policy" in each
    }.values()
    assert len(asked(mesh, port_of("refused", retry_policy=policy))["hops"][0]["attempts"]) == 2
    assert len(asked(mesh, port_of("close", retry_policy=policy))["hops"][0]["attempts"]) == 1


def _actions() -> list[dict[str, Any]]:
    return [each["route_config"]["virtual_hosts"][0]["routes"][0]["route"] for each in OF_TUNNELS]


def test_of_the_timers_only_the_idle_one_ends_a_tunnel(mesh: meshsim.Mesh) -> None:
    found = asked(mesh, port_of("silent"))
    assert (found["outcome"]["status"], found["outcome"]["after"]) == (200, "0.2s")
    assert found["hops"][0]["response_flags"] == ["SI"]


@pytest.mark.parametrize(("allowed", "protocol"), [(True, "tcp"), (None, "http/1.1")])
def test_post_is_a_tunnel_where_the_route_says_so(mesh: meshsim.Mesh, allowed: bool | None, protocol: str) -> None:
    found = asked(mesh, port_of("echo", allow_post=allowed), method="POST", authority="a.test")
    assert found["hops"][0]["upstream"]["protocol"] == protocol


@pytest.mark.parametrize(
    ("cluster", "method"), [("no pending", "CONNECT"), ("no pending", "GET"), ("no requests", "GET")]
)
def test_overload_is_not_told_where_envoy_headers_are_suppressed(mesh: meshsim.Mesh, cluster: str, method: str) -> None:
    suppressed = next(each["http_filters"] for each in OF_TUNNELS if "http_filters" in each)
    told = []
    for port in (port_of(cluster), port_of(cluster, http_filters=suppressed)):
        headers = asked(mesh, port, method=method)["outcome"]["response_headers"]
        told.append("x-envoy-overloaded" in headers)
    assert told == [True, False]


NEAR_AND_FAR = {
    ("any server", "one-sided"): (200, "", []),
    ("any server", "STRICT"): (503, "SSLV3_ALERT_HANDSHAKE_FAILURE", ["UF"]),
    ("mTLS, another's name", "one-sided"): (503, "CERTIFICATE_VERIFY_FAILED", ["UF"]),
    ("1.3, no certificate", "STRICT, 1.3"): (200, "{connection_termination}", ["UC"]),
}
"""The last one: in TLS 1.3 the connection stands for the client before the server has seen a certificate."""


@pytest.mark.parametrize("pair", list(NEAR_AND_FAR))
def test_a_tunnel_stands_when_its_tls_does(pair: tuple[str, str], tmp_path: Path) -> None:
    [made] = [each for each in settings() if each.name == "tunnels of TLS"]
    port = upstream_tls.FIRST_NEAR + upstream_tls.PAIRS.index(pair)
    hop = asked(made.mesh(tmp_path), port)["hops"][0]
    status, text, flags = NEAR_AND_FAR[pair]
    assert (hop["status"], hop["response_flags"]) == (status, flags)
    assert text in (hop["response_code_details"] or "")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("192.0.2.6/443/", "192.0.2.6:443"),
        ("2001%3Adb8%3A%3A1/443/", "[2001:db8::1]:443"),
        ("[2001:db8::1]/443/", "[2001:db8::1]:443"),
        ("a%2Etest/%34%343/", "a.test:443"),
        ("a/80%/", "a:80%"),
        ("a%zz/80/", None),
        ("a.test/443", None),
        ("a.test/443/more", None),
        ("/443/", None),
        ("", None),
    ],
)
def test_where_datagrams_are_to_go(path: str, target: str | None) -> None:
    assert datagram_target(WELL_KNOWN + path) == target


def test_datagrams_to_nowhere_are_answered_before_any_route(tmp_path: Path) -> None:
    [made] = [each for each in settings() if each.name == "CONNECT-UDP up to its route"]
    mesh, asks = made.mesh(tmp_path), {"connection": "upgrade", "upgrade": "connect-udp"}
    found = asked(mesh, FIRST_PORT, method="GET", path="/x", headers=asks)
    assert (found["outcome"]["status"], found["outcome"]["response_code_details"]) == (404, "invalid_path")
    found = asked(mesh, FIRST_PORT, method="GET", path=WELL_KNOWN + "b.test/81/", headers=asks)
    assert (found["hops"][0]["virtual_host"], found["hops"][0]["route"]) == ("b", "tunnel")
