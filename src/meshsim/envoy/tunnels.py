"""Tunnels that end in the router: what a route's `connect_config` makes of a request.

envoyproxy/envoy source/common/router/router.cc (createConnPool) and
source/extensions/upstreams/http/tcp/upstream_request.cc. The route decides by itself: what the upgrade's `enabled`
says is asked before, when the request is taken for an upgrade.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from attrs import frozen

from ..address import is_v6, try_parse_ip
from ..config.view import View
from ..facts.request import Headers, Request

_WELL_KNOWN = [".well-known", "masque", "udp"]
_SLASHES = 6
_BROKEN = re.compile("%(?![0-9A-Fa-f]{2})")


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
    return asks_for_datagrams(request.headers)


def asks_for_datagrams(headers: Headers) -> bool:
    return tuple(value.lower() for value in headers.get("upgrade", ())) == ("connect-udp",)


def datagram_target(path: str) -> str | None:
    """Where the path of such a request leads, as its authority; None: it is not of the one form that Envoy takes."""
    empty, *begins, host, port, end = ("", "", "", "", *path.split("/"))[-7:]
    if (empty, begins, end) != ("", _WELL_KNOWN, "") or path.count("/") != _SLASHES or not host or not port:
        return None
    if _BROKEN.search(host) is not None:
        return None
    host, port = (unquote(part, errors="surrogateescape") for part in (host, port))
    address = None if host.startswith("[") else try_parse_ip(host)
    return f"[{host}]:{port}" if address is not None and is_v6(address) else f"{host}:{port}"
