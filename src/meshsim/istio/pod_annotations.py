"""The flags an injector gives to istio-init, told from what a proxy's node metadata keeps of its pod's annotations.

Metadata only; nothing is guessed beyond the injector's own defaults. Upstream: istio/istio
manifests/charts/istio-control/istio-discovery/files/injection-template.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .iptables import DEFAULT_ARGUMENTS
from .iptables_flags import FLAGS, GivenFlags, items, read_flags
from .iptables_settings import CURRENT, OLD_VERSION

MODE = "sidecar.istio.io/interceptionMode"
EXCLUDED_INBOUND = "traffic.sidecar.istio.io/excludeInboundPorts"
STATUS_PORT = "status.sidecar.istio.io/port"
_FLAG_OF = {
    **{flag.annotation: flag.name for flag in FLAGS if flag.annotation and flag.annotation != EXCLUDED_INBOUND},
    "traffic.sidecar.istio.io/kubevirtInterfaces": "--kube-virt-interfaces",
}
ANNOTATIONS = (*_FLAG_OF, EXCLUDED_INBOUND, STATUS_PORT)
"""Every annotation that changes a pod's rules."""
_FIXED_EXCLUSIONS = ("15090", "15021")
_OLD_MINOR = {"REDIRECT": 12, "TPROXY": 10}
"""Mode -> up to which minor version the rules are those of 1.7, or nearer to them than to today's."""


@frozen
class DerivedFlags:
    flags: GivenFlags
    captured: bool
    """False in mode NONE: istio-init does not run."""
    annotations: tuple[str, ...]
    """What was stated about traffic; empty where only defaults are left."""
    version: str


def flags_of_metadata(metadata: Mapping[str, Any]) -> DerivedFlags:
    """Total: metadata that says nothing gives the injector's defaults."""
    annotations = _annotations(metadata)
    mode = annotations.get(MODE) or _text(metadata.get("INTERCEPTION_MODE")) or "REDIRECT"
    defaults = read_flags(DEFAULT_ARGUMENTS)
    values, written = dict(defaults.values), dict(defaults.written)
    values["--istio-inbound-interception-mode"] = mode
    stated = []
    if "INCLUDE_INBOUND_PORTS" in metadata:
        values["--istio-inbound-ports"] = _text(metadata["INCLUDE_INBOUND_PORTS"])
        written["--istio-inbound-ports"] = "INCLUDE_INBOUND_PORTS"
        stated.append("INCLUDE_INBOUND_PORTS")
    for annotation, flag in _FLAG_OF.items():
        if annotation in annotations and annotation != MODE:
            values[flag], written[flag] = annotations[annotation], annotation
            stated.append(annotation)
    if EXCLUDED_INBOUND in annotations:
        stated.append(EXCLUDED_INBOUND)
    values["--istio-local-exclude-ports"] = _excluded_inbound(annotations)
    written["--istio-local-exclude-ports"] = EXCLUDED_INBOUND
    for flag, names in _SWITCHES.items():
        if any(_variable(metadata, name) in ("true", "1") for name in names):
            values[flag], written[flag] = "true", names[0]
    return DerivedFlags(GivenFlags(values, written), mode != "NONE", tuple(stated), _version(metadata, mode))


def _annotations(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Versions before 1.4 kept annotations beside the other keys."""
    kept = metadata.get("ANNOTATIONS")
    nested = kept if isinstance(kept, Mapping) else {}
    return {
        str(key): _text(value)
        for source in (metadata, nested)
        for key, value in source.items()
        if isinstance(value, str | int) and key in ANNOTATIONS
    }


def _excluded_inbound(annotations: Mapping[str, str]) -> str:
    """The proxy's own ports, the annotation's, and the status port unless that is 0 or already there."""
    own = list(items(annotations.get(EXCLUDED_INBOUND, "")))
    status = annotations.get(STATUS_PORT, "15020").strip()
    if status not in ("", "0", *own):
        own.append(status)
    return ",".join(dict.fromkeys((*_FIXED_EXCLUSIONS, *own)))


_SWITCHES = {
    "--redirect-dns": ("ISTIO_META_DNS_CAPTURE", "DNS_CAPTURE"),
    "--dual-stack": ("ISTIO_DUAL_STACK",),
    "--drop-invalid": ("INVALID_DROP",),
}


def _variable(metadata: Mapping[str, Any], name: str) -> str:
    """A variable of the proxy container: its metadata keeps ISTIO_META_ ones, its configuration all."""
    configuration = metadata.get("PROXY_CONFIG")
    inside = configuration.get("proxyMetadata") if isinstance(configuration, Mapping) else None
    found = inside.get(name) if isinstance(inside, Mapping) else None
    return _text(found if found is not None else metadata.get(name)).lower()


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _version(metadata: Mapping[str, Any], mode: str) -> str:
    found = re.match(r"1\.(\d{1,3})\b", _text(metadata.get("ISTIO_VERSION")))
    last = _OLD_MINOR.get(mode, _OLD_MINOR["REDIRECT"])
    return OLD_VERSION if found is not None and int(found[1]) <= last else CURRENT
