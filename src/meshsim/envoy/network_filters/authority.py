"""The cluster of the service that a filter asks before it decides."""

from __future__ import annotations

from ...config.view import View


def service_cluster(view: View) -> str | None:
    """Of a message with a `grpc_service`; None where it is not reached over a cluster."""
    service = view.view("grpc_service")
    envoy = service.view("envoy_grpc") if service is not None else None
    return envoy.text("cluster_name") if envoy is not None else None
