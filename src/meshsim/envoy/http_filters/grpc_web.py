"""grpc_web: makes a gRPC request of a browser's gRPC-Web one, and gRPC-Web of what comes back.

envoyproxy/envoy source/extensions/filters/http/grpc_web.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...facts.request import Request, is_grpc_content
from ...place import Place
from ...reasons import because
from ..grpc_codes import grpc_message, grpc_status_of
from ..per_filter import PerFilter
from .base import Change, FilterFacts, Verdict
from .response import Response

TYPE_NAME = "envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"
_TEXT = frozenset({"application/grpc-web-text", "application/grpc-web-text+proto"})
_BINARY = frozenset({"application/grpc-web", "application/grpc-web+proto"})
_ENCODING = "grpc-accept-encoding"


@frozen(eq=False)
class GrpcWeb:
    name: str
    place: Place

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        request = facts.request
        if not _is_grpc_web(request):
            return None
        headers = dict(request.headers)
        headers.pop("content-length", None)
        headers["content-type"] = ("application/grpc",)
        headers["te"] = ("trailers",)
        if not any(headers.get(_ENCODING, ())):
            headers[_ENCODING] = ("identity",)
        asks_for_text = (headers.get("accept") or ("",))[0] in _TEXT
        why = because("filter.changed", self.place, filter=self.name)
        return Change(why, evolve(request, headers=headers), memories={self: asks_for_text})

    def respond(self, facts: FilterFacts, _own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        """A body that is no gRPC becomes grpc-message; the status stays."""
        if not seen or self not in facts.memories:
            return response
        headers = {name: values for name, values in response.headers.items() if name != "content-length"}
        kind = "application/grpc-web-text+proto" if facts.memories[self] else "application/grpc-web+proto"
        headers["content-type"] = (kind,)
        if response.ended or _speaks_grpc(response):
            return evolve(response, headers=headers)
        headers["grpc-message"] = () if response.body is None else (grpc_message(response.body),)
        headers["grpc-status"] = (str(grpc_status_of(response.status)),)
        headers["content-length"] = ("0",)
        return evolve(response, headers=headers, body="")


def _is_grpc_web(request: Request) -> bool:
    stated = request.headers.get("content-type") or ("",)
    return bool(request.path) and stated[0] in _TEXT | _BINARY


def _speaks_grpc(response: Response) -> bool:
    """Parameters behind the type, such as a charset, are passed over for gRPC-Web only."""
    stated = (response.headers.get("content-type") or ("",))[0]
    return response.status == 200 and (
        is_grpc_content(stated) or stated.partition(";")[0].rstrip(" \t").lower() in _BINARY
    )


def compile_grpc_web(view: View, name: str) -> GrpcWeb:
    return GrpcWeb(name, view.place)
