"""Route configurations that name clusters which are not there: refused where Envoy refuses them, and nowhere else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import meshsim
from meshsim.errors import Rejected
from tests.envoy_on_loopback import HCM_TYPE
from tests.realism.prerequisites import envoy_binary

PLUGIN = "type.googleapis.com/envoy.extensions.router.cluster_specifiers.matcher.v3"
TYPES = "type.googleapis.com/envoy.config.route.v3"
ROUTER = {
    "name": "router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}


def to(**action: Any) -> dict[str, Any]:
    return {"match": {"prefix": "/"}, "route": action}


def weighted(**second: Any) -> dict[str, Any]:
    return to(weighted_clusters={"clusters": [{"name": "here", "weight": 1}, {"weight": 1, **second}]})


def mirrored(name: str) -> dict[str, Any]:
    return {"request_mirror_policies": [{"cluster": name}]}


def table(*routes: dict[str, Any], host: Any = (), **fields: Any) -> dict[str, Any]:
    return {"name": "t", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes, **dict(host)}], **fields}


def matcher(kind: str, **config: Any) -> dict[str, Any]:
    return {"on_no_match": {"action": {"name": "a", "typed_config": {"@type": kind, **config}}}}


def plugin(cluster: str) -> dict[str, Any]:
    tree = matcher(f"{PLUGIN}.ClusterAction", cluster=cluster)
    config = {"@type": f"{PLUGIN}.MatcherClusterSpecifier", "cluster_matcher": tree}
    return {"inline_cluster_specifier_plugin": {"extension": {"name": "p", "typed_config": config}}}


ANSWER = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
REFUSED = {
    "cluster": table(to(cluster="gone")),
    "cluster, said to be checked": table(to(cluster="gone"), validate_clusters=True),
    "second route": table(to(cluster="here"), to(cluster="gone")),
    "weighted": table(weighted(name="gone")),
    "weight of nothing": table(weighted(name="gone", weight=0)),
    "mirror": table(to(cluster="here", **mirrored("gone"))),
    "mirror of nothing": table(
        to(cluster="here", request_mirror_policies=[{"cluster": "gone", "runtime_fraction": {"default_value": {}}}])
    ),
    "mirror of the virtual host": table(to(cluster="here"), host=mirrored("gone")),
    "mirror of the table": table(to(cluster="here"), **mirrored("gone")),
    "mirror of a route that answers": table(ANSWER, host=mirrored("gone")),
}
LOADED = {
    "known": table(to(cluster="here", **mirrored("here"))),
    "not checked": table(to(cluster="gone"), validate_clusters=False),
    "header": table(to(cluster_header="gone")),
    "weighted header": table(weighted(cluster_header="gone")),
    "mirror by header": table(to(cluster="here", request_mirror_policies=[{"cluster_header": "gone"}])),
    "plugin": table(to(**plugin("gone"))),
    "mirror that nobody inherits": table(to(cluster="here", **mirrored("here")), host=mirrored("gone")),
    "mirror without routes": table(**mirrored("gone")),
    "route below a matcher": table(host={"matcher": matcher(f"{TYPES}.Route", **to(cluster="gone"))}),
    "routes below a matcher": table(host={"matcher": matcher(f"{TYPES}.RouteList", routes=[to(cluster="gone")])}),
}
SCOPED = {
    "name": "s",
    "rds_config_source": {"ads": {}},
    "scope_key_builder": {"fragments": [{"header_value_extractor": {"name": "x", "index": 0}}]},
}


def scoped(inline: dict[str, Any]) -> dict[str, Any]:
    scope = {"name": "one", "route_configuration": inline, "key": {"fragments": [{"string_key": "a"}]}}
    return {"scoped_routes": {**SCOPED, "scoped_route_configurations_list": {"scoped_route_configurations": [scope]}}}


def bootstrap(folder: Path, **routes: Any) -> Path:
    manager = {"@type": HCM_TYPE, "stat_prefix": "x", "http_filters": [ROUTER], **routes}
    listener = {
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 10000}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }
    known = {"name": "here", "type": "STATIC", "load_assignment": {"cluster_name": "here"}}
    written = folder / "envoy.json"
    written.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [known]}}))
    return written


def outcome(*files: Path) -> meshsim.Trace:
    call = meshsim.Call(destination="127.0.0.1:10000", headers={"x": ("a",)})
    return meshsim.load(*files).trace(call)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=r"unknown .*cluster 'gone'"):
        outcome(bootstrap(tmp_path, route_config=REFUSED[name]))


@pytest.mark.parametrize("name", LOADED)
def test_loaded(name: str, tmp_path: Path) -> None:
    assert outcome(bootstrap(tmp_path, route_config=LOADED[name])).outcome.kind != "unknown"


def test_scopes_are_checked_too(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="unknown cluster 'gone'"):
        outcome(bootstrap(tmp_path, **scoped(REFUSED["cluster"])))
    assert outcome(bootstrap(tmp_path, **scoped(LOADED["not checked"]))).outcome.status == 503


def test_tables_of_rds_are_checked_where_they_ask_for_it(tmp_path: Path) -> None:
    written = bootstrap(tmp_path, rds={"route_config_name": "t", "config_source": {"ads": {}}})
    beside = tmp_path / "routes.json"
    beside.write_text(json.dumps(table(to(cluster="gone"))))
    assert outcome(written, beside).outcome.status == 503
    beside.write_text(json.dumps(REFUSED["cluster, said to be checked"]))
    with pytest.raises(Rejected, match="unknown cluster 'gone'"):
        outcome(written, beside)


def test_a_cluster_that_another_file_adds_is_known(tmp_path: Path) -> None:
    written = bootstrap(tmp_path, route_config=REFUSED["cluster"])
    beside = tmp_path / "cluster.json"
    beside.write_text(json.dumps({"name": "gone", "type": "STATIC", "load_assignment": {"cluster_name": "gone"}}))
    assert outcome(written, beside).outcome.response_flags == ("UH",)


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no Envoy is installed here")
@pytest.mark.parametrize("name", [*REFUSED, *LOADED])
def test_envoy_says_the_same(name: str, tmp_path: Path) -> None:
    written = bootstrap(tmp_path, route_config={**REFUSED, **LOADED}[name])
    command = [str(envoy_binary()), "-c", str(written), "--mode", "validate", "-l", "critical"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (name in LOADED), done.stderr[-500:]
