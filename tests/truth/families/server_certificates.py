"""Several certificates of one server: which of them a client is shown, told by whether its demands for a name hold."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.realism.upstreams import Upstream
from tests.truth.families import downstream_tls, upstream_tls
from tests.truth.families._certificates import ECDSA, P384, RSA_DEEP, RSA_SAME_NAME, STAR, TWO_NAMES, Shown, secrets
from tests.truth.families._shapes import address, dump, static_cluster
from tests.truth.families.downstream_tls import names
from tests.truth.setting import POD, POD_ADDRESS, Setting

FIRST_NEAR, FIRST_FAR, APPLICATION = 11001, 8001, 9000
Fields = Mapping[str, Any]
HELD: dict[str, Shown] = {
    "workload": ECDSA,
    "two-names": TWO_NAMES,
    "star": STAR,
    "p384": P384,
    "rsa-same-name": RSA_SAME_NAME,
    "rsa-deep": RSA_DEEP,
}
SERVERS: dict[str, tuple[tuple[str, ...], Fields]] = {
    "one": (("two-names",), {}),
    "exact and star": (("workload", "star", "two-names"), {}),
    "star first": (("star", "two-names"), {}),
    "both kinds": (("rsa-same-name", "two-names"), {}),
    "both kinds, scanned": (("rsa-same-name", "workload"), {"full_scan_certs_on_sni_mismatch": True}),
    "both kinds, not scanned": (("rsa-same-name", "workload"), {}),
    "RSA and P-384": (("workload", "rsa-deep", "p384"), {}),
    "RSA, then P-384, scanned": (("p384", "rsa-deep"), {"full_scan_certs_on_sni_mismatch": True}),
}
NAMES = (None, "a.test", "A.test", "x.test", "c.test", "x.deep.test", "deep.test", "z.example", "test")
ECDSA_ALONE = {"cipher_suites": ["ECDHE-ECDSA-AES128-GCM-SHA256"]}
RSA_ALONE = {"cipher_suites": ["ECDHE-RSA-AES128-GCM-SHA256"]}
OF_1_3 = {"tls_maximum_protocol_version": "TLSv1_3"}
KINDS: dict[str, Fields] = {"any": {}, "ECDSA alone": ECDSA_ALONE, "RSA alone": RSA_ALONE, "1.3": OF_1_3}
WANTED = {"a.test": "DNS", "*.test": "DNS", "c.test": "DNS", "spiffe://cluster.local/ns/default/sa/sleep": "URI"}
CALLS = [
    (server, sni, kind, wanted)
    for server in SERVERS
    for sni in NAMES
    for kind in KINDS
    for wanted in (WANTED if sni in (None, "a.test", "c.test", "z.example") else ("*.test",))
]


def label(port: str) -> str:
    return " / ".join(map(str, CALLS[int(port) - FIRST_NEAR]))


def settings() -> Iterator[Setting]:
    for number, servers in enumerate((tuple(SERVERS)[:4], tuple(SERVERS)[4:])):
        mine = [(FIRST_NEAR + at, call) for at, call in enumerate(CALLS) if call[0] in servers]
        yield Setting(
            name=f"servers {number + 1}",
            dump=_dump(mine),
            calls=[
                {
                    "from": "outside",
                    "pod": POD,
                    "destination": f"{POD_ADDRESS}:{port}",
                    "protocol": "http",
                    "authority": "a",
                }
                for port, _call in mine
            ],
            configurations=len(servers),
            pod_sockets=[Upstream(f"0.0.0.0:{APPLICATION}", "auto", name="any")],
            leaves={name: each.leaf for name, each in HELD.items()},
            marks=["upstream TLS", "server certificate"],
        )


def _dump(calls: list[tuple[int, tuple[str, str | None, str, str]]]) -> dict[str, Any]:
    listeners, clusters = [], [static_cluster("application", "127.0.0.1", APPLICATION)]
    for port, (server, sni, kind, wanted) in calls:
        name, far = str(port), port - FIRST_NEAR + FIRST_FAR
        checks = names(WANTED[wanted], exact=wanted)
        socket = upstream_tls.context({"tls_params": KINDS[kind]}, checks, **({} if sni is None else {"sni": sni}))
        chain = {"name": name, "filters": [downstream_tls.http(name)]}
        listeners.append({"name": name, "address": address("0.0.0.0", port), "filter_chains": [chain]})
        listeners.append(_far(far, server))
        clusters.append({**static_cluster(name, POD_ADDRESS, far), "transport_socket": socket})
    return dump(listeners, clusters, secrets=secrets(**HELD))


def _far(port: int, server: str) -> dict[str, Any]:
    held, fields = SERVERS[server]
    socket = downstream_tls.context({"tls_certificate_sds_secret_configs": [{"name": name} for name in held]}, **fields)
    chain = {"name": server, "filters": [downstream_tls.http("application")], "transport_socket": socket}
    inspector = {"name": "tls_inspector", "typed_config": {"@type": downstream_tls.INSPECTOR}}
    made = {"name": f"far {port}", "address": address("0.0.0.0", port), "filter_chains": [chain]}
    return {**made, "listener_filters": [inspector]}
