"""The trace document of INTERFACE.md as plain data: hops, packet passages, choices, assumptions, decisions.

Stages fill a Draft (`describe`); the pipeline freezes it into a Report, the only thing renderers read. Field names
and their order are the document's own. `from_` stands for `from`, a Python keyword.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from .explanation import Decision
from .outcome import Outcome
from .place import Place
from .reasons import Reason


@frozen
class PeerReport:
    presented: bool
    validated: bool
    uri_sans: tuple[str, ...] = ()


@frozen
class DownstreamTlsReport:
    terminated: bool
    sni: str | None
    alpn_offered: tuple[str, ...]
    alpn: str | None
    peer: PeerReport | None
    failure: str | None = None


@frozen
class Downstream:
    protocol: str | None
    remote: str
    direct_remote: str
    tls: DownstreamTlsReport | None = None


@frozen
class Attempt:
    endpoint: str | None
    result: str
    """connected | refused | timeout | reset | closed | tls_failure | no_host | overflow."""
    status: int | None = None
    next_hop: int | None = None


@frozen
class Upstream:
    """What leaves towards the endpoint."""

    protocol: str
    authority: str | None = None
    path: str | None = None
    method: str | None = None
    headers: Mapping[str, tuple[str, ...]] | None = None


@frozen
class UpstreamTls:
    mode: str
    """plaintext, tls or mtls."""
    sni: str | None = None
    alpn_offered: tuple[str, ...] = ()
    alpn: str | None = None
    certificate_requested: bool | None = None
    san: tuple[str, ...] = ()
    transport_socket_match: str | None = None


@frozen
class RedirectTarget:
    """Where routing leads with the location of a redirect; null: nowhere."""

    virtual_host: str | None
    route: str | None
    cluster: str | None


@frozen
class InternalRedirect:
    """A redirect of the upstream that the route has a policy for."""

    location: str | None
    followed: bool
    target: RedirectTarget | None = None
    """None: refused before any route was looked up."""


@define(eq=False)
class Hop:
    """One pass through one proxy. Built by the stages' describe functions; nothing changes it afterwards."""

    pod: str
    direction: str | None = None
    from_hop: int | None = None
    cause: str = "connect"
    original_destination: str | None = None
    received_by: str | None = None
    listener: str | None = None
    filter_chain: str | None = None
    network_filter: str | None = None
    downstream: Downstream | None = None
    route_config: str | None = None
    virtual_host: str | None = None
    route: str | None = None
    filters_not_reached: tuple[str, ...] = ()
    cluster: str | None = None
    aggregate: str | None = None
    service: str | None = None
    port: int | None = None
    subset: str | None = None
    endpoint: str | None = None
    attempts: tuple[Attempt, ...] = ()
    upstream: Upstream | None = None
    tls: UpstreamTls | None = None
    mirrors: tuple[str, ...] = ()
    internal_redirect: InternalRedirect | None = None
    status: int | None = None
    response_flags: tuple[str, ...] = ()
    response_code_details: str | None = None
    connection_termination_details: str | None = None
    downstream_local_close_reason: str | None = None
    downstream_transport_failure_reason: str | None = None
    upstream_transport_failure_reason: str | None = None
    origin: Mapping[str, str] = field(factory=dict)
    """listener, route … -> the Istio object behind it."""
    config_version: str | None = None
    rejected_updates: tuple[Reason, ...] = ()
    """Newer versions of what answered here that Envoy refused, in its own words."""


@frozen
class PacketBefore:
    protocol: str
    source: str
    destination: str
    uid: int | None
    gid: int | None
    mark: int
    interface: str | None


@frozen
class NetfilterPassage:
    """One first packet's passage through one pod's rules."""

    pod: str
    way: str
    """out (made here), in (arrived), loop (both), forward."""
    sender: str
    """application | proxy | peer."""
    from_hop: int | None
    to_hop: int | None
    before: PacketBefore
    rules: tuple[str, ...]
    chains: tuple[str, ...]
    source: str
    destination: str
    mark: int
    interface: str | None
    original_destination: str | None
    result: str
    """socket | refused | wire | dropped | rejected | lost."""
    socket: str | None
    by: str | None


@frozen
class Resolution:
    """How a name became the address that was dialled."""

    name: str
    tried: tuple[str, ...]
    addresses: tuple[str, ...]
    address: str | None
    by: str
    """resolve-option | host-facts | dns-proxy | service | assumed."""
    place: Place | None = None


@frozen
class ChoiceOption:
    option: str
    share: float | None


@frozen
class ChoiceReport:
    site: str
    picked: str
    of: tuple[ChoiceOption, ...]
    assumption: Reason | None = None
    """What taking the harmless option assumes; it stands among the assumptions too."""


@frozen
class Merged:
    """The courses that one branch stands for."""

    courses: int
    endpoints: tuple[tuple[str, ...], ...]
    """By hop: every endpoint that one of them dials there."""


@frozen
class Remainder:
    """What `--all` does not show."""

    branches: int
    share: float | None
    """null: it holds choices whose shares are not known."""
    complete: bool
    """Every course was walked; otherwise `branches` counts bundles of courses, and what is shown may be more."""


@frozen
class ConfigNote:
    """Which configuration answered: its document, versions and age."""

    pod: str
    documents: tuple[str, ...]
    sections: tuple[str, ...] = ()
    """Of the config dump."""
    last_updated: str | None = None
    """The newest update in the dump, as Envoy wrote it."""
    envoy_version: str | None = None


@define(eq=False)
class Draft:
    """What the describe functions fill, in the order of the walk."""

    hops: list[Hop] = field(factory=list)
    netfilter: list[NetfilterPassage] = field(factory=list)

    def hop(self, index: int, pod: str) -> Hop:
        """The hop of that index, opened when first spoken of."""
        while len(self.hops) <= index:
            self.hops.append(Hop(pod=pod))
        return self.hops[index]


@frozen(eq=False)
class Report:
    """The whole trace document, version 1."""

    call: Any
    """The completed call (facts.call.Call)."""
    resolution: Resolution | None
    outcome: Outcome
    probability: float | None
    choices: tuple[ChoiceReport, ...]
    assumptions: tuple[Reason, ...]
    hops: tuple[Hop, ...]
    netfilter: tuple[NetfilterPassage, ...]
    decisions: tuple[Decision, ...] | None = None
    """None unless they were asked for."""
    cause: Decision | None = None
    """The decision that turned the call from its expected course."""
    config: tuple[ConfigNote, ...] = ()
    demo: bool = False
    """Whether the embedded demo mesh answered."""
    merged: Merged | None = None
    """Of a branch; None where a single course was asked for."""
