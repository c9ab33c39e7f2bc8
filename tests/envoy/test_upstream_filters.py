"""HTTP filters between router and upstream; the bulk is measured in the truth family of upstream filters."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import meshsim
from meshsim.envoy.upstream_filters import NONE, UpstreamFilters, compile_upstream_filters
from meshsim.errors import Rejected
from tests.builders_http import http_filter, view
from tests.envoy_on_loopback import HCM_TYPE
from tests.realism.prerequisites import envoy_binary

CODEC = http_filter("codec", "upstream_codec.v3.UpstreamCodec")
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
CALL = meshsim.Call(destination="127.0.0.1:10000", path="/a?b=c")


def header(name: str, value: str) -> dict[str, Any]:
    return {"append": {"header": {"key": name, "value": value}}}


def mutation(name: str = "hm", **fields: Any) -> dict[str, Any]:
    mutations = {"request_mutations": [header("x-q", name)], "response_mutations": [header("x-r", name)], **fields}
    return http_filter(name, "header_mutation.v3.HeaderMutation", mutations=mutations)


CORS = http_filter("cors", "cors.v3.Cors")
LUA = http_filter("lua", "lua.v3.Lua")
REFUSED = {
    "no codec": [mutation()],
    "codec first": [CODEC, mutation()],
    "codec twice": [CODEC, CODEC],
    "codec disabled": [{**CODEC, "disabled": True}],
    "router last": [http_filter("router", "router.v3.Router")],
    "no upstream form": [CORS, CODEC],
    "pseudo header": [mutation(request_mutations=[header(":path", "/")]), CODEC],
}
LOADED = {
    "nothing": [],
    "codec": [CODEC],
    "mutation": [mutation(), CODEC],
    "disabled": [{**mutation(), "disabled": True}, CODEC],
    "optional": [{**CORS, "is_optional": True}, CODEC],
    "lua": [LUA, CODEC],
}


def compiled(filters: list[Any]) -> UpstreamFilters:
    return compile_upstream_filters(view({"http_filters": filters}), "http_filters", "c")


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(Rejected):
        compiled(REFUSED[name])


@pytest.mark.parametrize("name", LOADED)
def test_loaded(name: str) -> None:
    assert (compiled(LOADED[name]) is NONE) == (name == "nothing")


def test_what_is_not_modelled_is_named() -> None:
    peers = {"name": "peers", "typed_config": {"@type": "type.googleapis.com/io.istio.http.peer_metadata.Config"}}
    found = compiled([LUA, {**LUA, "name": "off", "disabled": True}, peers, mutation(), CODEC])
    assert [reason.fact("filter") for reason in found.unmodelled] == ["lua"]
    assert [each.name for each in found.filters] == ["hm"]


def bootstrap(folder: Path, own: list[Any], of_router: list[Any] | None = None, port: int = 9, **route: Any) -> Path:
    options = {"@type": f"type.googleapis.com/{OPTIONS}", "explicit_http_config": {"http_protocol_options": {}}}
    endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
    cluster = {
        "name": "c",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "c", "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {OPTIONS: {**options, "http_filters": own}},
    }
    table = {
        "name": "t",
        "virtual_hosts": [
            {
                "name": "v",
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, **route, "route": {"cluster": "c", **route.get("route", {})}}],
            }
        ],
    }
    router = http_filter("router", "router.v3.Router", upstream_http_filters=of_router or [])
    manager = {"@type": HCM_TYPE, "stat_prefix": "x", "http_filters": [router], "route_config": table}
    listener = {
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 10000}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }
    written = folder / "envoy.json"
    written.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
    return written


def sent(written: Path) -> Any:
    return meshsim.load(written).trace(CALL).hops[0].upstream


def test_a_clusters_own_filters_stand_in_for_the_routers(tmp_path: Path) -> None:
    assert sent(bootstrap(tmp_path, [mutation("own"), CODEC], [mutation("router"), CODEC])).headers["x-q"] == ("own",)
    assert sent(bootstrap(tmp_path, [], [mutation("router"), CODEC])).headers["x-q"] == ("router",)
    assert "x-q" not in sent(bootstrap(tmp_path, [CODEC], [mutation("router"), CODEC])).headers


def test_they_see_what_the_router_wrote_and_not_the_codec(tmp_path: Path) -> None:
    looking = mutation(request_mutations=[header("x-saw", "%REQ(:authority)% %REQ(:path)% %REQ(content-length)%")])
    written = bootstrap(
        tmp_path, [looking, CODEC], route={"host_rewrite_literal": "inner.test", "prefix_rewrite": "/new/"}
    )
    found = meshsim.load(written).trace(meshsim.Call(destination="127.0.0.1:10000", path="/a", method="POST"))
    upstream = found.hops[0].upstream
    assert upstream is not None
    assert upstream.headers is not None
    assert upstream.headers["x-saw"] == ("inner.test /new/a ",)
    assert upstream.headers["content-length"] == ("0",)


def test_each_attempt_changes_the_request_again(tmp_path: Path) -> None:
    written = bootstrap(
        tmp_path,
        [mutation(query_parameter_mutations=[{"append": {"record": {"key": "k", "value": "v"}}}]), CODEC],
        route={"retry_policy": {"retry_on": "connect-failure", "num_retries": 2}},
        response_headers_to_add=[{"header": {"key": "x-path", "value": "%REQ(:path)%"}}],
    )
    facts = tmp_path / "host.yaml"
    facts.write_text("kind: HostFacts\ninterfaces: {lo: [127.0.0.1/8]}\nsockets: []\n")
    found = meshsim.load(written, facts).trace(CALL)
    assert found.outcome.status == 503
    assert found.hops[0].upstream.headers["x-q"] == ("hm", "hm", "hm")
    assert found.outcome.response_headers["x-path"] == ("/a?b=c&k=v&k=v&k=v",)


def test_what_they_may_do_is_an_assumption_on_the_path(tmp_path: Path) -> None:
    found = meshsim.load(bootstrap(tmp_path, [LUA, CODEC])).trace(CALL)
    assert "upstream.filter-not-modelled" in [reason.code for reason in found.assumptions]
    found.explain()


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here")
@pytest.mark.parametrize("name", [*REFUSED, *LOADED])
@pytest.mark.parametrize("where", ["cluster", "router"])
def test_envoy_says_the_same(name: str, where: str, tmp_path: Path) -> None:
    filters = {**REFUSED, **LOADED}[name]
    written = bootstrap(tmp_path, *(([], filters) if where == "router" else (filters, None)))
    command = [str(envoy_binary()), "-c", str(written), "--mode", "validate", "-l", "critical"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (name in LOADED), done.stderr[-500:]
