"""The calls the bookinfo mesh is judged by: question -> call document, for each variant of bookinfo_stack."""

from typing import Any

Call = dict[str, Any]
SERVICE = {
    "productpage": "10.96.80.80",
    "details": "10.96.80.81",
    "ratings": "10.96.80.82",
    "reviews": "10.96.80.83",
}
POD = {
    "sleep": "10.80.3.109",
    "legacy": "10.80.3.120",
    "productpage": "10.80.3.150",
    "details": "10.80.3.151",
    "ratings": "10.80.3.152",
    "reviews-v1": "10.80.3.153",
    "reviews-v2": "10.80.3.154",
    "reviews-v3": "10.80.3.155",
    "gateway": "10.80.3.160",
}
STRANGER, UNKNOWN, REFUSING = "10.0.0.9", "10.0.0.5", "198.51.100.7"
BOOKS, DATABASE = "203.0.113.20", "203.0.113.27"
BINARY = "\x01\x02binary\n\n"
ISTIO_HTTP = ["istio-http/1.1", "istio", "http/1.1"]
PEER = "spiffe://cluster.local/ns/default/sa/sleep"


def _service(origin: str, service: str, path: str = "/", **more: Any) -> Call:
    return {
        "from": origin,
        "destination": f"{SERVICE[service]}:9080",
        "authority": f"{service}:9080",
        "path": path,
    } | more


def _pod(origin: str, pod: str, port: int = 9080, **more: Any) -> Call:
    return {"from": origin, "destination": f"{POD[pod]}:{port}"} | more


def _tcp(call: Call, payload: str = BINARY) -> Call:
    call = {name: value for name, value in call.items() if name not in ("authority", "path")}
    return {**call, "protocol": "tcp", "payload": payload}


def _gateway(host: str, path: str, **more: Any) -> Call:
    call = _pod("outside", "gateway", 8080, authority=host, path=path, source=f"{STRANGER}:0")
    return call | more


def _mutual(pod: str, service: str, **more: Any) -> dict[str, Any]:
    tls = {"sni": f"outbound_.9080_._.{service}.default.svc.cluster.local", "alpn": ISTIO_HTTP}
    return _pod("outside", pod, source=f"{STRANGER}:0", authority=f"{service}:9080", tls=tls | more)


def _user(name: str) -> dict[str, Any]:
    return {"headers": {"end-user": name}}


