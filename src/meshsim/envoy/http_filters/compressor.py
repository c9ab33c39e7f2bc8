"""compressor: packs bodies for those who take them packed, and says so in the headers.

envoyproxy/envoy source/extensions/filters/http/compressor. A body stays in the trace as it was before it was packed.
"""

from __future__ import annotations

from attrs import evolve, frozen

from ...config.view import View
from ...errors import Rejected
from ...facts.request import Headers, Request
from ...place import Place
from ...reasons import because
from ..per_filter import PerFilter
from ..runtime import RuntimeFlag, compile_runtime_flag
from .base import Change, FilterFacts, Verdict
from .content_encodings import (
    Offer,
    agreed,
    encoding_of,
    forbids_transformation,
    has_body,
    media_type,
    without_length,
)
from .opaque import Opaque
from .per_route import PerRoute
from .response import Memories, Response

TYPE_NAME = "envoy.extensions.filters.http.compressor.v3.Compressor"
_ACCEPTED = "accept-encoding"
_ENCODING = "content-encoding"
_STATUS = "x-envoy-compression-status"
_SHORTEST = 30
_LONGEST_NUMBER = 19
_MEDIA_TYPES = """
text/html text/plain text/css application/javascript application/x-javascript text/javascript text/x-javascript
text/ecmascript text/js text/jscript text/x-js application/ecmascript application/x-json application/xml
application/json image/svg+xml text/xml application/xhtml+xml application/grpc-web application/grpc-web+proto
"""
_COMPRESSIBLE = frozenset(_MEDIA_TYPES.split())


@frozen(eq=False)
class Direction:
    """What is packed one way."""

    enabled: RuntimeFlag
    shortest: int
    media_types: frozenset[str]

    def is_long(self, headers: Headers) -> bool:
        stated = headers.get("content-length")
        if stated is None:
            return True
        length = stated[0] if stated else str(self.shortest)
        return length.isdecimal() and int(length[:_LONGEST_NUMBER]) >= self.shortest

    def takes(self, headers: Headers) -> bool:
        media = media_type(headers)
        return media is None or media in self.media_types


@frozen(eq=False)
class OfRoute:
    """What a route says in the filter's stead; None: nothing."""

    enabled: bool | None = None
    removes_accepted: bool | None = None
    encoding: str | None = None


@frozen(eq=False)
class Compressor:
    name: str
    place: Place
    encoding: str
    chosen_first: bool
    requests: Direction | None
    """None: requests are never packed."""
    responses: Direction
    disabled_by_etag: bool
    removes_accepted: bool
    never_packed: frozenset[int]
    """Status codes."""
    tells: bool
    """Whether a header says what became of the response."""
    routes: PerRoute[OfRoute]

    def ask(self, facts: FilterFacts, own: PerFilter | None) -> Verdict:
        request, route = facts.request, self.routes.of(own)
        accepted = request.headers.get(_ACCEPTED)
        removes = self.removes_accepted if route.removes_accepted is None else route.removes_accepted
        if accepted is not None and removes and self._enabled(facts, route):
            request = evolve(request, headers={k: v for k, v in request.headers.items() if k != _ACCEPTED})
        if self._packs(request, facts):
            headers = {**request.headers, _ENCODING: (route.encoding or self.encoding,)}
            request = without_length(evolve(request, headers=headers))
        changed = request != facts.request
        if not changed and accepted is None:
            return None
        why = because("filter.changed", self.place, filter=self.name) if changed else None
        memories: Memories = {} if accepted is None else {self: ",".join(accepted)}
        return Change(why, request if changed else None, memories=memories)

    def _enabled(self, facts: FilterFacts, route: OfRoute) -> bool:
        return self.responses.enabled.of(facts.runtime) if route.enabled is None else route.enabled

    def _packs(self, request: Request, facts: FilterFacts) -> bool:
        way, headers = self.requests, request.headers
        return (
            way is not None
            and has_body(request)
            and way.enabled.of(facts.runtime)
            and "upgrade" not in headers
            and way.is_long(headers)
            and way.takes(headers)
            and _ENCODING not in headers
        )

    def respond(self, facts: FilterFacts, own: PerFilter | None, response: Response, *, seen: bool) -> Response:
        """The order of the checks decides which of them the status header names."""
        route, headers = self.routes.of(own), response.headers
        enabled = self._enabled(facts, route)
        base = enabled and not forbids_transformation(headers) and _ENCODING not in headers
        checks = {
            "ContentLengthTooSmall": self.responses.is_long(headers),
            "ContentTypeNotAllowed": self.responses.takes(headers),
            "EtagNotAllowed": not self.disabled_by_etag or "etag" not in headers,
            "StatusCodeNotAllowed": response.status not in self.never_packed,
        }
        compressible = base and all(checks.values())
        asks = compressible if self.tells else enabled and checks["ContentLengthTooSmall"]
        accepted = facts.memories.get(self)
        if asks and not response.ended and accepted is not None:
            response = self._agreed(facts, str(accepted), response, route)
        encoding = route.encoding or self.encoding
        packed = compressible and not response.ended and accepted is not None and response.encoding == encoding
        made = dict(headers)
        if compressible:
            _vary(made)
        if packed:
            _drop_strong_etag(made)
            length = made.pop("content-length", ("",))
            made[_ENCODING] = (encoding,)
            told = f"{encoding};Compressed;OriginalLength={length[0]}" if length else None
        else:
            failed = [name for name, passed in checks.items() if not passed]
            told = f"{encoding};{failed[0]}" if failed and base and not response.ended else ""
        if self.tells and told != "":
            made[_STATUS] = () if told is None else (*made.get(_STATUS, ()), told)
        return evolve(response, headers=made)

    def _agreed(self, facts: FilterFacts, accepted: str, response: Response, route: OfRoute) -> Response:
        """The first compressor that asks decides for all of the chain."""
        if response.encoding is not None:
            return response
        offers = (
            Offer(
                (each is self and route.encoding) or each.encoding,
                each.responses.media_types,
                each.chosen_first,
            )
            for each in facts.beside
            if isinstance(each, Compressor)
        )
        return evolve(response, encoding=agreed(offers, accepted, media_type(response.headers)))


