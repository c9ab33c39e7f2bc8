"""The vocabulary of the walk: where the call is now and what is known. One record a place, few fields each.

States are frozen and built by constructor, never `evolve`d. `hop` is the index of the hop the state belongs to (for
AtHook and AtWire: of the hop that the next acceptance opens). `frames` is the stack of proxies that wait for what
they dialled; None is the client itself.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import evolve, frozen

from .config.host_facts import StatedSocket
from .envoy.chains import FilterChain
from .envoy.clusters import Cluster
from .envoy.endpoints import Endpoint
from .envoy.http_filters.progress import FRESH, Progress
from .envoy.listeners import Listener
from .envoy.network_filters.hcm import HttpConnectionManager
from .envoy.network_filters.tcp_proxy import TcpProxy
from .envoy.route_actions import RouteAction
from .envoy.routes import Route
from .envoy.stream import Stream
from .envoy.upstream_tls import TransportSocket, UpstreamTls
from .envoy.vhosts import RouteTable, VirtualHost
from .facts.connection import Connection
from .facts.conversation import Conversation
from .facts.packet import Packet
from .facts.request import Request
from .facts.residues import Residues
from .mesh import Pod
from .outcome import Ending


@frozen
class Tried:
    """What came before another attempt of the same stream or connection."""

    endpoints: tuple[Endpoint, ...]
    next_hop: int
    """The hop that the next acceptance opens."""
    waited_ms: int | float
    """How long those attempts took."""
    flags: tuple[str, ...] = ()
    """What tcp_proxy's response flags keep of them."""
    first: Cluster | None = None
    """The cluster of the first attempt, whose circuit breakers count the retries, where the cluster may change."""


@frozen
class Frame:
    """One upstream attempt of one proxy, waiting for its ending."""

    pod: Pod
    hop: int
    via: RouteAction | TcpProxy
    """http or tcp: decides how an ending is answered."""
    cluster: str
    endpoint: str | None
    below: Frame | None
    """The frame of the proxy in front; None: the client itself."""
    dialled: AtTls | None = None
    """What another attempt resumes; None: there is none to be made."""
    next_hop: int | None = None
    """The hop that this attempt's acceptance opens."""
    tls: UpstreamTls | None = None
    """What we speak on it; None: no TLS of our own."""
    shaken: bool = False
    """Whether the far side took our TLS handshake."""
    transport: TransportSocket | None = None
    """How it was decided to speak to the far side."""
    refused: Ending | None = None
    """Not an attempt: the handshake with the side in front failed while tcp_proxy dialled, and this is what it gets."""
    stream: Stream | None = None
    unsaid: Ending | None = None
    """What ends it as soon as the connection stands: this side has nothing to say on it."""

    @property
    def is_retry(self) -> bool:
        return self.dialled is not None and self.dialled.tried is not None

    @property
    def in_handshake(self) -> bool:
        """Whether it, or a proxy in front whose bytes it passes on, still waits for an answer to its ClientHello."""
        own = self.tls is not None and not self.shaken
        return own or (self.tls is None and self.below is not None and self.below.in_handshake)

    def after_handshake(self) -> Frame:
        """The same, with the TLS between the two standing."""
        if self.tls is None or self.shaken:
            return self
        return evolve(self, shaken=True)


@frozen
class AtHook:
    """A first packet stands at the pod's first netfilter hook."""

    pod: Pod
    way: str
    """out: made by a process of this pod; in: it arrived."""
    sender: str
    """application | proxy | peer."""
    packet: Packet
    conversation: Conversation
    hop: int
    frames: Frame | None


@frozen
class AtWire:
    """The packet left a pod (or comes from outside, pod None)."""

    pod: Pod | None
    packet: Packet
    conversation: Conversation
    hop: int
    frames: Frame | None


@frozen
class AtInspect:
    """A listener's listener filters are about to run."""

    pod: Pod
    listener: Listener
    connection: Connection
    conversation: Conversation
    hop: int
    frames: Frame | None
    handoff: bool
    """True on the listener whose socket accepted, False after a hand-off."""


@frozen
class AtListener:
    """The accepting listener uses the original destination: is there a listener to hand off to?"""

    pod: Pod
    receiver: Listener
    connection: Connection
    conversation: Conversation
    hop: int
    frames: Frame | None


@frozen
class AtChain:
    pod: Pod
    listener: Listener
    connection: Connection
    conversation: Conversation
    hop: int
    frames: Frame | None


@frozen
class AtHandshake:
    """A filter chain was chosen; its transport socket meets what the client sends."""

    pod: Pod
    listener: Listener
    chain: FilterChain
    connection: Connection
    conversation: Conversation
    hop: int
    frames: Frame | None


@frozen
class AtNetwork:
    """The network filters of the chain, in order."""

    pod: Pod
    listener: Listener
    chain: FilterChain
    connection: Connection
    conversation: Conversation
    hop: int
    frames: Frame | None


