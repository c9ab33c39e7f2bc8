"""auto_config: with which transport sockets a cluster may negotiate its HTTP version, here and in Envoy."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from meshsim.errors import Rejected
from tests.builders_upstream import cluster, http_options, tls_socket
from tests.realism.prerequisites import envoy_binary

SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets."
REASON = "ALPN configured for cluster a which has a non-ALPN transport socket"


def _of(kind: str, **fields: Any) -> dict[str, Any]:
    return {"name": kind, "typed_config": {"@type": SOCKETS + kind, **fields}}


def _around(inner: Mapping[str, Any]) -> dict[str, Any]:
    return _of("proxy_protocol.v3.ProxyProtocolUpstreamTransport", config={}, transport_socket=inner)


def _rows(*sockets: Mapping[str, Any]) -> dict[str, Any]:
    rows = [{"name": f"row {at}", "match": {}, "transport_socket": each} for at, each in enumerate(sockets)]
    return {"transport_socket_matches": rows}


RAW = _of("raw_buffer.v3.RawBuffer")
START = _of("starttls.v3.UpstreamStartTlsConfig", tls_socket_config={})
OWN_TLS = {"transport_socket": tls_socket()}
CASES: list[tuple[Mapping[str, Any], str | None]] = [
    ({}, "raw_buffer"),
    ({"transport_socket": RAW}, "transport_socket"),
    ({"transport_socket": START}, "transport_socket"),
    ({"transport_socket": _around(RAW)}, "transport_socket"),
    (_rows(tls_socket()), "raw_buffer"),
    ({"transport_socket": RAW, **_rows(tls_socket())}, "transport_socket"),
    ({**OWN_TLS, **_rows(RAW)}, "row 0"),
    ({**OWN_TLS, **_rows(tls_socket(), RAW)}, "row 1"),
    (OWN_TLS, None),
    ({**OWN_TLS, **_rows(tls_socket())}, None),
    ({"transport_socket": _around(tls_socket())}, None),
    ({"transport_socket": tls_socket(alpn_protocols=["istio"])}, None),
]


def _cluster(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "a",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "a"},
        "typed_extension_protocol_options": http_options(auto_config={}),
        **fields,
    }


@pytest.mark.parametrize(("fields", "plaintext"), CASES)
def test_every_socket_must_know_alpn(fields: Mapping[str, Any], plaintext: str | None) -> None:
    if plaintext is None:
        assert cluster(_cluster(fields)).name == "a"
    else:
        with pytest.raises(Rejected, match=f"transport socket {plaintext} is plaintext"):
            cluster(_cluster(fields))


@pytest.mark.real
@pytest.mark.skipif(envoy_binary() is None, reason="no Envoy to ask")
@pytest.mark.parametrize(("fields", "plaintext"), CASES)
def test_envoy_says_the_same(fields: Mapping[str, Any], plaintext: str | None, tmp_path: Path) -> None:
    (tmp_path / "envoy.json").write_text(json.dumps({"static_resources": {"clusters": [_cluster(fields)]}}))
    command = [str(envoy_binary()), "--mode", "validate", "-c", str(tmp_path / "envoy.json")]
    asked = subprocess.run([*command, "--use-dynamic-base-id"], capture_output=True, text=True, check=False)
    assert (asked.returncode == 0) is (plaintext is None), asked.stderr
    assert (REASON in asked.stderr) is (plaintext is not None)
