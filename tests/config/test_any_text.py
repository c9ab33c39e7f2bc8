"""Whatever a file holds: it is read, or one of the three errors says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from meshsim.config.capture import load_capture
from meshsim.config.documents import Library
from meshsim.errors import InputError, Rejected, Unsupported

SECTIONS = [
    "BootstrapConfigDump", "ListenersConfigDump", "ClustersConfigDump", "RoutesConfigDump", "EndpointsConfigDump",
    "SecretsConfigDump", "EcdsConfigDump", "ScopedRoutesConfigDump", "ListenersConfigDump.DynamicListener",
]  # fmt: skip
KEYS = [
    "bootstrap", "node", "id", "static_resources", "listeners", "clusters", "static_listeners", "dynamic_listeners",
    "active_state", "warming_state", "draining_state", "error_state", "failed_configuration", "listener", "name",
    "address", "socket_address", "port_value", "pipe", "path", "cluster", "static_clusters", "dynamic_active_clusters",
    "route_config", "dynamic_route_configs", "endpoint_config", "dynamicEndpointConfigs", "clusterName", "secret",
    "configs", "kind", "pod", "interfaces", "addresses", "sockets", "listen", "tls", "names", "sysctls", "xds",
]  # fmt: skip

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["x", "HostFacts", "10.0.0.1/8", "0.0.0.0:80", "a~b~c.d~e"])
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
)
sections = st.dictionaries(st.sampled_from(KEYS), trees, max_size=5).flatmap(
    lambda fields: st.sampled_from(SECTIONS).map(
        lambda kind: {"@type": f"type.googleapis.com/envoy.admin.v3.{kind}", **fields}
    )
)
facts = st.dictionaries(st.sampled_from(KEYS), trees, max_size=5).map(lambda fields: fields | {"kind": "HostFacts"})


def load(folder: Path, data: bytes) -> None:
    path = folder / "file"
    path.write_bytes(data)
    library = Library()
    try:
        (pod, *_more) = load_capture([str(path)], library)
        for state in pod.proxy.listeners.values() if pod.proxy is not None else ():
            assert library.locate(state.place).line is not None
    except (InputError, Unsupported, Rejected) as error:
        assert error.place is not None
        assert error.hint
        assert library.locate(error.place) is not None


quick = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@quick
@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | st.text(alphabet="{}[]:,\"' \n-*#&a1/", max_size=40).map(str.encode)
)
@example(b"*nat\n:A - [0:0]\n")
@example("{a: \x85b}".encode())
@example(b"[,")
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    load(tmp_path, data)


@quick
@given(st.lists(sections, max_size=4), st.booleans())
def test_any_dump(tmp_path: Path, configs: list[Any], indented: bool) -> None:
    load(tmp_path, json.dumps({"configs": configs}, indent=1 if indented else None).encode())


@quick
@given(facts)
def test_any_host_facts(tmp_path: Path, data: dict[str, Any]) -> None:
    load(tmp_path, json.dumps(data).encode())


@quick
@given(st.integers(0, 400), st.binary(max_size=3))
def test_a_dump_cut_short_or_damaged(tmp_path: Path, cut: int, noise: bytes) -> None:
    listener = {"name": "web", "active_state": {"listener": {"name": "web", "address": {}}}}
    whole = json.dumps(
        {
            "configs": [
                {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [listener] * 2}
            ]
        },
        indent=1,
    ).encode()
    load(tmp_path, whole[:cut] + noise)
    load(tmp_path, whole[:cut] + noise + whole[cut:])
