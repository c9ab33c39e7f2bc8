"""Hypothesis strategies that every new feature joins: calls of every kind, against any mesh."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from meshsim.facts.call import PROTOCOLS, Call
from meshsim.facts.conversation import ClientCertificate, ClientTls, ProxyProtocol

HOSTS = [
    "legacy",
    "httpbin:8000",
    "helloworld",
    "sleep.default",
    "example.com",
    "reviews:9080",
    "bookinfo.example",
    "nobody.example",
    "10.0.0.5",
    "",
    "a..b:99",
]
ADDRESSES = [
    "10.0.0.5",
    "10.96.10.10",
    "10.96.20.20",
    "10.96.30.30",
    "10.96.40.40",
    "10.96.50.50",
    "10.96.70.70",
    "10.96.80.83",
    "10.80.3.109",
    "10.80.3.120",
    "10.80.3.151",
    "10.80.3.152",
    "10.80.3.160",
    "127.0.0.1",
    "127.0.0.6",
    "[::1]",
    "[fd00::9]",
]
PORTS = [0, 53, 80, 443, 6379, 8000, 8080, 9000, 9080, 9081, 15000, 15001, 15006, 15020, 15021, 15090, 65535]
PATHS = [
    "/",
    "/status/200",
    "/old?x=1",
    "/anything/7",
    "/teapot",
    "/api/a//b/../c",
    "*",
    "",
    "/a#b",
    "/%2e%2e/x",
    "no-slash",
]

endpoints = st.builds("{}:{}".format, st.sampled_from(ADDRESSES), st.sampled_from(PORTS))
PODS = ["sleep", "productpage", "details", "ratings", "reviews-v1", "legacy", "istio-ingressgateway"]
"""Of the demo mesh: with a proxy and without, STRICT and PERMISSIVE, with excluded ports, a gateway."""

header_names = st.sampled_from(
    ["x-user", "end-user", "x-drill", "Cookie", "authorization", "x-forwarded-for", "upgrade", "connection", "te"]
)
header_values = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12)
headers = st.dictionaries(header_names, header_values, max_size=3)
certificates = st.builds(
    ClientCertificate,
    uri_sans=st.sampled_from([(), ("spiffe://cluster.local/ns/a/sa/b",)]),
    trusted=st.booleans(),
    expired=st.booleans(),
)
alpn = st.lists(st.sampled_from(["h2", "http/1.1", "istio", "istio-http/1.1", "x"]), max_size=3).map(tuple)
tls = st.none() | st.builds(
    ClientTls,
    sni=st.none() | st.sampled_from(["a.example", "outbound_.80_._.sleep.default.svc.cluster.local"]),
    alpn=alpn,
    client_certificate=st.none() | certificates,
)


def calls() -> st.SearchStrategy[Call]:
    """Any call a user can write, sensible or not."""
    fixed: dict[str, Any] = {
        "destination": endpoints,
        "uid": st.sampled_from([0, 1000, 1337]),
        "gid": st.sampled_from([0, 1000, 1337]),
        "mark": st.sampled_from([0, 1337]),
        "protocol": st.none() | st.sampled_from(PROTOCOLS),
        "tls": tls,
        "server_first": st.booleans(),
        "payload": st.text(max_size=20),
        "proxy_protocol": st.none() | st.just(ProxyProtocol("192.0.2.7:1", "192.0.2.8:2")),
        "method": st.sampled_from(["GET", "POST", "CONNECT", "OPTIONS", "foo", ""]),
        "authority": st.none() | st.sampled_from(HOSTS),
        "path": st.sampled_from(PATHS) | st.text(max_size=12),
        "headers": headers,
        "random_value": st.none() | st.integers(0, (1 << 64) - 1),
        "max_time": st.none() | st.sampled_from(["0.001s", "1s", "20s", "100000s"]),
    }
    leaving = st.builds(Call, from_=st.none() | st.sampled_from([*PODS, "outside"]), **fixed)
    return leaving | leaving | st.builds(Call, direction=st.just("inbound"), pod=st.sampled_from(PODS), **fixed)
