"""Tunnels that end in the router: what a route's `connect_config` makes of a request.

envoyproxy/envoy source/common/router/router.cc (createConnPool) and
source/extensions/upstreams/http/tcp/upstream_request.cc. The route decides by itself: what the upgrade's `enabled`
says is asked before, when the request is taken for an upgrade.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..config.view import View
from ..facts.request import Request


@frozen
class ConnectConfig:
    """connect_config of an upgrade."""

    allow_post: bool = False
    proxy_protocol: bool = False
    """The upstream gets a PROXY header first."""

    def ends(self, request: Request) -> bool:
        """Whether the payload of this request leaves as raw bytes."""
        return request.method == "CONNECT" or (self.allow_post and request.method == "POST")


def compile_connect_config(upgrades: Sequence[View]) -> ConnectConfig | None:
    """The last one stated; None: a CONNECT leaves as a CONNECT."""
    stated = [view for upgrade in upgrades if (view := upgrade.view("connect_config")) is not None]
    if not stated:
        return None
    return ConnectConfig(stated[-1].boolean("allow_post", False), stated[-1].has("proxy_protocol_config"))


def carries_datagrams(request: Request) -> bool:
    """CONNECT-UDP (RFC 9298)."""
    return any(value.lower() == "connect-udp" for value in request.headers.get("upgrade", ()))
