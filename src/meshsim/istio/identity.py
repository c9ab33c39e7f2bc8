"""Which identity a workload's own certificate carries, as far as its proxy's node metadata tells.

Istio signs `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT`; the mesh id is the trust domain unless an operator
set it apart. Metadata only: no certificate is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TLS_MODE_LABEL = "security.istio.io/tlsMode"
"""What the injector labels a pod with; istiod copies it into the metadata of the pod's endpoints as `tlsMode`."""


def tls_mode(node_metadata: Mapping[str, Any]) -> str | None:
    labels = node_metadata.get("LABELS")
    mode = labels.get(TLS_MODE_LABEL) if isinstance(labels, Mapping) else None
    return mode if isinstance(mode, str) and mode else None


def is_workload(identity: str, wanted: str) -> bool:
    """Whether a name that is asked for is this workload's, whatever the trust domain: the metadata may not know it."""
    return identity.partition("/ns/")[2] == wanted.partition("/ns/")[2] and "/ns/" in wanted


def workload_identity(node_metadata: Mapping[str, Any]) -> str | None:
    """The SPIFFE URI of the proxy's workload; None where the metadata does not name all its parts."""
    parts = [node_metadata.get(key) for key in ("MESH_ID", "NAMESPACE", "SERVICE_ACCOUNT")]
    if not all(isinstance(part, str) and part for part in parts):
        return None
    trust_domain, namespace, service_account = parts
    return f"spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}"
