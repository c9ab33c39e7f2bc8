"""set_metadata: fixed dynamic metadata. envoyproxy/envoy source/extensions/filters/http/set_metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Verdict
from .progress import merged

TYPE_NAME = "envoy.extensions.filters.http.set_metadata.v3.Config"


@frozen(eq=False)
class Entry:
    namespace: str
    values: Mapping[str, Any]
    allow_overwrite: bool


@frozen(eq=False)
class SetMetadata:
    name: str
    place: Place
    entries: tuple[Entry, ...]

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        metadata = dict(facts.metadata)
        for entry in self.entries:
            before = metadata.get(entry.namespace)
            if before is not None and not entry.allow_overwrite:
                continue
            metadata[entry.namespace] = merged(before or {}, entry.values)
        if metadata == facts.metadata:
            return None
        return Change(because("filter.changed", self.place, filter=self.name), metadata=metadata)


def compile_set_metadata(view: View, name: str) -> SetMetadata:
    """The old single namespace first (merged whatever stood there), then the list."""
    entries = []
    old = view.text("metadata_namespace", "")
    if old:
        below = view.view("value")
        entries.append(Entry(old, below.data if below is not None else {}, allow_overwrite=True))
    for entry in view.views("metadata"):
        below = entry.view("value")
        values = below.data if below is not None else {}
        entries.append(Entry(entry.text("metadata_namespace", ""), values, entry.boolean("allow_overwrite", False)))
    return SetMetadata(name, view.place, tuple(entries))
