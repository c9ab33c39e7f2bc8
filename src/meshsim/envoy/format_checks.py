"""Arguments and lengths that command operators take; what Envoy refuses to load, with its reason.

envoyproxy/envoy source/common/formatter: observed of each operator that Envoy 1.40 loads. An operator that stands in no
table here takes neither an argument nor a length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

_HEADERS = frozenset(
    ("REQ", "REQUEST_HEADER", "RESP", "RESPONSE_HEADER", "TRAILER", "RESPONSE_TRAILER", "STREAM_INFO_REQ")
)
_NEEDED = _HEADERS | frozenset(
    (
        "CLUSTER_METADATA",
        "COALESCE",
        "COMMON_DURATION",
        "DYNAMIC_METADATA",
        "ENVIRONMENT",
        "QUERY_PARAM",
        "UPSTREAM_METADATA",
    )
)
_WITHOUT_LENGTH = frozenset(
    (
        *("EMIT_TIME", "EMIT_TIME_LOCAL", "START_TIME", "START_TIME_LOCAL", "RESPONSE_CODE_DETAILS", "GRPC_STATUS"),
        *(f"{side}_PEER_CERT_V_{end}" for side in ("DOWNSTREAM", "UPSTREAM") for end in ("START", "END")),
        *(
            f"{which}_ADDRESS_WITHOUT_PORT"
            for which in (
                *("DOWNSTREAM_LOCAL", "DOWNSTREAM_REMOTE", "DOWNSTREAM_DIRECT_LOCAL", "DOWNSTREAM_DIRECT_REMOTE"),
                *("UPSTREAM_LOCAL", "UPSTREAM_REMOTE"),
            )
        ),
        "COMMON_DURATION",
        "REQUESTED_SERVER_NAME",
    )
)
_OPTIONAL = frozenset(
    (
        *("CEL", "TYPED_CEL", "FILTER_STATE", "UPSTREAM_FILTER_STATE", "METADATA", "PATH", "PER_REQUEST_STATE"),
        "QUERY_PARAMS",
    )
)
_NAME = re.compile(r"[^\s()]*")
_METADATA = frozenset(
    ("CLUSTER", "DYNAMIC", "LISTENER", "LISTENER_FILTER_CHAIN", "ROUTE", "UPSTREAM_HOST", "VIRTUAL_HOST")
)


def refused_operator(name: str, argument: str | None, length: int | None) -> str | None:
    """Why Envoy does not load the operator; None where it does."""
    given = argument or ""
    if name in _NEEDED and not given:
        return f"{name} requires parameters"
    if name in _WITHOUT_LENGTH and length is not None:
        return f"{name} does not allow length to be specified."
    if name not in _NEEDED | _WITHOUT_LENGTH | _OPTIONAL and (given or length is not None):
        return f"{name} does not take any parameters or length"
    check = _headers if name in _HEADERS else _CHECKS.get(name)
    return None if check is None else next(check(given), None)


def _headers(given: str) -> Iterator[str]:
    if _NAME.fullmatch(given) is None:
        yield "Invalid header configuration. Format string contains invalid characters."
    if given.count("?") > 1:
        yield f"More than 1 alternative header specified in token: {given}"


def _coalesce(given: str) -> Iterator[str]:
    try:
        stated = json.loads(given)
    except (ValueError, RecursionError):
        yield "COALESCE: JSON supplied is not valid."
        return
    operators = stated.get("operators") if isinstance(stated, dict) else None
    if not isinstance(operators, list):
        yield "COALESCE: JSON configuration must contain 'operators' array"
    elif not operators:
        yield "COALESCE: 'operators' array must not be empty"


def _duration(given: str) -> Iterator[str]:
    points = given.split(":")
    if len(points) not in (2, 3):
        yield f"Invalid common duration configuration: {given}."
    elif points[2:] not in ([], ["ms"], ["us"], ["ns"]):
        yield f"Invalid common duration precision: {points[2]}."


def _filter_state(given: str) -> Iterator[str]:
    key, *rest = given.split(":")
    kind = rest[0] if rest else "TYPED"
    if not key:
        yield "Invalid filter state configuration, key cannot be empty."
    if kind not in ("PLAIN", "TYPED", "FIELD"):
        yield "Invalid filter state serialize type, only support PLAIN/TYPED/FIELD."
    if (kind == "FIELD") != (len(rest) > 1):
        yield "Invalid filter state serialize type, FIELD should be used with the field name."


def _metadata(given: str) -> Iterator[str]:
    kind = given.partition(":")[0]
    if kind not in _METADATA:
        yield f"{kind} is not supported type of metadata"


def _path(given: str) -> Iterator[str]:
    query, which, *_more = *given.split(":"), ""
    if query not in ("", "WQ", "NQ"):
        yield f"Invalid PATH option: '{query}', only 'WQ'/'NQ' are allowed"
    if which not in ("", "ORIG", "PATH", "ORIG_OR_PATH"):
        yield f"Invalid PATH option: '{which}', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed"


def _query(given: str) -> Iterator[str]:
    if given not in ("", "ORIG", "DECODED"):
        yield f"Invalid QUERY_PARAMS option: '{given}', only 'ORIG'/'DECODED' are allowed"


def _state(given: str) -> Iterator[str]:
    if not given:
        yield "Not supported field in StreamInfo: PER_REQUEST_STATE"


def _server_name(given: str) -> Iterator[str]:
    which = given.partition(":")[0]
    if which not in ("", "SNI_ONLY", "SNI_FIRST", "HOST_FIRST"):
        yield f"Invalid REQUESTED_SERVER_NAME option: '{which}', only 'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed"


def _grpc_status(given: str) -> Iterator[str]:
    if given not in ("", "CAMEL_STRING", "SNAKE_STRING", "NUMBER"):
        yield f"GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER. Got: {given}"


_CHECKS: dict[str, Callable[[str], Iterator[str]]] = {
    "COALESCE": _coalesce,
    "COMMON_DURATION": _duration,
    "FILTER_STATE": _filter_state,
    "GRPC_STATUS": _grpc_status,
    "METADATA": _metadata,
    "PATH": _path,
    "PER_REQUEST_STATE": _state,
    "QUERY_PARAMS": _query,
    "REQUESTED_SERVER_NAME": _server_name,
    "UPSTREAM_FILTER_STATE": _filter_state,
}
