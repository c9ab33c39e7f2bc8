"""decompressor: unpacks bodies, and tells the upstream that it may pack its own.

envoyproxy/envoy source/extensions/filters/http/decompressor. Of responses, those of proxies further on are known; a
body stands in the trace unpacked all the way.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...facts.request import Headers, Request
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from ..runtime import RuntimeFlag, compile_runtime_flag
from .base import Change, FilterFacts, Verdict
from .content_encodings import encoding_of, forbids_transformation, has_body, token, without_length
from .opaque import Opaque
from .response import Response

TYPE_NAME = "envoy.extensions.filters.http.decompressor.v3.Decompressor"
_ACCEPTED = "accept-encoding"
_ENCODING = "content-encoding"


@frozen(eq=False)
class Decompressor:
    name: str
    place: Place
    encoding: str
    unpacks_requests: RuntimeFlag
    unpacks_responses: RuntimeFlag
    advertises: bool
    transforms_all: bool
    """Whatever cache-control says of a request; `transforms_responses` of a response."""
    transforms_responses: bool

    def ask(self, facts: FilterFacts, _own: PerFilter | None) -> Verdict:
        request = facts.request
        if self.advertises and self.unpacks_responses.of(facts.runtime):
            request = self._advertised(request)
        if self._unpacks(request, facts):
            request = self._unpacked(request)
        if request == facts.request:
            return None
        return Change(because("filter.changed", self.place, filter=self.name), request)

    def _advertised(self, request: Request) -> Request:
        stated = ",".join(request.headers.get(_ACCEPTED, ()))
        others = [each for item in stated.split(",") if (each := item.strip()) and token(each) != self.encoding]
        return evolve(request, headers={**request.headers, _ACCEPTED: (",".join((*others, self.encoding)),)})

    def _unpacks(self, request: Request, facts: FilterFacts) -> bool:
        return (
            has_body(request)
            and self.unpacks_requests.of(facts.runtime)
            and self._is_packed(request.headers, transforms_all=self.transforms_all)
        )

    def _is_packed(self, headers: Headers, *, transforms_all: bool) -> bool:
        if forbids_transformation(headers) and not transforms_all:
            return False
        stated = headers.get(_ENCODING) or ("",)
        return stated[0].partition(",")[0].strip().lower() == self.encoding

    def _unpacked(self, request: Request) -> Request:
        return without_length(evolve(request, headers=_without_encoding(request.headers)))

    def respond(self, facts: FilterFacts, _own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        """Whether the request came this far makes no difference."""
        if response.ended or not self.unpacks_responses.of(facts.runtime):
            return response
        if not self._is_packed(response.headers, transforms_all=self.transforms_responses):
            return response
        headers = _without_encoding(response.headers)
        return evolve(response, headers={name: each for name, each in headers.items() if name != "content-length"})


def _without_encoding(headers: Headers) -> Headers:
    """Without the first, which was the last to be applied."""
    made = dict(headers)
    _, comma, left = made.pop(_ENCODING)[0].partition(",")
    if comma:
        made[_ENCODING] = (left.strip(),)
    return made


def compile_decompressor(view: View, name: str) -> Decompressor | Opaque:
    """Of unknown effect where the library is none of Envoy's own."""
    encoding = encoding_of(view, "decompressor_library")
    if encoding is None:
        return Opaque(name, TYPE_NAME, view.place)
    request, response = view.view("request_direction_config"), view.view("response_direction_config")
    of_requests = request.view("common_config") if request is not None else None
    of_responses = response.view("common_config") if response is not None else None
    return Decompressor(
        name,
        view.place,
        encoding,
        compile_runtime_flag(_enabled(of_requests), default=True),
        compile_runtime_flag(_enabled(of_responses), default=True),
        request is None or request.boolean("advertise_accept_encoding", True),
        of_requests is not None and of_requests.boolean("ignore_no_transform_header", False),
        of_responses is not None and of_responses.boolean("ignore_no_transform_header", False),
    )


def _enabled(common: View | None) -> View | None:
    return common.view("enabled") if common is not None else None
