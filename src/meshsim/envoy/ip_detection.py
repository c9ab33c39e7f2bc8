"""Who the client is: original_ip_detection_extensions, in the place of what x-forwarded-for says by itself.

envoyproxy/envoy source/extensions/http/original_ip_detection; observed on Envoy 1.40.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import evolve, frozen

from ..address import contains, make_prefix, try_parse_ip
from ..config.view import View
from ..facts.request import Headers
from ..reasons import Reason, because

XFF = "x-forwarded-for"
_PREFIX = "envoy.extensions.http.original_ip_detection."


@frozen
class Detected:
    address: int | None
    trusted: bool = False
    """Whether it may count as internal."""
    skip_append: bool = True
    """Whether the peer's address stays off x-forwarded-for."""
    reject: int | None = None
    """The status for a client that cannot be told."""


Detection = Callable[[Headers, int], Detected]
"""Headers and the peer's address -> what one extension finds."""


def from_the_right(listed: str, number: int) -> int | None:
    """The address that many from the right of x-forwarded-for, 1 being the last."""
    parts = listed.split(",")
    return None if not listed or number > len(parts) else try_parse_ip(parts[-number].strip())


def compile_detections(view: View, resource: str) -> tuple[tuple[Detection, ...], tuple[Reason, ...]]:
    """Of a connection manager, with what is not modelled."""
    made: list[Detection] = []
    unmodelled: list[Reason] = []
    field = "original_ip_detection_extensions"
    for entry in view.views(field):
        typed = entry.extension()
        compiled = _KINDS.get(typed.type_name.removeprefix(_PREFIX)) if typed is not None else None
        if typed is None or compiled is None:
            unmodelled.append(because("config.field-not-modelled", entry.place, field=field, resource=resource))
        else:
            made.append(compiled(typed.view))
    return tuple(made), tuple(unmodelled)


def detected(detections: tuple[Detection, ...], headers: Headers, peer: int) -> Detected:
    """What the first extension finds that finds somebody, else what the last one says."""
    found = Detected(None)
    for detection in detections:
        found = detection(headers, peer)
        if found.address is not None:
            return evolve(found, reject=None)
    return found


def _xff(view: View) -> Detection:
    number = view.integer("xff_num_trusted_hops", 0) + 1
    skip = view.boolean("skip_xff_append", True)
    cidrs = view.view("xff_trusted_cidrs")
    trusted = _prefixes(cidrs) if cidrs is not None else None

    def detect(headers: Headers, peer: int) -> Detected:
        listed = ",".join(headers.get(XFF, ()))
        single = bool(listed) and "," not in listed
        if trusted is None:
            return Detected(from_the_right(listed, number), single, skip)
        if not any(contains(prefix, peer) for prefix in trusted):
            return Detected(None, skip_append=False)
        return Detected(_beyond(trusted, listed), single, skip)

    return detect


def _prefixes(view: View) -> tuple[tuple[int, int], ...]:
    made = []
    for entry in view.views("cidrs"):
        address = try_parse_ip(entry.text("address_prefix", ""))
        if address is not None:
            made.append(make_prefix(address, entry.integer("prefix_len", 0)))
    return tuple(made)


def _beyond(trusted: tuple[tuple[int, int], ...], listed: str) -> int | None:
    """From the right, the first address that no trusted range holds; the leftmost where all are trusted."""
    found: int | None = None
    for part in reversed(listed.split(",")):
        address = try_parse_ip(part.strip())
        if address is None:
            return None
        found = address
        if not any(contains(prefix, address) for prefix in trusted):
            return found
    return found


def _custom_header(view: View) -> Detection:
    name = view.text("header_name", "").lower()
    trusted = view.boolean("allow_extension_to_set_address_as_trusted", False)
    status = view.view("reject_with_status")
    reject = None if status is None else _error(status.raw("code"))

    def detect(headers: Headers, _peer: int) -> Detected:
        values = headers.get(name, ())
        address = try_parse_ip(values[0]) if values else None
        return Detected(address, trusted, True, reject)

    return detect


def _error(code: object) -> int:
    """Envoy's StatusCode by name or number; whatever is no error becomes 403."""
    number = code if isinstance(code, int) else _STATUS_CODES.get(str(code), 0)
    return number if number >= 400 else 403


_STATUS_CODES = {
    "BadRequest": 400,
    "Unauthorized": 401,
    "PaymentRequired": 402,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "NotAcceptable": 406,
    "ProxyAuthenticationRequired": 407,
    "RequestTimeout": 408,
    "Conflict": 409,
    "Gone": 410,
    "LengthRequired": 411,
    "PreconditionFailed": 412,
    "PayloadTooLarge": 413,
    "URITooLong": 414,
    "UnsupportedMediaType": 415,
    "RangeNotSatisfiable": 416,
    "ExpectationFailed": 417,
    "MisdirectedRequest": 421,
    "UnprocessableEntity": 422,
    "Locked": 423,
    "FailedDependency": 424,
    "UpgradeRequired": 426,
    "PreconditionRequired": 428,
    "TooManyRequests": 429,
    "RequestHeaderFieldsTooLarge": 431,
    "InternalServerError": 500,
    "NotImplemented": 501,
    "BadGateway": 502,
    "ServiceUnavailable": 503,
    "GatewayTimeout": 504,
    "HTTPVersionNotSupported": 505,
    "VariantAlsoNegotiates": 506,
    "InsufficientStorage": 507,
    "LoopDetected": 508,
    "NotExtended": 510,
    "NetworkAuthenticationRequired": 511,
}
_KINDS: Mapping[str, Callable[[View], Detection]] = {
    "xff.v3.XffConfig": _xff,
    "custom_header.v3.CustomHeaderConfig": _custom_header,
}
