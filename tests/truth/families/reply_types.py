"""The content type of a local reply: of its body's format, of a mapper's header, or of the route's.

- A direct response's own format states its type above the route's header mutations, and a mapper adds to that.
- A mapper that changes the header keeps its value; else a body that changed has the type of the format that made it.
- A body that is the same after its format keeps the header it had, and has the format's type where it had none.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families._managers import call, setting
from tests.truth.setting import Setting


def settings() -> Iterator[Setting]:
    yield setting("types of replies", [*_options()], _calls)


def _text(text: str, **fields: Any) -> dict[str, Any]:
    return {"text_format_source": {"inline_string": text}, **fields}


def _typed(value: str, **fields: Any) -> dict[str, Any]:
    return {"header": {"key": "content-type", "value": value}, **fields}


FORMATS: tuple[Mapping[str, Any] | None, ...] = (
    None,
    _text("%LOCAL_REPLY_BODY%"),
    _text("%LOCAL_REPLY_BODY%", content_type="text/html"),
    _text("new", content_type="text/html"),
    {"json_format": {"a": "%LOCAL_REPLY_BODY%"}},
    _text(""),
)
HEADERS: tuple[Mapping[str, Any] | None, ...] = (
    None,
    _typed("mapper/type"),
    _typed("route/type", append_action="OVERWRITE_IF_EXISTS_OR_ADD"),
)


def _direct(path: str, body: str | None, body_format: Mapping[str, Any] | None, *, typed: bool) -> dict[str, Any]:
    response: dict[str, Any] = {"status": 500}
    if body is not None:
        response["body"] = {"inline_string": body}
    if body_format is not None:
        response["body_format"] = body_format
    added = {"response_headers_to_add": [_typed("route/type")]} if typed else {}
    return {"match": {"prefix": path}, "direct_response": response, **added}


OWN = _text("f", content_type="own/type")
ROUTES = (
    _direct("/typed", "own", None, typed=True),
    _direct("/format", "own", OWN, typed=False),
    _direct("/both", "own", OWN, typed=True),
    _direct("/empty", None, None, typed=False),
    _direct("/plain", "own", None, typed=False),
    {"match": {"prefix": "/"}, "route": {"cluster": "gone"}, "response_headers_to_add": [_typed("route/type")]},
)


def _options() -> Iterator[dict[str, Any]]:
    host = {"name": "v", "domains": ["*"], "routes": list(ROUTES)}
    table = {"name": "t", "validate_clusters": False, "virtual_hosts": [host]}
    for body_format, body, header in itertools.product(FORMATS, (None, "mapped"), HEADERS):
        mapper: dict[str, Any] = {"filter": {"not_health_check_filter": {}}}
        if body is not None:
            mapper["body"] = {"inline_string": body}
        if header is not None:
            mapper["headers_to_add"] = [header]
        reply: dict[str, Any] = {"mappers": [mapper]}
        if body_format is not None:
            reply["body_format"] = body_format
        yield {"route_config": table, "local_reply_config": reply}


def _calls(_draw: random.Random, port: int, _options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in ("/typed", "/format", "/both", "/empty", "/plain", "/gone", "/x#y"):
        yield call(port, path=path)
    yield call(port, path="/typed", headers={"content-type": "application/grpc"})
