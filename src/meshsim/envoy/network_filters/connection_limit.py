"""connection_limit: a number of connections at once.

envoyproxy/envoy source/extensions/filters/network/connection_limit.

A call is the first connection there is, and Envoy refuses a limit that would turn even that away.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from ...errors import Rejected
from .verdicts import Behaviour


@define(eq=False)
class ConnectionLimit(Behaviour):
    limit: int


def compile_connection_limit(view: View, _name: str) -> ConnectionLimit:
    limit = view.integer("max_connections", 0)
    if limit < 1:
        raise Rejected(
            "limit-of-nothing",
            "connection_limit without a max_connections of at least 1",
            place=view.place,
            hint="give at least 1; Envoy refuses this listener too",
        )
    return ConnectionLimit(limit)
