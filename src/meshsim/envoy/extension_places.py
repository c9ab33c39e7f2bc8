"""Messages that Envoy knows and that are no extension of the place where they stand.

A type that is in no table may be another build's: Istio's proxies have extensions of their own, and a proxy's dump
shows what that proxy did load. It stays of unknown effect.
"""

from __future__ import annotations

from ..config.view import TypedConfig
from ..errors import Rejected
from .message_table import kind_of

_FILTERS = "envoy.extensions.filters."
_COMMON = ("envoy.extensions.common.",)
HTTP_FILTER = (f"{_FILTERS}http.", *_COMMON)
NETWORK_FILTER = (f"{_FILTERS}network.", *_COMMON)
ROUTE_LEVEL = (*HTTP_FILTER, "envoy.config.route.v3.FilterConfig", "envoy.config.route.v3.CorsPolicy")


def refuse_misplaced_extension(typed: TypedConfig, name: str, places: tuple[str, ...]) -> None:
    """Raises Rejected where a message of Envoy's API is not one of those that may stand there."""
    if typed.type_name.startswith(places) or kind_of(typed.type_name) is None:
        return
    raise Rejected(
        "extension-misplaced",
        f"didn't find a registered implementation for {name!r} with type URL: {typed.type_name!r}",
        place=typed.view.place,
        hint="take the filter's own message; Envoy refuses this one too",
    )
