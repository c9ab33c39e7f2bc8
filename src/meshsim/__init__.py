"""meshsim: where a request ends up in an Envoy and Istio mesh, and why; offline.

    import meshsim
    mesh = meshsim.load("captures/", "rules.v4")
    trace = mesh.trace(meshsim.Call(destination="10.0.0.5:80", authority="example.com"))
    trace.outcome.kind, trace.hops[0].route

The names below are the public ones; they are imported on first use, so that `import meshsim` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .version import __version__

_PUBLIC = {
    "Call": "meshsim.facts.call",
    "Answer": "meshsim.facts.answer",
    "Mesh": "meshsim.api",
    "Trace": "meshsim.trace",
    "Branch": "meshsim.branches",
    "Branches": "meshsim.branches",
    "load": "meshsim.api",
    "load_demo": "meshsim.api",
    "Outcome": "meshsim.outcome",
    "Report": "meshsim.report",
    "ClientTls": "meshsim.facts.conversation",
    "ClientCertificate": "meshsim.facts.conversation",
    "InputError": "meshsim.errors",
    "Unsupported": "meshsim.errors",
    "Rejected": "meshsim.errors",
    "Bug": "meshsim.errors",
    "MeshsimError": "meshsim.errors",
}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604 (names are the keys of a literal table)


def __getattr__(name: str) -> Any:
    module = _PUBLIC.get(name)
    if module is None:
        raise AttributeError(f"module 'meshsim' has no attribute {name!r}")
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
