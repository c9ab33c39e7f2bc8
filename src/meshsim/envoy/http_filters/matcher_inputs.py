"""What the matcher of a filter may ask: the request, the connection, and on the way back the response.

envoyproxy/envoy source/common/http/matching and source/extensions/matching, as observed on Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ...config.view import View
from ...errors import Rejected
from ...facts.request import Headers, Request
from ...match.tree import Missing
from ..network_inputs import NETWORK_INPUTS
from ..query_parameters import decoded_parameters
from .base import FilterFacts
from .response import STATUS, Response


@frozen(eq=False)
class Seen:
    """A stream as the matcher of one of its filters sees it."""

    facts: FilterFacts
    request: Request | None
    """None: the request was answered before it came to the filter."""
    response: Response | None = None
    """None: there is none yet."""


Read = Callable[[Seen], Any]
Input = Callable[[View], tuple[str, Read]]

_HTTP = "envoy.type.matcher.v3."
_NETWORK = "envoy.extensions.matching.common_inputs.network.v3."
_CEL = "xds.type.matcher.v3.HttpAttributesCelMatchInput"
_ENVIRONMENT = "envoy.extensions.matching.common_inputs.environment_variable.v3.Config"
_FROM_UPSTREAM = "via_upstream"


def _joined(headers: Headers, values: tuple[str, ...], name: str) -> str | Missing | None:
    """Many values are one text; one that run time makes is not known."""
    if values:
        return ",".join(values)
    return Missing.UNKNOWN if name in headers else None


def _request_header(view: View) -> tuple[str, Read]:
    name = view.text("header_name", "").lower()

    def read(seen: Seen) -> str | Missing | None:
        request = seen.request
        return Missing.NOT_YET if request is None else _joined(request.headers, request.values(name), name)

    return f"header {name}", read


def _response_header(view: View) -> tuple[str, Read]:
    name = view.text("header_name", "").lower()

    def read(seen: Seen) -> str | Missing | None:
        response = seen.response
        return Missing.NOT_YET if response is None else _joined(response.headers, response.headers.get(name, ()), name)

    return f"response header {name}", read


def _status(seen: Seen) -> str | Missing | None:
    """None: a filter took it away."""
    if seen.response is None:
        return Missing.NOT_YET
    stated = seen.response.headers.get(STATUS, ())
    return stated[0] if stated else None


def _status_class(seen: Seen) -> str | Missing | None:
    status = _status(seen)
    return f"{status[0]}xx" if isinstance(status, str) else status


def _is_local(seen: Seen) -> str | Missing:
    """Whether this proxy made the response."""
    answer = seen.facts.answer
    if seen.response is None or answer is None:
        return Missing.NOT_YET
    return "false" if answer.details == _FROM_UPSTREAM else "true"


def _trailer(view: View) -> tuple[str, Read]:
    """Trailers come too late for anything that is decided about headers."""
    return f"trailer {view.text('header_name', '')}", lambda _seen: Missing.NOT_YET


def _query(view: View) -> tuple[str, Read]:
    """The first parameter of the name."""
    name = view.text("query_param", "")

    def read(seen: Seen) -> str | Missing | None:
        if seen.request is None or not seen.request.path:
            return Missing.NOT_YET
        return next(iter(decoded_parameters(seen.request.path).get(name, ())), None)

    return f"query parameter {name}", read


def _filter_state(view: View) -> tuple[str, Read]:
    """What Envoy's own parts wrote there is not known."""
    key = view.text("key", "")

    def read(seen: Seen) -> str | Missing | None:
        facts = seen.facts
        value = facts.connection.filter_state.get(key, facts.filter_state.get(key))
        known = facts.filter_state_known and not key.startswith("envoy.")
        return value if value is not None or known else Missing.UNKNOWN

    return f"filter state {key}", read


def _of_connection(make: Callable[[View], Any]) -> Input:
    """What asks for a client's certificate is never there over plaintext."""

    def made(view: View) -> tuple[str, Read]:
        what, read = make(view)
        return what, lambda seen: read(seen.facts.connection)

    return made


def _plain(what: str, read: Read) -> Input:
    return lambda _view: (what, read)


def _refused(name: str) -> Input:
    def refuse(view: View) -> tuple[str, Read]:
        hint = "ask something else; Envoy refuses this filter too"
        raise Rejected("filter-matcher-input", f"no matcher of HTTP can ask {name}", place=view.place, hint=hint)

    return refuse


INPUTS: Mapping[str, Input] = {
    **{name: _of_connection(make) for name, make in NETWORK_INPUTS.items()},
    **{_NETWORK + name: _refused(name) for name in ("TransportProtocolInput", "ApplicationProtocolInput")},
    _NETWORK + "FilterStateInput": _filter_state,
    _HTTP + "HttpRequestHeaderMatchInput": _request_header,
    _HTTP + "HttpRequestQueryParamMatchInput": _query,
    _HTTP + "HttpRequestTrailerMatchInput": _trailer,
    _HTTP + "HttpResponseHeaderMatchInput": _response_header,
    _HTTP + "HttpResponseTrailerMatchInput": _trailer,
    _HTTP + "HttpResponseStatusCodeMatchInput": _plain("status", _status),
    _HTTP + "HttpResponseStatusCodeClassMatchInput": _plain("class of the status", _status_class),
    _HTTP + "HttpResponseLocalReplyMatchInput": _plain("whether the response is the proxy's own", _is_local),
}
ADMITTED_ON_ROUTES = frozenset(
    {_HTTP + "HttpRequestHeaderMatchInput", _HTTP + "HttpResponseHeaderMatchInput", _CEL, _ENVIRONMENT}
)
