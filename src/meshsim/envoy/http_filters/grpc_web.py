"""grpc_web: makes a gRPC request of a browser's gRPC-Web one.

envoyproxy/envoy source/extensions/filters/http/grpc_web.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Verdict

TYPE_NAME = "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"
_CONTENT_TYPES = frozenset(
    {
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grpc-web-text",
        "application/grpc-web-text+proto",
    }
)


@frozen(eq=False)
class GrpcWeb:
    name: str
    place: Place

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        content_type = facts.request.headers.get("content-type", ())
        if not content_type or content_type[0] not in _CONTENT_TYPES:
            return None
        headers = dict(facts.request.headers)
        headers.pop("content-length", None)
        headers["content-type"] = ("application/grpc",)
        headers["te"] = ("trailers",)
        headers["grpc-accept-encoding"] = ("identity",)
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(facts.request, headers=headers))


def compile_grpc_web(view: View, name: str) -> GrpcWeb:
    return GrpcWeb(name, view.place)
