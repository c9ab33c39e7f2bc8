"""envoy.type.matcher.v3.MetadataMatcher on dynamic metadata. envoyproxy/envoy source/common/common/matchers.cc."""

from __future__ import annotations

from attrs import frozen

from ...config.view import View
from ..rbac.metadata import ValueTest, compile_value_matcher, metadata_path, value_at
from .progress import Metadata


@frozen(eq=False)
class MetadataTest:
    namespace: str
    path: tuple[str, ...]
    test: ValueTest | None
    """None: not modelled."""
    invert: bool

    def holds(self, metadata: Metadata) -> bool | None:
        held = None if self.test is None else self.test(value_at(metadata, self.namespace, self.path))
        return None if held is None else held != self.invert


def compile_metadata_test(view: View) -> MetadataTest:
    namespace, path = metadata_path(view)
    value = view.view("value")
    test = None if value is None else compile_value_matcher(value)
    return MetadataTest(namespace, path, test, view.boolean("invert", False))