@frozen
class AtHttp:
    """The HTTP connection manager before routing: codec, host, path, forwarded headers."""

    pod: Pod
    hcm: HttpConnectionManager
    connection: Connection
    conversation: Conversation
    hop: int
    frames: Frame | None


@frozen
class AtVhost:
    """`progress`: FRESH before the filters; further where one of them had the route looked up again."""

    pod: Pod
    hcm: HttpConnectionManager
    connection: Connection
    request: Request
    hop: int
    frames: Frame | None
    progress: Progress = FRESH


@frozen
class AtRoute:
    pod: Pod
    hcm: HttpConnectionManager
    table: RouteTable
    vhost: VirtualHost
    connection: Connection
    request: Request
    hop: int
    frames: Frame | None
    progress: Progress = FRESH


@frozen
class AtFilters:
    """The HTTP filters in order; the route was chosen before (None: no route, which the router answers)."""

    pod: Pod
    hcm: HttpConnectionManager
    vhost: VirtualHost | None
    route: Route | None
    connection: Connection
    request: Request
    residues: Residues
    hop: int
    frames: Frame | None
    progress: Progress = FRESH


@frozen
class AtRouter:
    """The router filter: direct response, redirect, or which cluster and with which headers."""

    pod: Pod
    hcm: HttpConnectionManager
    vhost: VirtualHost | None
    route: Route | None
    connection: Connection
    request: Request
    residues: Residues
    hop: int
    frames: Frame | None
    progress: Progress = FRESH


@frozen
class AtCluster:
    """A cluster name is to be resolved. `conversation` is what will be said upstream.

    `alpn_override` is what Istio's alpn filter offers to an upstream that speaks TLS; empty: none.
    """

    pod: Pod
    name: str
    via: RouteAction | TcpProxy
    connection: Connection
    conversation: Conversation
    alpn_override: tuple[str, ...]
    residues: Residues
    hop: int
    frames: Frame | None
    progress: Progress = FRESH
    stream: Stream | None = None
    """The HTTP stream that a reply of this proxy's own would answer; None: no request was decoded here."""
    tried: Tried | None = None
    """None unless a retry named the cluster."""


@frozen
class AtEndpoint:
    pod: Pod
    cluster: Cluster
    via: RouteAction | TcpProxy
    connection: Connection
    conversation: Conversation
    alpn_override: tuple[str, ...]
    hop: int
    frames: Frame | None
    tried: Tried | None = None
    """None on the first attempt."""
    progress: Progress = FRESH
    stream: Stream | None = None


@frozen
class AtTls:
    """An endpoint was chosen; which transport socket, SNI and ALPN go to it."""

    pod: Pod
    cluster: Cluster
    endpoint: Endpoint
    via: RouteAction | TcpProxy
    connection: Connection
    conversation: Conversation
    alpn_override: tuple[str, ...]
    hop: int
    frames: Frame | None
    tried: Tried | None = None
    progress: Progress = FRESH
    stream: Stream | None = None
    through: Cluster | None = None
    """The aggregate cluster that this one is a member of, where it was called by that name."""


@frozen
class AtApp:
    """A socket that is no proxy's accepted the connection."""

    pod: Pod
    destination: str
    """ip:port, or the path of a pipe."""
    conversation: Conversation
    socket: StatedSocket | None
    """None where nobody stated it: an application is assumed, or it is the proxy's admin port."""
    hop: int
    frames: Frame | None


@frozen
class AtReturn:
    """An ending on its way back to whoever opened the connection."""

    ending: Ending
    hop: int
    frames: Frame | None
    opened: bool = True
    """Whether there is a hop of that index yet; False where nobody's proxy accepted."""


@frozen
class AtRefresh:
    """A retry whose policy lets the route name its cluster anew."""

    dialled: AtTls
    """The attempt before."""
    stream: Stream
    tried: Tried


@frozen
class AtRedirect:
    """An upstream answered with a redirect that the route has a policy for. `frames` is the attempt's own."""

    ending: Ending
    """As the upstream answered."""
    passed: Ending
    """What the side in front gets if it is not followed."""
    hop: int
    frames: Frame
    opened: bool


@frozen
class AtClient:
    """An ending reaches a client that waits no longer than so many milliseconds."""

    ending: Ending
    patience_ms: float


@frozen
class Ended:
    ending: Ending


State: TypeAlias = (
    AtHook
    | AtWire
    | AtInspect
    | AtListener
    | AtChain
    | AtHandshake
    | AtNetwork
    | AtHttp
    | AtVhost
    | AtRoute
    | AtFilters
    | AtRouter
    | AtCluster
    | AtEndpoint
    | AtTls
    | AtApp
    | AtReturn
    | AtRefresh
    | AtRedirect
    | AtClient
    | Ended
)
