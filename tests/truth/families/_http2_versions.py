"""HTTP/2 on either side: codecs that meet the wrong client, upgrades between versions, replies, upstreams."""

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from tests.realism.upstreams import ServerTls, Upstream
from tests.truth.families import _shapes, replies
from tests.truth.families._managers import call, chain, cluster, dump, listener, manager, setting, to
from tests.truth.setting import POD_ADDRESS, Setting

Call = dict[str, Any]
Options = Mapping[str, Any]
QUICK = {"delayed_close_timeout": "0.05s"}
"""A connection whose client broke the protocol is closed no sooner."""
PLAIN, SWITCHES, SECURE, OLD = "10.93.1.1", "10.93.1.3", "10.93.1.4", "10.93.1.5"
SPOKEN = ServerTls(dns_sans=("a.test",), alpn=("h2", "http/1.1"))
WORLD = (
    Upstream(f"{PLAIN}:80", "auto", name="any"),
    Upstream(f"{SWITCHES}:80", "http", status=101, name="switches"),
    Upstream(f"{SECURE}:80", "auto", name="secure", tls=SPOKEN),
    Upstream(f"{OLD}:80", "auto", name="old", tls=evolve(SPOKEN, alpn=("http/1.1",))),
)
FIRST_PORT = 9000
PROTOCOLS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def settings() -> Iterator[Setting]:
    yield _codecs()
    yield _setting("upgrades", OF_UPGRADES, _upgrade_calls, BEYOND)
    answered = [{"route_config": replies.MUTATING, **each} for each in replies.OF_REPLIES]
    yield evolve(_setting("replies", answered, _reply_calls, (NOBODY, cluster("refused", "10.93.0.2"))), sockets=[])
    yield _setting("upstreams", OF_UPSTREAMS, _upstream_calls, TOWARDS)


def _setting(name: str, options: Any, calls: Any, clusters: Any = ()) -> Setting:
    made = setting(f"http2 {name}", [{**QUICK, **each} for each in options], calls, clusters)
    return evolve(made, world=WORLD)


def asked(port: int, **more: Any) -> Call:
    return call(port, **{"protocol": "http2", **more})


SOCKETS: Mapping[str, Options | None] = {
    "plaintext": None,
    "no ALPN": _shapes.tls_socket(),
    "both": _shapes.tls_socket(alpn=("h2", "http/1.1")),
    "old": _shapes.tls_socket(alpn=("http/1.1",)),
}
INSPECTOR = "tls_inspector.v3.TlsInspector"
CODECS = ("AUTO", "HTTP1", "HTTP2")
OFFERS = ([], ["h2"], ["http/1.1"], ["http/1.1", "h2"], ["x"])


def _codecs() -> Setting:
    listeners, calls = [], []
    for port, (name, codec) in enumerate(itertools.product(SOCKETS, CODECS), FIRST_PORT):
        options = manager(codec_type=codec, **QUICK)
        made = {**listener(port, options), "listener_filters": [_shapes.filter_of("listener", INSPECTOR)]}
        socket = SOCKETS[name]
        if socket is not None:
            made["filter_chains"] = [{**chain(options), "transport_socket": dict(socket)}]
        listeners.append(made)
        for said in ("http", "http2", "http/1.0", "grpc"):
            shown = {"method": "POST"} if said == "grpc" else {}
            offers: Any = [None] if socket is None else OFFERS if said in ("http", "http2") else OFFERS[1:2]
            for offer in offers:
                tls = None if offer is None else {"sni": "a.test", "alpn": offer}
                calls.append(call(port, protocol=said, tls=tls, **shown))
        if socket is None:
            for said in ("hello\n", "PRI * HTTP/1.1\r\n\r\n", "PRI /x HTTP/2.0\r\n\r\nSM\r\n\r\n"):
                calls.append({**_bare(port), "payload": said})
            calls.append(call(port, protocol="http2", path="/", headers={"x": "1"}, tls={"sni": "a.test", "alpn": []}))
    return Setting(
        name="http2 codecs",
        dump=dump(listeners, [cluster("up")]),
        calls=calls,
        configurations=len(listeners),
        world=WORLD,
    )


