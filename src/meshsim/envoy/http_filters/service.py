"""The external service that a filter asks: which cluster, and whether it is there at all."""

from __future__ import annotations

from ...config.view import View


def service_cluster(view: View | None) -> str | None:
    """Of a GrpcService or a message with `server_uri`; None where no Envoy cluster is named."""
    if view is None:
        return None
    envoy = view.view("envoy_grpc")
    if envoy is not None:
        return envoy.text("cluster_name")
    uri = view.view("server_uri")
    return uri.text("cluster") if uri is not None else None
