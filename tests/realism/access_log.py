"""One access log schema for every place Envoy can log, and its lines read back as the trace document's hop fields."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FIELDS = {
    "filter_chain": "%FILTER_CHAIN_NAME%",
    "route": "%ROUTE_NAME%",
    "virtual_host": "%CEL(xds.virtual_host_name)%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "endpoint": "%UPSTREAM_HOST%",
    "attempted": "%UPSTREAM_HOSTS_ATTEMPTED%",
    "response_flags": "%RESPONSE_FLAGS%",
    "status": "%RESPONSE_CODE%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "downstream_local_close_reason": "%DOWNSTREAM_LOCAL_CLOSE_REASON%",
    "downstream_transport_failure_reason": "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_direct_local_address": "%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "downstream_direct_remote_address": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "downstream_tls_version": "%DOWNSTREAM_TLS_VERSION%",
    "downstream_peer_uri_san": "%DOWNSTREAM_PEER_URI_SAN%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "upstream_tls_version": "%UPSTREAM_TLS_VERSION%",
    "upstream_protocol": "%UPSTREAM_PROTOCOL%",
    "protocol": "%PROTOCOL%",
    "method": "%REQUEST_HEADER(:METHOD)%",
    "path": "%REQUEST_HEADER(:PATH)%",
    "original_path": "%REQUEST_HEADER(X-ENVOY-ORIGINAL-PATH)%",
    "authority": "%REQUEST_HEADER(:AUTHORITY)%",
}
KINDS = ("listener", "tcp", "http")
_PROTOCOLS = {"HTTP/1.0": "http/1.0", "HTTP/1.1": "http/1.1", "HTTP/2": "http2", "HTTP/3": "http3"}


def logger(path: str, *, kind: str, listener: str) -> dict[str, Any]:
    """An Envoy access logger that writes the schema, marked with where it stands."""
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {
                "json_format": {"kind": kind, "listener": listener.replace("%", "%%"), **FIELDS},
                "formatters": [
                    {
                        "name": "envoy.formatter.cel",
                        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.formatter.cel.v3.Cel"},
                    }
                ],
            },
        },
    }


def written(path: Path, start: int = 0) -> list[str]:
    """The whole lines from that byte on; the last one may still be half written, and is left for later."""
    data = path.read_bytes()[start:] if path.exists() else b""
    return data[: data.rfind(b"\n") + 1].decode().splitlines()


def read(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The log as hops, one a stream or connection, in the order of the log.

    A connection that reached a proxy filter is logged there and by its listener; the listener's line then only adds
    what it alone knows.
    """
    entries = [
        {name: None if value in ("-", "") else value for name, value in json.loads(line).items()} for line in lines
    ]
    of_listener = {_connection(entry): entry for entry in entries if entry["kind"] == "listener"}
    inner = [entry for entry in entries if entry["kind"] != "listener"]
    covered = {_connection(entry) for entry in inner}
    alone = [entry for connection, entry in of_listener.items() if connection not in covered]
    return [_hop(entry, of_listener.get(_connection(entry), {})) for entry in (*inner, *alone)]


def _connection(entry: dict[str, Any]) -> tuple[str, str]:
    return entry["downstream_direct_remote_address"], entry["downstream_direct_local_address"]


def _hop(entry: dict[str, Any], of_listener: dict[str, Any]) -> dict[str, Any]:
    reached_http = entry["kind"] == "http"
    tls = entry["downstream_tls_version"] is not None
    return {
        "kind": entry["kind"],
        "listener": entry["listener"],
        "filter_chain": entry["filter_chain"],
        "virtual_host": entry["virtual_host"],
        "route": entry["route"],
        "cluster": entry["cluster"],
        "endpoint": entry["endpoint"],
        "attempted": (entry["attempted"] or "").split(",") if entry["attempted"] else [],
        "original_destination": entry["downstream_local_address"],
        "accepted_at": entry["downstream_direct_local_address"],
        "status": int(entry["status"]) if reached_http and entry["status"] is not None else None,
        "response_flags": sorted(entry["response_flags"].split(",")) if entry["response_flags"] else [],
        "response_code_details": entry["response_code_details"],
        "connection_termination_details": entry["connection_termination_details"],
        "downstream_local_close_reason": entry["downstream_local_close_reason"]
        or of_listener.get("downstream_local_close_reason"),
        "downstream_transport_failure_reason": entry["downstream_transport_failure_reason"]
        or of_listener.get("downstream_transport_failure_reason"),
        "upstream_transport_failure_reason": entry["upstream_transport_failure_reason"],
        "downstream": {
            "protocol": _PROTOCOLS.get(entry["protocol"] or "", "tcp" if entry["kind"] == "tcp" else None),
            "remote": entry["downstream_remote_address"],
            "direct_remote": entry["downstream_direct_remote_address"],
            "tls": {"terminated": tls, "sni": entry["requested_server_name"], "peer": entry["downstream_peer_uri_san"]},
        },
        "upstream": {
            "protocol": _PROTOCOLS.get(entry["upstream_protocol"] or ""),
            "method": entry["method"],
            "path": entry["path"],
            "authority": entry["authority"],
            "local": entry["upstream_local_address"],
            "tls": entry["upstream_tls_version"] is not None,
        },
    }
