"""A bootstrap as what its Envoy runs before any control plane speaks: static listeners, clusters and secrets.

What comes over xDS is not in it. A section counts as stated only where the bootstrap asks nobody for more of it.
"""

from __future__ import annotations

from typing import Any

from ..place import PathPart, Place
from .config_dump import ProxyDocument, by_name, static_resources
from .documents import Document
from .protojson import both_spellings
from .view import View

_FIELDS = frozenset(name for field in ("static_resources", "dynamic_resources") for name in both_spellings(field))


def find_bootstrap(data: Any) -> tuple[PathPart, ...] | None:
    """Where a bootstrap stands in the data: the whole of it, or under `bootstrap` as istioctl prints it."""
    if not isinstance(data, dict):
        return None
    if not _FIELDS.isdisjoint(data):
        return ()
    inner = data.get("bootstrap")
    return ("bootstrap",) if isinstance(inner, dict) else None


def read_bootstrap(document: Document) -> ProxyDocument:
    path = find_bootstrap(document.data)
    assert path is not None
    data = document.data["bootstrap"] if path else document.data
    view = View(data, Place(document.name, path))
    static, dynamic = view.view("static_resources"), view.view("dynamic_resources")
    sections = {"bootstrap"}
    for section, source in (("listeners", "lds_config"), ("clusters", "cds_config")):
        if dynamic is None or not dynamic.has(source):
            sections.add(section)
    return ProxyDocument(
        bootstrap=view,
        listeners=by_name(static_resources(static, "listeners")),
        clusters=by_name(static_resources(static, "clusters")),
        secrets=by_name(static_resources(static, "secrets")),
        sections=frozenset(sections),
        documents=(document.name,),
    )
