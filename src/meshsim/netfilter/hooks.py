"""The five hooks and what stands between them: conntrack, nat, routing. Strung together by `walk` and `answer`.

Order of hooks and tables: rules.ORDER. Conntrack stands behind raw; nat asks its rules for a connection's first packet
once in each direction of translation, and does to every later packet what it decided then.
"""

from __future__ import annotations

from attrs import evolve

from ..address import V6_BIT, is_loopback
from .addresses import LOOPBACK_DEVICE, is_link_scoped
from .conntrack import NO_ZONE, ORIGINAL, REPLY, Ends, Tracked
from .frame import OPENS, Frame
from .netns import Netns
from .routing import Flow, Route
from .rules import Chain, Hook, Rule, RuleSet, Verdict
from .traverse import Ask, Log, Traversal

_NO_RULES = RuleSet({})
_DESTINATION_HOOKS = ("PREROUTING", "OUTPUT")
_AFTER_NAT = ("filter", "security")
"""The tables that OUTPUT asks behind nat."""


class Ended(Exception):
    """The packet goes no further."""

    def __init__(self, result: str, by: str) -> None:
        self.result = result
        self.by = by


class Hooks:
    """One packet's way; the frame and what was met so far."""

    __slots__ = (
        "addresses",
        "chains",
        "clashes",
        "destinations_decided",
        "frame",
        "known",
        "netns",
        "rule_set",
        "sources_decided",
        "traversal",
    )

    def __init__(self, netns: Netns, frame: Frame, ask: Ask, log: Log | None, known: Tracked | None = None) -> None:
        self.netns = netns
        self.addresses = netns.addresses
        self.frame = frame
        self.rule_set = netns.rules_for(frame.destination) or _NO_RULES
        self.known = known
        """The connection that is in the table already."""
        self.chains: tuple[str, ...] = ()
        self.destinations_decided = self.sources_decided = False
        """What nat has decided about this connection."""
        self.traversal = Traversal(frame, ask, log, [], [])
        self.clashes = False
        """Whether its record cannot stand beside the one that is in the table."""

    # -- made here ----------------------------------------------------------------------------------------------

    def route_out(self) -> None:
        """The way out, as a socket asks for it before there is a packet."""
        self._take_route(self._find_route())
        self.frame.outgoing = self._device()

    def output(self) -> None:
        """OUTPUT; later chains of it still see the old way out when a new one was chosen."""
        self._pass("OUTPUT")
        self.frame.outgoing = self._device()

    def postrouting(self) -> None:
        self._pass("POSTROUTING")
        self._confirm()

    def receive_own(self) -> None:
        """The packet comes back in by lo; it keeps its route, and nat has already decided about its connection."""
        frame = self.frame
        frame.incoming, frame.outgoing = LOOPBACK_DEVICE, ""
        for name in ("PREROUTING", "INPUT"):
            hook = self.rule_set.again[name]
            if hook.chains or frame.direction == REPLY:
                self._pass(name)
            else:
                self.chains += hook.labels

    @property
    def stays(self) -> bool:
        """Whether the route leads back here."""
        route = self.frame.nexthop
        return route is not None and route.kind == "local"

    # -- arrived ------------------------------------------------------------------------------------------------

    def receive(self) -> bool:
        """PREROUTING, the route, INPUT. False when the packet is for somebody else."""
        frame = self.frame
        foreign = frame.incoming != LOOPBACK_DEVICE
        if foreign and frame.destination >= V6_BIT:
            # linux net/ipv6/ip6_input.c ip6_rcv_core: refused before any hook
            _refuse_martian(is_loopback(frame.destination) or is_loopback(frame.source))
        self._pass("PREROUTING")
        route = self._route_in(foreign=foreign)
        if route.kind != "local":
            frame.nexthop = route
            return False
        self._pass("INPUT")
        self._confirm()
        return True

    def forward(self) -> None:
        """FORWARD and POSTROUTING."""
        frame = self.frame
        if frame.given:
            # linux net/ipv4/ip_forward.c: what a socket owns is not passed on
            raise Ended("lost", "route")
        frame.outgoing = self._device()
        self._pass("FORWARD")
        self._pass("POSTROUTING")
        self._confirm()

    def _route_in(self, *, foreign: bool) -> Route:
        """linux net/ipv4/route.c ip_route_input_slow: asked of the addresses that nat left."""
        frame, netns = self.frame, self.netns
        v6 = frame.destination >= V6_BIT
        route: Route | None
        if foreign and not v6 and not netns.allows("route_localnet", frame.incoming):
            _refuse_martian(is_loopback(frame.destination) or is_loopback(frame.source))
        if v6 and foreign and is_link_scoped(frame.destination):
            # linux net/ipv6/route.c rt6_need_strict: such an address belongs to the device it came in by
            route = self.addresses.route(evolve(frame.flow(frame.incoming), device=frame.incoming))
        elif self.addresses.routing(v6=v6) is None:
            route = self.addresses.plain_route(frame.destination)
        else:
            route = self.addresses.route(frame.flow(frame.incoming))
        if route is None or route.refuses:
            raise Ended("lost", "route")
        if route.kind == "local":
            if foreign and not v6:
                self._check_source("")
            return route
        if not netns.forwards(frame.incoming, v6=v6):
            raise Ended("lost", "route")
        if foreign and not v6:
            self._check_source(route.device)
        return route

    def _check_source(self, outgoing: str) -> None:
        """linux net/ipv4/fib_frontend.c fib_validate_source: would an answer go back the way this came?"""
        frame, addresses = self.frame, self.addresses
        strictness = self.netns.reverse_path(frame.incoming)
        stated = addresses.routing(v6=False)
        own_allowed = self.netns.allows("accept_local", frame.incoming)
        if stated is None:
            _refuse_martian(addresses.is_local(frame.source) and not own_allowed)
            if strictness == 1 and addresses.plain_route(frame.source).device != frame.incoming:
                raise Ended("lost", "rp_filter")
            return
        back = stated.find(
            Flow(
                frame.source,
                frame.destination,
                frame.mark if self.netns.allows("src_valid_mark", frame.incoming) else 0,
                outgoing or LOOPBACK_DEVICE,
                None,
                frame.protocol,
                frame.destination_port,
                frame.source_port,
            )
        )
        if back is None or back.refuses:
            if strictness:
                raise Ended("lost", "rp_filter")
            return
        _refuse_martian(back.kind != "unicast" and not (back.kind == "local" and own_allowed))
        if strictness == 1 and back.device != frame.incoming:
            raise Ended("lost", "rp_filter")

    # -- one hook -----------------------------------------------------------------------------------------------

    def _pass(self, name: str) -> None:
        frame = self.frame
        frame.hook = name
        hook = self.rule_set.hooks[name]
        destinations = name == "OUTPUT" or name == "PREROUTING"
        if destinations:
            if hook.raw is not None:
                self._ask_chain(hook.raw, hook)
            if self.rule_set.tracks_connections:
                self._track()
        decided = self.destinations_decided if destinations else self.sources_decided
        if frame.tracked is not None and frame.state == "NEW" and not decided and name != "FORWARD":
            for chain in hook.later:
                self._ask_chain(chain, hook)
            if destinations:
                self.destinations_decided = True
            else:
                self.sources_decided = True
        elif frame.direction != REPLY:
            hook = self.rule_set.again[name]
            for chain in hook.later:
                self._ask_chain(chain, hook)
        else:
            hook = self.rule_set.again[name]
            self._pass_answer(name, hook)
        self.chains += hook.labels

    def _pass_answer(self, name: str, hook: Hook) -> None:
        """The same for an answer, whose addresses nat turns back where its rules would stand."""
        translated = False
        for chain in hook.later:
            if not translated and name == "OUTPUT" and chain.table in _AFTER_NAT:
                self._translate(name, hook)
                translated = True
            self._ask_chain(chain, hook)
        if not translated:
            self._translate(name, hook)

    def _ask_chain(self, chain: Chain, hook: Hook) -> None:
        """Returns when the packet passes, raises when it ends here."""
        frame = self.frame
        source, destination, mark = frame.source, frame.destination, frame.mark
        verdict, rule = self.traversal.verdict(chain)
        if verdict is not Verdict.ACCEPT:
            self.chains += hook.labels_up_to(chain)
            raise Ended(_RESULTS[verdict], _ended_by(chain, rule))
        if chain.name == "OUTPUT" and (
            (chain.table == "mangle" and (frame.mark != mark or frame.source != source))
            or (chain.table in ("mangle", "nat") and frame.destination != destination)
        ):
            self._route_again(hook, chain)

    def _route_again(self, hook: Hook, chain: Chain | None = None) -> None:
        """linux net/ipv4/netfilter.c ip_route_me_harder"""
        try:
            self._take_route(self._find_route())
        except Ended:
            self.chains += hook.labels if chain is None else hook.labels_up_to(chain)
            raise

    def _find_route(self) -> Route | None:
        """Where the packet goes that is made here."""
        frame = self.frame
        if self.addresses.routing(v6=frame.destination >= V6_BIT) is None:
            return self.addresses.plain_route(frame.destination)
        return self.addresses.route(frame.flow())

    def _take_route(self, route: Route | None) -> None:
        frame = self.frame
        if route is None or route.refuses:
            raise Ended("lost", "route")
        frame.nexthop = route
        device = self._device()
        if (
            device != LOOPBACK_DEVICE
            and frame.source < V6_BIT
            and is_loopback(frame.source)
            and not self.netns.allows("route_localnet", device)
        ):
            # linux __mkroute_output: no route leaves with a loopback source
            raise Ended("lost", "route")

    def _device(self) -> str:
        route = self.frame.nexthop
        return LOOPBACK_DEVICE if route is None or route.kind == "local" else route.device

    # -- conntrack and nat --------------------------------------------------------------------------------------

    def _track(self) -> None:
        """linux net/netfilter/nf_conntrack_core.c nf_conntrack_in"""
        frame = self.frame
        zone = NO_ZONE
        if frame.tracked is not None:
            if not frame.tracked.template:
                return
            zone, frame.tracked = frame.tracked.zone, None
        elif frame.state == "UNTRACKED":
            return
        direction = self.known.direction_of(frame.ends, zone) if self.known is not None else None
        if direction is not None:
            frame.tracked, frame.direction, frame.state, frame.confirmed = self.known, direction, "ESTABLISHED", True
        elif frame.protocol == "tcp" and frame.flags != OPENS:
            frame.state = "INVALID"
        else:
            ends = frame.ends
            frame.tracked, frame.state = Tracked(frame.protocol, ends, ends.turned(), zone), "NEW"
            if self.known is not None and self.known.original == ends.turned():
                self.clashes = self.known.zone.of(ORIGINAL) == zone.of(REPLY)

    def _confirm(self) -> None:
        """linux __nf_conntrack_confirm: two records may not claim the same packets."""
        if self.clashes:
            raise Ended("lost", "conntrack")
        self.frame.confirmed = True

    def _translate(self, name: str, hook: Hook) -> None:
        """linux nf_nat_packet: what was decided for the connection, turned round for an answer."""
        frame, tracked = self.frame, self.frame.tracked
        if tracked is None or frame.direction != REPLY or name == "FORWARD":
            return
        wanted: Ends = tracked.original.turned()
        if name in _DESTINATION_HOOKS:
            if tracked.source_translated and frame.destination != wanted.destination:
                frame.destination = wanted.destination
                frame.destination_port = wanted.destination_port
                if name == "OUTPUT":
                    self._route_again(hook)
            elif tracked.source_translated:
                frame.destination_port = wanted.destination_port
        elif tracked.destination_translated:
            frame.source, frame.source_port = wanted.source, wanted.source_port


def _refuse_martian(martian: bool) -> None:
    if martian:
        raise Ended("lost", "martian")


def _ended_by(chain: Chain, rule: Rule | None) -> str:
    return rule.name if rule is not None else f"{chain.label}/policy"


_RESULTS = {Verdict.DROP: "dropped", Verdict.REJECT: "rejected", Verdict.UNKNOWN: "lost"}
"""How a verdict other than ACCEPT ends the packet; lost: somebody said that an unmodelled target takes it."""
