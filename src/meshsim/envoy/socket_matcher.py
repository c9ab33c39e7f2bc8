"""transport_socket_matcher: the unified matcher that names a row of transport_socket_matches for an endpoint.

Follows envoyproxy/envoy source/extensions/matching/common_inputs/transport_socket/ and
source/common/upstream/transport_socket_match_impl.cc; with a matcher, the labels of the rows are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..config.view import TypedConfig, View
from ..errors import Rejected
from ..match.tree import Missing
from .endpoints import Endpoint
from .match_tree import CompiledMatcher, Vocabulary, compile_matcher

_TYPES = "envoy.extensions.matching.common_inputs.transport_socket.v3."
_USUAL_SPACE = "envoy.lb"
SocketMatcher = CompiledMatcher[Endpoint, str]


def compile_socket_matcher(view: View) -> SocketMatcher:
    return compile_matcher(view, _VOCABULARY)


def _metadata(of: str, read: Callable[[Endpoint], Mapping[str, Any]]) -> Callable[[View], tuple[str, Any]]:
    def made(view: View) -> tuple[str, Callable[[Endpoint], str | Missing | None]]:
        space = view.text("filter", "") or _USUAL_SPACE
        path = [each.text("key", "") for each in view.views("path")]

        def value(endpoint: Endpoint) -> str | Missing | None:
            if not endpoint.metadata_stated:
                return Missing.UNKNOWN
            found: Any = read(endpoint).get(space)
            for key in path:
                found = found.get(key) if isinstance(found, Mapping) else None
            return _text(found)

        return f"{of} metadata {'.'.join((space, *path))}", value

    return made


def _text(found: Any) -> str | None:
    """Whatever is no text reads as its JSON, which of a value that is not there is null; an empty text is absent."""
    if isinstance(found, str):
        return found or None
    if isinstance(found, float) and found.is_integer():
        return str(int(found))
    return json.dumps(found, separators=(",", ":"))


def _of_locality(endpoint: Endpoint) -> Mapping[str, Any]:
    return endpoint.locality.metadata if endpoint.locality is not None else {}


def _name(typed: TypedConfig) -> tuple[str, str]:
    if typed.type_name != f"{_TYPES}TransportSocketNameAction":
        raise Rejected(
            "bad-socket-action",
            f"an action of a transport_socket_matcher is a TransportSocketNameAction, not a {typed.type_name}",
            place=typed.view.place,
            hint="mend the cluster; Envoy refuses it too",
        )
    name = typed.view.text("name", "")
    return name, name


_VOCABULARY: Vocabulary[Endpoint, str] = Vocabulary(
    "transport_socket_matcher",
    {
        f"{_TYPES}EndpointMetadataInput": _metadata("endpoint", lambda endpoint: endpoint.metadata),
        f"{_TYPES}LocalityMetadataInput": _metadata("locality", _of_locality),
    },
    _name,
)