ALLOW_ANY: dict[str, Call] = {
    # service to service
    "reviews from sleep": _service("sleep", "reviews", "/reviews/1"),
    "reviews from productpage": _service("productpage", "reviews", "/reviews/1"),
    "reviews for jason": _service("sleep", "reviews", "/reviews/1", **_user("jason")),
    "reviews for jason from productpage": _service("productpage", "reviews", "/reviews/1", **_user("jason")),
    "reviews for Jason": _service("sleep", "reviews", "/reviews/1", **_user("Jason")),
    "reviews for a tester": _service("productpage", "reviews", "/reviews/1", **_user("test-7")),
    "details from sleep": _service("sleep", "details", "/details/0"),
    "details from productpage": _service("productpage", "details", "/details/0"),
    "details by another name": _service("productpage", "details", authority="details.default.svc.cluster.local"),
    "ratings from reviews-v2": _service("reviews-v2", "ratings", "/ratings/1"),
    "ratings from reviews-v3": _service("reviews-v3", "ratings", "/ratings/1", method="POST"),
    "ratings in an outage drill": _service("reviews-v2", "ratings", headers={"x-drill": "outage"}),
    "productpage from sleep": _service("sleep", "productpage", "/productpage?u=normal"),
    "productpage from ratings": _service("ratings", "productpage"),
    "one service's address, another's host": _service("sleep", "details", authority="reviews:9080", **_user("jason")),
    "no service's address, a service's host": _service(
        "sleep", "reviews", destination=f"{UNKNOWN}:9080", **_user("jason")
    ),
    "the short name of nobody": _service(
        "sleep", "details", authority="nobody:9080", destination=f"{POD['legacy']}:8080"
    ),
    "bytes that are no http, to a service": _tcp(_service("sleep", "reviews")),
    "http/1.0 to a service": _service("sleep", "details", protocol="http/1.0"),
    "reviews on port 80, by its full name": _service(
        "sleep", "reviews", destination=f"{UNKNOWN}:80", authority="reviews.default.svc.cluster.local", **_user("jason")
    ),
    "ratings from itself by its service": _service("ratings", "ratings"),
    "reviews-v2 from itself by its service": _service("reviews-v2", "reviews", **_user("jason")),
    "details from itself by its own address": _pod("details", "details"),
    "details on loopback": {"from": "details", "destination": "127.0.0.1:9080"},
    # pod to pod, by address
    "a pod by its address": _pod("sleep", "ratings"),
    "a pod by its address and a service's host": _pod("productpage", "reviews-v3", authority="ratings:9080"),
    "a strict pod by its address": _pod("sleep", "details"),
    "a strict pod by its address, tcp": _tcp(_pod("sleep", "details")),
    "a closed port of a pod": _pod("productpage", "ratings", 7777),
    "a closed port of a pod, tcp": _tcp(_pod("productpage", "ratings", 7777)),
    "a closed port of a strict pod": _pod("productpage", "details", 7777),
    "15006 of another pod": _pod("productpage", "ratings", 15006),
    "the health port of another pod": _pod("sleep", "ratings", 15020, path="/healthz/ready"),
    "the health port of a proxy": _pod("legacy", "ratings", 15021, path="/healthz/ready"),
    "the pod without a sidecar": _pod("productpage", "legacy", 8080),
    "the pod without a sidecar, a closed port": _pod("productpage", "legacy", 8081),
    "the gateway from inside": _pod("sleep", "gateway", 8080, authority="bookinfo.example", path="/productpage"),
    # excluded ports
    "an excluded port": _pod("sleep", "ratings", 9081, path="/metrics"),
    "an excluded port, without a sidecar": _pod("legacy", "ratings", 9081, path="/metrics"),
    "the excluded database": _tcp({"from": "ratings", "destination": f"{DATABASE}:27017"}),
    "the database, where it is not excluded": _tcp({"from": "details", "destination": f"{DATABASE}:27017"}),
    # without a sidecar
    "plaintext to a strict pod": _pod("legacy", "details"),
    "plaintext tcp to a strict pod": _tcp(_pod("legacy", "details")),
    "plaintext to a permissive pod": _pod("legacy", "reviews-v1", path="/reviews/1"),
    "plaintext tcp to a permissive pod": _tcp(_pod("legacy", "ratings")),
    "plaintext to a closed port of a permissive pod": _pod("legacy", "reviews-v1", 7777),
    "plaintext to a closed port of a strict pod": _pod("legacy", "details", 7777),
    "a plain pod calls itself": _pod("legacy", "legacy", 8080),
    "a plain pod calls its own closed port": _pod("legacy", "legacy", 8081),
    "a plain pod to an unknown address": {"from": "legacy", "destination": f"{UNKNOWN}:80"},
    # from outside, straight to a pod
    "the mesh's mutual tls to a strict pod": _mutual("details", "details", client_certificate=PEER),
    "tls without a certificate to a strict pod": _mutual("details", "details"),
    "somebody's own tls to a strict pod": _mutual("details", "details", alpn=["http/1.1"]),
    "the mesh's mutual tls to a permissive pod": _mutual("reviews-v1", "reviews", client_certificate=PEER),
    "somebody's own tls to a permissive pod": _mutual("reviews-v1", "reviews", alpn=["http/1.1"]),
    "mutual tls, but of tcp, to a permissive pod": _mutual(
        "reviews-v1", "reviews", alpn=["istio-peer-exchange", "istio"], client_certificate=PEER
    ),
    "a stranger's certificate": _mutual("details", "details", client_certificate="spiffe://elsewhere/ns/a/sa/b"),
    # the gateway
    "the page": _gateway("bookinfo.example", "/productpage"),
    "a prefix of the page": _gateway("bookinfo.example", "/static/bootstrap.css"),
    "the page, host with a port": _gateway("bookinfo.example:8080", "/login"),
    "a path the gateway does not know": _gateway("bookinfo.example", "/admin"),
    "a host the gateway does not know": _gateway("nobody.example", "/productpage"),
    "the gateway without a host": _gateway("", "/productpage") | {"authority": None},
    "the api's reviews": _gateway("api.bookinfo.example", "/reviews/1"),
    "the api's details": _gateway("api.bookinfo.example", "/details/0"),
    "the api's books, rewritten": _gateway("api.bookinfo.example", "/books/0?full=1"),
    "the api's home, redirected": _gateway("api.bookinfo.example", "/"),
    "forwarded for somebody": _gateway("bookinfo.example", "/logout", headers={"x-forwarded-for": "192.0.2.77"}),
    "a port the gateway does not listen on": _pod("outside", "gateway", 8081, source=f"{STRANGER}:0"),
    "the gateway's health port": _pod("outside", "gateway", 15021, path="/healthz/ready", source=f"{STRANGER}:0"),
    "tls to the gateway's plain port": _gateway(
        "bookinfo.example", "/productpage", tls={"sni": "bookinfo.example", "alpn": ["http/1.1"]}
    ),
    # out of the mesh
    "a service entry by sni": {
        "from": "details",
        "destination": f"{BOOKS}:443",
        "authority": "books.example.com",
        "tls": {"sni": "books.example.com", "alpn": ["http/1.1"]},
    },
    "another sni on the service entry's port": {
        "from": "details",
        "destination": f"{BOOKS}:443",
        "authority": "other.example",
        "tls": {"sni": "other.example", "alpn": ["http/1.1"]},
    },
    "an unknown address": {"from": "reviews-v1", "destination": f"{UNKNOWN}:80"},
    "an unknown address that refuses": {"from": "reviews-v1", "destination": f"{REFUSING}:8000"},
    "an unknown tcp port": _tcp({"from": "ratings", "destination": f"{REFUSING}:5555"}),
    "the proxy's uid": _pod("productpage", "details", uid=1337, gid=1337),
    "the proxy's uid to a permissive pod": _pod("productpage", "reviews-v1", uid=1337, gid=1337),
}
REGISTRY_ONLY: dict[str, Call] = {
    "reviews from productpage": _service("productpage", "reviews", "/reviews/1", **_user("jason")),
    "a host nobody knows, on a service's port": _service("productpage", "details", authority="nobody:9080"),
    "a pod by its address": _pod("productpage", "ratings"),
    "a pod by its address, tcp": _tcp(_pod("productpage", "ratings")),
    "an unknown address": {"from": "ratings", "destination": f"{UNKNOWN}:80"},
    "an unknown tcp port": _tcp({"from": "ratings", "destination": f"{REFUSING}:5555"}),
    "the excluded database": _tcp({"from": "ratings", "destination": f"{DATABASE}:27017"}),
    "a service entry by sni": ALLOW_ANY["a service entry by sni"],
    "another sni on the service entry's port": ALLOW_ANY["another sni on the service entry's port"],
    "the page": _gateway("bookinfo.example", "/productpage"),
    "plaintext to a permissive pod": _pod("legacy", "ratings"),
}
BROKEN: dict[str, Call] = {
    "the application is not there": _service("sleep", "productpage"),
    "the application is not there, without a sidecar": _pod("legacy", "productpage"),
    "the application is not there, through the gateway": _gateway("bookinfo.example", "/productpage"),
    "the packet rules are gone": _service("productpage", "reviews", **_user("jason")),
    "the packet rules are gone, plaintext": _pod("legacy", "reviews-v2"),
    "the application closes": _service("productpage", "reviews", **_user("test-1")),
    "the application closes, without a sidecar": _pod("legacy", "reviews-v3"),
    "the application is silent": _service("reviews-v3", "ratings", "/ratings/1"),
    "the application is silent, without a sidecar": _pod("legacy", "ratings", timeout=2.0),
    "the application resets": _service("reviews-v3", "details"),
    "plaintext, because the proxy was told so": _service("sleep", "details"),
    "the certificate is somebody else's": _service("productpage", "details"),
    "the application resets, through the gateway": _gateway("api.bookinfo.example", "/details/0"),
}
STRAINED: dict[str, Call] = {
    "a service without endpoints": _service("sleep", "details"),
    "a cluster without room": _service("sleep", "ratings"),
    "the next priority": _service("productpage", "reviews", "/reviews/1"),
    "the next priority, whose certificate names another": _service("productpage", "ratings"),
    "a far side that trusts another mesh": _service("productpage", "details"),
    "a far side that trusts another mesh, through the gateway": _gateway("api.bookinfo.example", "/details/0"),
    "a far side that trusts another mesh, by address": _pod("sleep", "details"),
    "an application that answers 503": _service("sleep", "reviews", **_user("test-1")),
    "an application that answers 503, without a sidecar": _pod("legacy", "reviews-v3"),
    "an application on loopback alone": _service("sleep", "reviews", **_user("jason")),
    "an application on loopback alone, by its address": _pod("reviews-v2", "reviews-v2"),
    "an application on loopback alone, on loopback": {"from": "reviews-v2", "destination": "127.0.0.1:9080"},
    "a route to a cluster that is not there": _gateway("bookinfo.example", "/productpage"),
}
CALLS: dict[str, dict[str, Call]] = {
    "allow_any": ALLOW_ANY,
    "registry_only": REGISTRY_ONLY,
    "broken": BROKEN,
    "strained": STRAINED,
}
"""Variant -> question -> call."""