def _bare(port: int) -> Call:
    return {"from": "outside", "destination": f"{POD_ADDRESS}:{port}", "protocol": "tcp", "timeout": 0.5}


def speaking(*, connect: bool = False) -> dict[str, Any]:
    """Options of a cluster that is spoken to in HTTP/2."""
    return protocols(explicit_http_config={"http2_protocol_options": {"allow_connect": True} if connect else {}})


def protocols(**options: Any) -> dict[str, Any]:
    kind = f"type.googleapis.com/{PROTOCOLS}"
    return {"typed_extension_protocol_options": {PROTOCOLS: {"@type": kind, **options}}}


BEYOND = (
    cluster("switches", SWITCHES),
    cluster("newer", **speaking()),
    cluster("newest", **speaking(connect=True)),
)
ALLOWED = {"http2_protocol_options": {"allow_connect": True}}
ON = {"upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}]}


def _table(name: str, **route: Any) -> dict[str, Any]:
    reply = {"direct_response": {"status": 200, "body": {"inline_string": "no"}}}
    routes = [
        {"name": "tunnel", "match": {"connect_matcher": {}}, "route": {"cluster": name, **route}},
        {"name": "direct", "match": {"prefix": "/direct"}, **reply},
        {"name": "elsewhere", "match": {"prefix": "/redirect"}, "redirect": {"path_redirect": "/"}},
        {"name": "gone", "match": {"prefix": "/gone"}, "route": {"cluster": "gone", **route}},
        to(name, **route),
    ]
    hosts = [{"name": "a", "domains": ["a.test", "a.test:80"], "routes": routes}]
    return {"route_config": {"name": "asked", "virtual_hosts": hosts, "validate_clusters": False}}


OF_UPGRADES: tuple[Options, ...] = (
    _table("up"),
    {**_table("up"), **ALLOWED},
    {**_table("up"), **ALLOWED, **ON},
    {**_table("switches"), **ALLOWED, **ON},
    {**_table("newer"), **ALLOWED, **ON},
    {**_table("newer", **ON), **ALLOWED},
    {**_table("newest"), **ALLOWED, **ON, "use_remote_address": True},
    {**_table("newest", upgrade_configs=[{"upgrade_type": "websocket", "enabled": False}]), **ALLOWED, **ON},
)
WEBSOCKET = {":protocol": "websocket"}
EXTENDED: tuple[Mapping[str, Any], ...] = (
    WEBSOCKET,
    {":protocol": "WebSocket"},
    {":protocol": "foo"},
    {":protocol": "h2c"},
    {":protocol": ""},
    {":protocol": ["websocket", "foo"]},
    {**WEBSOCKET, ":path": []},
    {**WEBSOCKET, ":scheme": []},
    {**WEBSOCKET, ":scheme": "https"},
    {**WEBSOCKET, ":authority": []},
    {**WEBSOCKET, "sec-websocket-version": "13", "content-type": "application/grpc"},
    {**WEBSOCKET, "upgrade": "websocket"},
    {**WEBSOCKET, "host": "b.test"},
)


def _upgrade_calls(draw: random.Random, port: int, options: Options) -> Iterator[Call]:
    newer = options["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["cluster"].startswith("new")
    for headers in EXTENDED:
        path = draw.choice(("/", "/ws", "/ws?x=1"))
        yield asked(port, method="CONNECT", headers=dict(headers), path=path)
    for path in ("/direct", "/redirect", "/gone"):
        yield asked(port, method="CONNECT", headers=WEBSOCKET, path=path)
        yield asked(port, path=path, headers=replies.WEBSOCKET, protocol="http")
    yield asked(port, headers=WEBSOCKET)
    yield asked(port, method="CONNECT", headers=WEBSOCKET, authority="b.test")
    for headers in replies.ASKED[:3]:
        yield asked(port, headers=headers, path="/ws", protocol="http", method=draw.choice(("GET", "POST")))
    for authority in ("a.test", "a.test:80", "b.test:80", None) if newer or "upgrade_configs" not in options else ():
        yield asked(port, method="CONNECT", authority=authority)
    yield asked(port, method="CONNECT", headers={":path": "/", ":scheme": "http"})


NOBODY = {"name": "nobody", "type": "STATIC", "load_assignment": {"cluster_name": "nobody"}}


def _reply_calls(draw: random.Random, port: int, _options: Options) -> Iterator[Call]:
    grpc = {"protocol": "grpc", "method": "POST", "headers": {"x-q": "1"}}
    for path in replies.ANSWERED:
        yield asked(port, path=f"/{path}", method=draw.choice(("HEAD", "POST", "GET")))
        yield asked(port, path=f"/{path}", **grpc)
    yield asked(port, authority="tls.test", headers={"x-q": "1"})
    yield asked(port, authority="none.test", **grpc)
    yield asked(port, path="x")
    yield asked(port, headers={"content-type": "application/grpc+json"}, path="/599", method="POST")
    yield asked(port, headers={"content-type": "application/grpc-web"}, path="/599", method="POST")


def _tls(*alpn: str, **fields: Any) -> dict[str, Any]:
    kind = f"{_shapes.TYPES}transport_sockets.tls.v3.UpstreamTlsContext"
    common = {"common_tls_context": {"alpn_protocols": list(alpn)} if alpn else {}}
    return {"transport_socket": {"name": "tls", "typed_config": {"@type": kind, **common, "sni": "a.test", **fields}}}


HTTP1 = {"http_protocol_options": {}}
EITHER = {**HTTP1, "http2_protocol_options": {}}
KINDS: Mapping[str, Mapping[str, Any]] = {
    "one": protocols(explicit_http_config=HTTP1),
    "two": speaking(),
    "same": protocols(use_downstream_protocol_config=EITHER),
    "same, old": protocols(use_downstream_protocol_config=HTTP1),
    "older field": {"http2_protocol_options": {}},
    "older field, same": {"protocol_selection": "USE_DOWNSTREAM_PROTOCOL", "http2_protocol_options": {}},
}
AUTO = protocols(auto_config=EITHER)
TOWARDS = (
    *(cluster(f"plain {name}", PLAIN, **each) for name, each in KINDS.items()),
    *(cluster(f"secure {name}", SECURE, **each, **_tls()) for name, each in KINDS.items()),
    *(cluster(f"secure {name}, offering", SECURE, **KINDS[name], **_tls("h2")) for name in ("one", "two", "same")),
    cluster("secure auto", SECURE, **AUTO, **_tls()),
    cluster("secure auto, offering", SECURE, **AUTO, **_tls("http/1.1")),
    cluster("old two", OLD, **KINDS["two"], **_tls()),
)
OF_UPSTREAMS: tuple[Options, ...] = tuple(
    {"route_config": {"name": "on", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [to(each["name"])]}]}}
    for each in TOWARDS
)


def _upstream_calls(_draw: random.Random, port: int, _options: Options) -> Iterator[Call]:
    yield asked(port, protocol="http", headers={"x": ["1", "2"], "te": "trailers", "cookie": "a=1"})
    yield asked(port, protocol="http/1.0", method="POST")
    yield asked(port, method="PUT", headers={"cookie": ["a=1", "b=2"], ":scheme": "https"})
    yield asked(port, headers={"content-length": "3"}, method="POST", trailers={"t": "1"})
    yield asked(port, protocol="grpc", method="POST", path="/service/Method?x")
    yield asked(port, path="*", method="OPTIONS")
    yield asked(port, path="/more", headers={"te": "trailers", "accept": ["a", "b"]})
