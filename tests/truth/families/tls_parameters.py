"""Versions, cipher suites and curves of both sides of a TLS handshake: what they share, and how they part.

Every near side meets every far side, and clients of every kind meet the far sides too. The server's key is an ECDSA
one of curve P-256, which the dump shows.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families import downstream_tls, upstream_tls
from tests.truth.families._certificates import ECDSA, secrets
from tests.truth.families._shapes import address, dump, static_cluster
from tests.truth.setting import POD, POD_ADDRESS, Setting

FIRST_NEAR, FIRST_FAR, APPLICATION, OUTSIDE = 11001, 8001, 9000, 7443
Fields = Mapping[str, Any]


def versions(lowest: str | None, highest: str | None, **more: Any) -> Fields:
    named = (("tls_minimum_protocol_version", lowest), ("tls_maximum_protocol_version", highest))
    return {**{field: f"TLSv1_{x}" for field, x in named if x is not None}, **more}


CBC = "ECDHE-ECDSA-AES128-SHA"
QUANTUM = "1.3, after quantum computers"
SIDES: dict[str, Fields] = {
    "usual": {},
    "no version at all": versions(None, "1"),
    "1.0 to 1.1": versions("0", "1"),
    "1.0 to 1.1, with a cipher of theirs": versions("0", "1", cipher_suites=[CBC]),
    "1.0 to 1.3": versions("0", "3", cipher_suites=["ECDHE-RSA-AES256-SHA", CBC]),
    "from 1.3": versions("3", None),
    "1.3": versions("3", "3"),
    "to 1.3": versions(None, "3"),
    "AES256": {"cipher_suites": ["ECDHE-ECDSA-AES256-GCM-SHA384"]},
    "AES128 or ChaCha": {"cipher_suites": ["[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]"]},
    "by IANA's name": {"cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]},
    "a cipher of 1.1": {"cipher_suites": [CBC]},
    "RSA alone": {"cipher_suites": ["ECDHE-RSA-AES128-GCM-SHA256"]},
    "no exchange of keys": {"cipher_suites": ["AES128-GCM-SHA256"]},
    "1.3, whatever the cipher": versions("2", "3", cipher_suites=["ECDHE-ECDSA-AES256-GCM-SHA384"]),
    "P-384": {"ecdh_curves": ["P-384"]},
    "P-256": {"ecdh_curves": ["P-256"]},
    "X25519": {"ecdh_curves": ["X25519"]},
    "1.3, P-384": versions("2", "3", ecdh_curves=["secp384r1"]),
    "1.3, P-256": versions("2", "3", ecdh_curves=["prime256v1"]),
    "1.3, X25519": versions("3", "3", ecdh_curves=["X25519"]),
    QUANTUM: versions("2", "3", ecdh_curves=["X25519MLKEM768"]),
}
SILENT = frozenset(("no version at all", "1.0 to 1.1", "from 1.3"))
"""As clients they say nothing, so the far proxy sees a connection that is closed before it begins."""
CLIENTS: dict[str, Fields] = {
    "usual": {},
    "to 1.1": {"maximum_version": "1.1"},
    "1.0": {"minimum_version": "1.0", "maximum_version": "1.0"},
    "1.0 to 1.2": {"minimum_version": "1.0", "maximum_version": "1.2"},
    "1.2": {"maximum_version": "1.2"},
    "1.3": {"minimum_version": "1.3"},
    "1.2, AES256": {"maximum_version": "1.2", "cipher_suites": ["ECDHE-ECDSA-AES256-GCM-SHA384"]},
    "1.2, RSA": {"maximum_version": "1.2", "cipher_suites": ["ECDHE-RSA-AES256-GCM-SHA384"]},
    "1.2 alone, CBC": {"minimum_version": "1.2", "maximum_version": "1.2", "cipher_suites": [CBC]},
    "1.1, CBC": {"maximum_version": "1.1", "cipher_suites": [CBC]},
    "P-384": {"curves": ["P-384"]},
    "1.2, P-384": {"maximum_version": "1.2", "curves": ["P-384"]},
    "P-256": {"curves": ["P-256"]},
}
PAIRS = [(near, far) for near in SIDES if near not in SILENT for far in SIDES]


def settings() -> Iterator[Setting]:
    for near, far in (("http", "http"), ("tcp", "tcp")):
        yield Setting(
            name=f"{near} to {far}",
            dump=_pairs(near, far),
            calls=[_call(near, FIRST_NEAR + index) for index in range(len(PAIRS))],
            configurations=2 * len(SIDES),
            pod_sockets=[Upstream(f"0.0.0.0:{APPLICATION}", "auto", name="any")],
            marks=["upstream TLS", "TLS parameters"],
        )
    yield Setting(
        name="clients",
        dump=dump(
            [_far(name, port, "http", name) for name, port in _ports()], [_application()], secrets=secrets(ECDSA)
        ),
        calls=[
            _call("http", port, client)
            for name, port in _ports()
            if name != QUANTUM  # beyond the client's own library
            for client in CLIENTS.values()
        ],
        configurations=len(SIDES),
        pod_sockets=[Upstream(f"0.0.0.0:{APPLICATION}", "auto", name="any")],
        marks=["downstream TLS", "TLS parameters"],
    )
    yield Setting(
        name="sides that say nothing",
        dump=_silent(),
        calls=[_call(kind, port) for kind, _name, port in _silent_ports()],
        configurations=len(SILENT),
        world=[Upstream(f"0.0.0.0:{OUTSIDE}", "silent", name="far")],
        marks=["upstream TLS", "TLS parameters"],
    )


def label(port: str) -> str:
    near, far = PAIRS[int(port) - FIRST_NEAR]
    return f"{near} -> {far}"


def _ports() -> list[tuple[str, int]]:
    return [(name, FIRST_FAR + index) for index, name in enumerate(SIDES)]


def _silent_ports() -> list[tuple[str, str, int]]:
    sides = [(kind, name) for kind in ("http", "tcp") for name in sorted(SILENT)]
    return [(kind, name, FIRST_NEAR + index) for index, (kind, name) in enumerate(sides)]


def _call(kind: str, port: int, tls: Fields | None = None) -> Fields:
    target: dict[str, Any] = {"from": "outside", "pod": POD, "destination": f"{POD_ADDRESS}:{port}"}
    if tls is not None:
        target["tls"] = {"sni": "a.test", "alpn": ["http/1.1"], **tls}
    if kind == "http":
        return {**target, "protocol": "http", "authority": "a.test"}
    return {**target, "protocol": "tcp", "payload": "\u0001\u0002bytes\n"}


def _pairs(near_kind: str, far_kind: str) -> dict[str, Any]:
    # One far listener a pair: the log has no address of a connection whose handshake failed, so its port must tell.
    listeners, clusters = [], [_application()]
    for index, (near, far) in enumerate(PAIRS):
        name = f"{near} to {far}"
        listeners += [
            _far(f"far {name}", FIRST_FAR + index, far_kind, far),
            _near(name, FIRST_NEAR + index, near_kind),
        ]
        clusters.append({**static_cluster(name, POD_ADDRESS, FIRST_FAR + index), "transport_socket": _of_client(near)})
    return dump(listeners, clusters, secrets=secrets(ECDSA))


def _silent() -> dict[str, Any]:
    listeners, clusters = [], []
    for kind, side, port in _silent_ports():
        name = f"{kind} {side}"
        listeners.append(_near(name, port, kind))
        clusters.append({**static_cluster(name, "10.95.0.9", OUTSIDE), "transport_socket": _of_client(side)})
    return dump(listeners, clusters, secrets=secrets(ECDSA))


def _of_client(side: str) -> Fields:
    return upstream_tls.context({"tls_params": SIDES[side]}, sni="a.test")


def _near(name: str, port: int, kind: str) -> dict[str, Any]:
    chain = {"name": name, "filters": [_filter(kind, name)]}
    return {"name": name, "address": address("0.0.0.0", port), "filter_chains": [chain]}


def _far(name: str, port: int, kind: str, side: str) -> dict[str, Any]:
    inspector = {"name": "tls_inspector", "typed_config": {"@type": downstream_tls.INSPECTOR}}
    socket = downstream_tls.context({"tls_params": SIDES[side]})
    chain = {"name": name, "filters": [_filter(kind, "application")], "transport_socket": socket}
    listener = {"name": name, "address": address("0.0.0.0", port), "filter_chains": [chain]}
    return {**listener, "listener_filters": [inspector]}


def _filter(kind: str, cluster: str) -> Fields:
    return downstream_tls.http(cluster) if kind == "http" else downstream_tls.tcp(cluster)


def _application() -> dict[str, Any]:
    return static_cluster("application", "127.0.0.1", APPLICATION)
