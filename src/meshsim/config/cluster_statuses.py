"""Envoy's `/clusters?format=json`, and the list istioctl makes of it: which hosts each cluster has at this moment.

Names only; what a host's health means, and which metadata these hosts lack, is `envoy`'s matter.
"""

from __future__ import annotations

from typing import Any

from ..place import PathPart, Place
from .config_dump import ProxyDocument
from .documents import Document
from .protojson import both_spellings
from .view import View

_LISTS = both_spellings("cluster_statuses")
_HOSTS = both_spellings("host_statuses")


def find_cluster_statuses(data: Any) -> tuple[PathPart, ...] | None:
    """Where the list of clusters stands; None for anything else."""
    if isinstance(data, dict):
        return next(((key,) for key in _LISTS if isinstance(data.get(key), list)), None)
    if isinstance(data, list) and data and all(isinstance(entry, dict) and "name" in entry for entry in data):
        # A cluster without hosts has no list of them, so one that has is enough.
        return () if any(key in entry for entry in data for key in _HOSTS) else None
    return None


def read_cluster_statuses(document: Document) -> ProxyDocument:
    path = find_cluster_statuses(document.data)
    assert path is not None
    listed = document.data[path[0]] if path else document.data
    found: dict[str, View] = {}
    by_service: dict[str, View] = {}
    for at, data in enumerate(listed):
        view = View(data, Place(document.name, (*path, at)))
        found[view.text("name", "")] = view
        service = view.text("eds_service_name")
        if service:
            by_service[service] = view
    return ProxyDocument(cluster_statuses={**by_service, **found}, documents=(document.name,))