def _vary(headers: dict[str, tuple[str, ...]]) -> None:
    stated = ",".join(headers.get("vary", ()))
    if not stated and "vary" not in headers:
        headers["vary"] = ("Accept-Encoding",)
    elif all(each.strip(" \t") != "Accept-Encoding" for each in stated.split(",")):
        headers["vary"] = (f"{stated}, Accept-Encoding",)


def _drop_strong_etag(headers: dict[str, tuple[str, ...]]) -> None:
    stated = (headers.get("etag") or ("",))[0]
    if stated[:2] not in ("w/", "W/"):
        headers.pop("etag", None)


def compile_compressor(view: View, name: str) -> Compressor | Opaque:
    """Of unknown effect where the library is none of Envoy's own."""
    encoding = encoding_of(view, "compressor_library")
    if encoding is None:
        return Opaque(name, TYPE_NAME, view.place)
    requests, responses = view.view("request_direction_config"), view.view("response_direction_config")
    options = view if responses is None else responses
    return Compressor(
        name,
        view.place,
        encoding,
        view.boolean("choose_first", False),
        None if requests is None else _direction(requests.view("common_config")),
        _former_direction(view) if responses is None else _direction(responses.view("common_config")),
        options.boolean("disable_on_etag_header", False),
        options.boolean("remove_accept_encoding_header", False),
        _codes(responses) if responses is not None else frozenset(),
        responses is not None and responses.boolean("status_header_enabled", False),
        PerRoute(OfRoute(), _of_route),
    )


def _codes(view: View) -> frozenset[int]:
    codes = view.integers("uncompressible_response_codes")
    if len(set(codes)) != len(codes) or any(not 200 <= code < 600 for code in codes):
        raise Rejected(
            "bad-compressor",
            "uncompressible_response_codes are from 200 to 599, each of them once",
            place=view.place_of("uncompressible_response_codes"),
            hint="take out what is repeated or no response's status",
        )
    return frozenset(codes)


def _direction(common: View | None) -> Direction:
    if common is None:
        return Direction(RuntimeFlag("", True), _SHORTEST, _COMPRESSIBLE)
    return _made(common, "enabled", "min_content_length")


def _former_direction(view: View) -> Direction:
    """As the filter said it before responses had a message of their own."""
    return _made(view, "runtime_enabled", "content_length")


def _made(view: View, enabled: str, shortest: str) -> Direction:
    listed = frozenset(each.lower() for each in view.texts("content_type"))
    flag = compile_runtime_flag(view.view(enabled), default=True)
    return Direction(flag, view.integer(shortest) or _SHORTEST, listed or _COMPRESSIBLE)


def _of_route(view: View) -> OfRoute:
    if view.boolean("disabled", False):
        return OfRoute(enabled=False)
    overrides = view.view("overrides")
    if overrides is None:
        return OfRoute()
    responses = overrides.view("response_direction_config")
    removes = responses.boolean("remove_accept_encoding_header") if responses is not None else None
    return OfRoute(True if responses is not None else None, removes, encoding_of(overrides, "compressor_library"))
