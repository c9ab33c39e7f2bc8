"""The calls the demo mesh is judged by: question -> call document, for each variant of demo_stack."""

from typing import Any

Call = dict[str, Any]
SLEEP = "10.80.3.109"
STRANGER, STRANGERS_SERVER = "10.0.0.9", "198.51.100.7"
ISTIO_HTTP = ["istio-http/1.1", "istio", "http/1.1"]
PEER = "spiffe://cluster.local/ns/default/sa/curl"


def _http(destination: str, authority: str | None = None, path: str = "/", **more: Any) -> Call:
    call: Call = {"destination": destination, "path": path, **more}
    return call if authority is None else {**call, "authority": authority}


def _tcp(destination: str, payload: str = "ping\n", **more: Any) -> Call:
    return {"destination": destination, "protocol": "tcp", "payload": payload, **more}


def _inbound(call: Call) -> Call:
    return {**call, "from": "outside", "direction": "inbound", "pod": "sleep", "source": f"{STRANGER}:0"}


ALLOW_ANY: dict[str, Call] = {
    # unknown destinations
    "an address nobody knows": _http("10.0.0.5:80"),
    "a host nobody knows": _http("10.0.0.5:80", "example.org"),
    "an unknown tcp port": _tcp(f"{STRANGERS_SERVER}:5555"),
    "an unknown tcp port that refuses": _tcp(f"{STRANGERS_SERVER}:5556"),
    "an unknown server that refuses http": _http(f"{STRANGERS_SERVER}:8000"),
    "an unknown server that resets": _http("198.51.100.8:80"),
    "an unknown server that closes": _http("198.51.100.9:80"),
    "tls to an unknown address": _http(
        "10.0.0.5:443", "secure.example", tls={"sni": "secure.example", "alpn": ["http/1.1"]}
    ),
    "tls on a plain http port": _http(
        "10.0.0.5:80", "secure.example", tls={"sni": "secure.example", "alpn": ["http/1.1"]}
    ),
    # services
    "a service by address": _http("10.96.40.40:80"),
    "a service by host": _http("10.96.40.40:80", "legacy.default"),
    "a service by host, other address": _http("10.0.0.5:80", "legacy"),
    "a service by host in capitals": _http("10.96.40.40:80", "LEGACY.default.svc.cluster.local"),
    "the wrong port in the host": _http("10.96.40.40:80", "legacy.default:9999"),
    "a service of another port": _http("10.96.40.40:80", "ghost.default"),
    "a service entry": _http("203.0.113.10:80", "example.com"),
    "no host at all": {**_http("10.96.40.40:80"), "authority": None},
    "http/1.0": _http("10.96.40.40:80", "legacy.default", protocol="http/1.0"),
    "a service without endpoints": _http("10.96.60.60:8080", "ghost.default:8080"),
    "a tcp service": _tcp("10.96.50.50:6379"),
    "a tcp service whose endpoint refuses": _tcp("10.96.0.10:53"),
    "http on a sniffed port": _http("10.96.70.70:9000", "echo.default:9000"),
    "tcp on a sniffed port": _tcp("10.96.70.70:9000", "\x01\x02binary\n"),
    "the server speaks first on a sniffed port": _tcp("10.96.70.70:9000", "", server_first=True, timeout=1.0),
    "its own service": _http("10.96.10.10:80", "sleep"),
    # routes
    "a header route": _http("10.96.20.20:8000", "httpbin:8000", "/get", headers={"x-user": "jason"}),
    "a header route, another value": _http("10.96.20.20:8000", "httpbin:8000", "/get", headers={"x-user": "Jason"}),
    "a prefix route": _http("10.96.20.20:8000", "httpbin:8000", "/status/200"),
    "a redirect": _http("10.96.20.20:8000", "httpbin:8000", "/old"),
    "a redirect, with a query": _http("10.96.20.20:8000", "httpbin:8000", "/old?a=b"),
    "a regex route": _http("10.96.20.20:8000", "httpbin:8000", "/anything/12"),
    "a regex route that needs all of the path": _http("10.96.20.20:8000", "httpbin:8000", "/anything/12x"),
    "a direct response": _http("10.96.20.20:8000", "httpbin:8000", "/teapot"),
    "a prefix rewrite": _http("10.96.20.20:8000", "httpbin:8000", "/api/things?x=1"),
    "a path that is normalised": _http("10.96.20.20:8000", "httpbin:8000", "/a/../status/./204"),
    "a post": _http("10.96.20.20:8000", "httpbin:8000", "/post", method="POST", headers={"content-length": "0"}),
    "a weighted route": _http("10.96.30.30:80", "helloworld", "/hello"),
    # not caught
    "the proxy's uid": _http("10.0.0.5:80", uid=1337, gid=1337),
    "the proxy's gid": _http("10.0.0.5:80", gid=1337),
    "the proxy's uid to its own pod": _http(f"{SLEEP}:80", uid=1337, gid=1337),
    "loopback": _http("127.0.0.1:80"),
    "loopback, another address": _http("127.0.0.5:80"),
    "its own address": _http(f"{SLEEP}:80"),
    "loopback, a closed port": _http("127.0.0.1:81"),
    # the proxy's own ports
    "15001 on loopback": _http("127.0.0.1:15001"),
    "15001 on its own address": _http(f"{SLEEP}:15001"),
    "15001 of somebody else": _http("10.0.0.5:15001"),
    "15006 on loopback": _http("127.0.0.1:15006"),
    "the health port": _http("127.0.0.1:15021", path="/healthz/ready"),
    "the health port, another path": _http("127.0.0.1:15021", path="/other"),
    "the health port of somebody else": _http("10.0.0.5:15021", path="/healthz/ready"),
    "the metrics port": _http("127.0.0.1:15090", path="/stats/prometheus"),
    # from outside
    "inbound, plaintext": _inbound(_http(f"{SLEEP}:80")),
    "inbound, plaintext tcp on an http port": _inbound(_tcp(f"{SLEEP}:80", "\x01\x02binary\n\n")),
    "inbound, a closed port": _inbound(_http(f"{SLEEP}:8081")),
    "inbound, a closed port, tcp": _inbound(_tcp(f"{SLEEP}:8081", "\x01\x02binary\n")),
    "inbound, mutual tls": _inbound(
        _http(
            f"{SLEEP}:80",
            "sleep",
            tls={
                "sni": "outbound_.80_._.sleep.default.svc.cluster.local",
                "alpn": ISTIO_HTTP,
                "client_certificate": PEER,
            },
        )
    ),
    "inbound, tls without a client certificate": _inbound(
        _http(f"{SLEEP}:80", "sleep", tls={"sni": "x", "alpn": ISTIO_HTTP})
    ),
    "inbound, tls that is not the mesh's": _inbound(
        _http(f"{SLEEP}:80", "sleep", tls={"sni": "x", "alpn": ["http/1.1"]})
    ),
    "inbound, the health port": _inbound(_http(f"{SLEEP}:15021", path="/healthz/ready")),
    "inbound, 15006": _inbound(_http(f"{SLEEP}:15006")),
    "inbound, 15001": _inbound(_http(f"{SLEEP}:15001")),
}
REGISTRY_ONLY: dict[str, Call] = {
    "an address nobody knows": _http("10.0.0.5:80"),
    "a host nobody knows": _http("10.0.0.5:80", "example.org"),
    "an unknown tcp port": _tcp(f"{STRANGERS_SERVER}:5555"),
    "tcp on an http port": _tcp("10.0.0.5:80", "\x01\x02binary\n"),
    "tls to an unknown address": _http(
        "10.0.0.5:443", "secure.example", tls={"sni": "secure.example", "alpn": ["http/1.1"]}
    ),
    "a service by host": _http("10.96.40.40:80", "legacy.default"),
    "a service by host, other address": _http("10.0.0.5:80", "legacy"),
}
LOOP: dict[str, Call] = {
    "tcp in a circle": _tcp(f"{STRANGERS_SERVER}:5555"),
    "http in a circle": _http("10.0.0.5:80"),
}
CALLS: dict[str, dict[str, Call]] = {"allow_any": ALLOW_ANY, "registry_only": REGISTRY_ONLY, "loop": LOOP}
"""Variant -> question -> call."""

SHARES: dict[str, tuple[Call, int]] = {"a weighted route": (_http("10.96.30.30:80", "helloworld", "/hello"), 120)}
"""Calls of variant allow_any that are made often, to see how they spread over clusters."""
