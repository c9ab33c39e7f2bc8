"""CONNECT that ends in the router: routes with a connect_config, and what becomes of the tunnel afterwards."""

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from tests.realism.upstreams import ServerTls, Upstream
from tests.truth.families import _shapes, upstream_tls
from tests.truth.families._http2_versions import asked, protocols, speaking
from tests.truth.families._managers import TYPES, address, call, cluster, manager, setting
from tests.truth.setting import Setting

Call = dict[str, Any]
HOST = "10.93.1.1"
PORTS = {"echo": 80, "silent": 9001, "close": 9002, "reset": 9003, "secure": 9443, "refused": 9009}
SPEAKS = {"echo": "tcp", "secure": "tls"}
ON = {"upgrade_configs": [{"upgrade_type": "CONNECT"}]}
FRONT = {"upgrade_configs": [{"upgrade_type": "CONNECT"}], "http2_protocol_options": {"allow_connect": True}}
SUPPRESSED = [
    {
        "name": "router",
        "typed_config": {"@type": f"{TYPES}.filters.http.router.v3.Router", "suppress_envoy_headers": True},
    }
]
RETRIED = {"retry_on": "5xx,connect-failure", "num_retries": 1, "retry_back_off": {"base_interval": "0.001s"}}


def settings() -> Iterator[Setting]:
    made = setting("tunnels", OF_TUNNELS, _calls, CLUSTERS)
    sockets = [
        {"listen": f"0.0.0.0:{port}", "protocol": "tcp", "speaks": SPEAKS.get(name, name)}
        for name, port in PORTS.items()
        if name != "refused"
    ]
    hosts = [{"kind": "HostFacts", "pod": "far", "addresses": [f"{HOST}/24"], "sockets": sockets}]
    yield evolve(made, world=WORLD, hosts=hosts)
    yield _secured()
    yield setting("CONNECT-UDP up to its route", OF_DATAGRAMS, _datagrams)
    stated = [{**socket, "speaks": "http"} if socket["speaks"] == "tcp" else socket for socket in sockets]
    made = setting("tunnels of TLS, answered in plaintext", OF_TLS, _calls, OVER_TLS)
    world = [evolve(each, speaks="http") if each.name == "echo" else each for each in WORLD]
    yield evolve(made, world=world, hosts=[{**hosts[0], "sockets": stated}])


WORLD = tuple(
    Upstream(
        f"0.0.0.0:{port}",
        {"echo": "auto", "secure": "auto"}.get(name, name),
        name=name,
        tls=ServerTls(dns_sans=("a.test",)) if name == "secure" else None,
    )
    for name, port in PORTS.items()
    if name != "refused"
)


def _at(name: str, port: str, **more: Any) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": address(HOST, PORTS[port])}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {**cluster(name, **more), "load_assignment": assignment}


def _none(limit: str) -> dict[str, Any]:
    return {"circuit_breakers": {"thresholds": [{limit: 0}]}}


def _tls(**fields: Any) -> dict[str, Any]:
    kind = f"{_shapes.TYPES}transport_sockets.tls.v3.UpstreamTlsContext"
    return {"transport_socket": {"name": "tls", "typed_config": {"@type": kind, **fields}}}


AUTO_SNI = protocols(
    explicit_http_config={"http2_protocol_options": {}}, upstream_http_protocol_options={"auto_sni": True}
)
CLUSTERS = (
    *(_at(name, name) for name in PORTS),
    _at("newer", "echo", **speaking()),
    _at("tls", "secure", **_tls(sni="s.test", common_tls_context={"alpn_protocols": ["x"]})),
    _at("tls of the authority", "secure", **_tls(), **AUTO_SNI),
    _at("no pending", "echo", **_none("max_pending_requests")),
    _at("no requests", "echo", **_none("max_requests")),
    _at("no connections", "echo", **_none("max_connections")),
    {"name": "nobody", "type": "STATIC", "load_assignment": {"cluster_name": "nobody"}},
)


