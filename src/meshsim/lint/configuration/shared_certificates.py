"""Hosts in different filter chains under one certificate: a client that keeps its HTTP/2 connection asks the wrong one.

Clients send requests for another host over a connection whose certificate names it (RFC 9113, section 9.1.1); the chain
was chosen when the connection was made, so its routes answer, and where they do not know the host it is 404.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from attrs import frozen

from ...envoy.chains import FilterChain
from ...envoy.network_filters.hcm import HttpConnectionManager
from ...envoy.vhosts import RouteTable
from ...facts.request import Request
from ...findings import Finding
from ..check import Check
from .subject import Subject, readable

_SERVER_NAMES = 2
"""Which of a chain's keys those are."""


@frozen(eq=False)
class _Site:
    """A chain that serves hosts over HTTP/2."""

    chain: FilterChain
    hosts: tuple[str, ...]
    table: RouteTable

    def knows(self, host: str) -> bool:
        request = Request(method="GET", scheme="https", authority=host, path="/", headers={}, version="http2")
        return self.table.on_demand is not None or self.table.pick(request) is not None


def find(subject: Subject) -> Iterator[Finding]:
    sites: dict[tuple[str, str], list[_Site]] = defaultdict(list)
    for listener, chain, manager in subject.managers:
        for certificate in _certificates(chain):
            site = _site(subject, chain, manager)
            if site is not None:
                sites[listener.name, certificate].append(site)
    for (listener_name, certificate), together in sites.items():
        for site in together:
            found = _asked_elsewhere(site, together)
            if found is not None:
                host, other = found
                yield subject.found(
                    "MS115",
                    "filter_chain",
                    f"{listener_name}/{site.chain.label}",
                    site.chain.place,
                    host=host,
                    other=_shown(other.hosts[0]),
                    certificate=certificate,
                    related=(other.chain.place,),
                )


def _certificates(chain: FilterChain) -> tuple[str, ...]:
    tls = readable(lambda: chain.tls)
    if tls is None or "h2" not in tls.alpn_protocols:
        return ()
    return tuple(name for name in dict.fromkeys(tls.certificates) if name)


def _site(subject: Subject, chain: FilterChain, manager: HttpConnectionManager) -> _Site | None:
    hosts = tuple(str(key) for key in chain.keys[_SERVER_NAMES] if key)
    table = readable(partial(manager.table, subject.proxy)) if manager.scoped is None else None
    return _Site(chain, hosts, table) if hosts and table is not None else None


def _asked_elsewhere(site: _Site, together: list[_Site]) -> tuple[str, _Site] | None:
    for other in together:
        if other.table is site.table:
            continue
        for host in site.hosts:
            shown = _shown(host)
            if site.knows(shown) and not other.knows(shown):
                return shown, other
    return None


def _shown(key: str) -> str:
    """A host of that key: a suffix stands for all names before it."""
    return f"any{key}" if key.startswith(".") else key


CHECK = Check(("MS115",), find)
