"""Short forms in which the families of HTTP filters are written."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.builders_http import TYPES, http_filter, one_route
from tests.realism.upstreams import Upstream

ALWAYS = {"default_value": {"numerator": 100}}
WORLD = [Upstream("0.0.0.0:80", "http", name="any")]
APPEND = "APPEND_IF_EXISTS_OR_ADD"
ACTIONS = (APPEND, "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS", "OVERWRITE_IF_EXISTS_OR_ADD")


def get(path: str = "/", **headers: Any) -> dict[str, Any]:
    return asked("GET", path, **headers)


def asked(method: str, path: str = "/", **headers: Any) -> dict[str, Any]:
    return {
        "method": method,
        "path": path,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
    }


def per_route(name: str, kind: str, /, **fields: Any) -> dict[str, Any]:
    return one_route(name="r", typed_per_filter_config={name: {"@type": TYPES + kind, **fields}})


def append(key: str, value: str, action: str = APPEND) -> dict[str, Any]:
    return {"append": {"header": {"key": key, "value": value}, "append_action": action}}


def mutation(name: str = "hm", **mutations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return http_filter(name, "header_mutation.v3.HeaderMutation", mutations=mutations)


def abort(status: int = 503) -> dict[str, Any]:
    fields = {"abort": {"http_status": status, "percentage": {"numerator": 100}}}
    return http_filter("fault", "fault.v3.HTTPFault", **fields)