def _routes(name: str, config: Any = (), *, match: Any = None, enabled: bool = True, **route: Any) -> dict[str, Any]:
    upgrade: dict[str, Any] = {"upgrade_type": "CONNECT"}
    if config is not None:
        upgrade["connect_config"] = dict(config)
    if not enabled:
        upgrade["enabled"] = False
    action = {"cluster": name, "upgrade_configs": [upgrade], **route}
    routes = [
        {"name": "tunnel", "match": {"connect_matcher": {}}, "route": action},
        {"name": "others", "match": {"prefix": "/"}, "route": action},
    ]
    hosts = [{"name": "a", "domains": ["a.test", "a.test:80"], "routes": routes if match is None else routes[1:]}]
    return {"route_config": {"name": "tunnels", "virtual_hosts": hosts, "validate_clusters": False}}


POSTS, HEADED = {"allow_post": True}, {"proxy_protocol_config": {}}
NAMES = (
    *(name for name in PORTS if name not in ("silent", "secure")),
    *(each["name"] for each in CLUSTERS[len(PORTS) :]),
    "gone",
)
OF_TUNNELS: tuple[Mapping[str, Any], ...] = (
    *({**_routes(name), **FRONT} for name in NAMES),
    _routes("echo"),
    {**_routes("echo", None), **FRONT},
    {**_routes("echo", enabled=False), **FRONT},
    {**_routes("echo", match="others"), **FRONT},
    {**_routes("echo", upgrade_configs=[]), **FRONT},
    _routes("echo", upgrade_configs=[]),
    {**_routes("echo", POSTS), **FRONT},
    {**_routes("echo", HEADED), **FRONT},
    {**_routes("echo", {**HEADED, **POSTS}), **FRONT},
    {**_routes("refused", retry_policy=RETRIED), **FRONT},
    {**_routes("close", retry_policy=RETRIED), **FRONT},
    {**_routes("silent", idle_timeout="0.2s", timeout="0.05s"), **FRONT},
    {**_routes("no pending"), **FRONT, "http_filters": SUPPRESSED},
    {**_routes("no requests", upgrade_configs=[]), "http_filters": SUPPRESSED},
)


OVER_TLS = tuple(_at(f"{name} by TLS", name, **_tls(), connect_timeout="0.2s") for name in PORTS)
RETRIED_TLS = _routes("echo by TLS", retry_policy=RETRIED)
OF_TLS: tuple[Mapping[str, Any], ...] = (
    *({**_routes(each["name"]), **FRONT} for each in OVER_TLS),
    {**RETRIED_TLS, **FRONT},
)


WELL_KNOWN = "/.well-known/masque/udp/"
PATHS = (
    *("192.0.2.6/443/", "192.0.2.6/443", "192.0.2.6/0/", "192.0.2.6/x/", "a.test/443/", "/443/", "a.test//", ""),
    *("a.test", "2001%3Adb8%3A%3A1/443/", "[2001:db8::1]/443/", "a%20b/443/", "a.test/443/more", "a.test/443/?q=1"),
    *("a.test/443//", "a.test//443/", "a.test/00443/", "*/443/", "a_b/443/", "a%2Etest/443/", "a.test/443%2F/"),
    *("a.test/%34%343/", "b.test/80/", "b.test/81/", "a%2Ftest/443/", "../udp/a.test/443/", "a.test/80", "a%zz/80/"),
    *("127.0.0.1/1/", "::1/9/", "a/80%/", "a%c3%a9/1/", "a%/1/", "a%2/1/"),
)
SHOWN = [
    {"header": {"key": f"x-{name}", "value": f"%REQ({value})%"}}
    for name, value in {"host": ":authority", "path": ":path", "method": ":method", "upgrade": "upgrade"}.items()
]


def _shown(**options: Any) -> dict[str, Any]:
    """What is seen of a request when its route is looked up."""
    routes = [
        {"name": "tunnel", "match": {"connect_matcher": {}}, "direct_response": {"status": 201}},
        {"name": "others", "match": {"prefix": "/"}, "direct_response": {"status": 202}},
    ]
    hosts = [
        {"name": name, "domains": domains, "routes": routes, "response_headers_to_add": SHOWN}
        for name, domains in {"b": ["b.test", "b.test:81"], "any": ["*"]}.items()
    ]
    return {"route_config": {"name": "shown", "virtual_hosts": hosts}, **options}


DATAGRAMS = {"upgrade_configs": [{"upgrade_type": "CONNECT-UDP"}], "http2_protocol_options": {"allow_connect": True}}
NORMAL = {"normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"}
OF_DATAGRAMS: tuple[Mapping[str, Any], ...] = (
    _shown(**DATAGRAMS),
    _shown(),
    _shown(**DATAGRAMS, **NORMAL, strip_any_host_port=True),
)


def _datagrams(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[Call]:
    asks = {"connection": "upgrade", "upgrade": "connect-udp", "capsule-protocol": "?1"}
    for path in PATHS:
        yield call(port, path=WELL_KNOWN + path, headers=asks)
    for path in (
        "/",
        "/x",
        "/x" + WELL_KNOWN + "a/1/",
        "/.Well-known/masque/udp/a.test/443/",
        WELL_KNOWN + "c.test/5/",
    ):
        yield call(port, path=path, headers=asks)
        yield call(port, path=path, headers={**asks, "upgrade": "CONNECT-UDP"}, method="POST")
        yield call(port, path=path, headers={**asks, "upgrade": "foo, connect-udp"})
        yield call(port, path=path, headers={"upgrade": "connect-udp"})
        yield call(port, path=path, headers=asks, authority=None)
        extended = {":protocol": "connect-udp", "capsule-protocol": "?1"}
        yield asked(port, path=path, method="CONNECT", headers=extended)


def _secured() -> Setting:
    """Every TLS client of a proxy and every TLS server, with a tunnel in the client's hands."""
    [made] = [each for each in upstream_tls.settings() if each.name == "tcp to tcp"]
    dump = copy.deepcopy(made.dump)
    for entry in dump["configs"][2]["dynamic_listeners"]:
        for chain in entry["active_state"]["listener"]["filter_chains"]:
            if entry["name"] == chain["name"]:
                routes = [{"name": "tunnel", "match": {"connect_matcher": {}}, "route": _to(entry["name"])}]
                hosts = [{"name": "any", "domains": ["*"], "routes": routes}]
                options = {**ON, "route_config": {"name": "tunnels", "virtual_hosts": hosts}}
                chain["filters"] = [{"name": "http", "typed_config": manager(**options)}]
    asked = {"protocol": "http", "method": "CONNECT", "authority": "a.test:80", "path": "/", "timeout": 0.4}
    raw = "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\nhello\n"
    calls = []
    for each in made.calls:
        near = upstream_tls.label(each["destination"].rpartition(":")[2]).partition(" -> ")[0]
        if near != "plaintext":
            calls.append({"from": "outside", "destination": each["destination"], **asked, "bytes": raw})
    return evolve(made, name="tunnels of TLS", dump=dump, calls=calls)


def _to(name: str) -> dict[str, Any]:
    return {"cluster": name, "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}


def _calls(_draw: random.Random, port: int, options: Mapping[str, Any]) -> Iterator[Call]:
    action = options["route_config"]["virtual_hosts"][0]["routes"][0]["route"]
    for target in ("a.test:80", "b.test:80"):
        raw = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\nhello\n"
        yield call(port, method="CONNECT", authority=target, path="/", bytes=raw, timeout=0.4)
    terminated = any("connect_config" in each for each in action["upgrade_configs"])
    if (
        terminated
        and action["cluster"] in ("refused", "no pending", "nobody", "gone")
        and "http2_protocol_options" in options
    ):
        yield asked(port, method="CONNECT", authority="a.test:80")
    if any(each.get("connect_config", {}).get("allow_post") for each in action["upgrade_configs"]):
        raw = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nhello\n"
        yield call(port, method="POST", headers={"content-length": "6"}, bytes=raw, timeout=0.4)
    if action["cluster"] in ("no pending", "no requests"):
        yield call(port)
