"""The walk of a connection's first packet through the rules of a namespace: one code path, with an optional log.

Order of hooks and tables: rules.ORDER. The nat table decides once for a connection, so what is made here and delivered
here skips it on the second pass. SNAT, policy routing by mark and TPROXY are not modelled.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, evolve

from ..address import V6_BIT, is_loopback
from ..facts.packet import Packet
from .addresses import LOOPBACK_DEVICE
from .frame import Frame, frame_of
from .netns import Netns, Socket
from .passage import Passage
from .rules import NO_HOOK, Chain, Hook, Rule, RuleSet, Verdict

Ask = Callable[[Rule, str], bool]
Log = list["Asked"]

_NO_RULES = RuleSet({})


@define(eq=False)
class Asked:
    """A log entry: a rule, the packet as the rule saw it, and whether the rule matched."""

    rule: Rule
    frame: Frame
    matched: bool
    declined: bool = False
    """It would have matched, had somebody answered yes for what is not modelled."""


def decline(_rule: Rule, _what: str) -> bool:
    """The answer that takes what is not modelled as not matching and without effect."""
    return False


class _Ended(Exception):
    """The packet goes no further."""

    def __init__(self, result: str, by: str) -> None:
        self.result = result
        self.by = by


def walk(netns: Netns, packet: Packet, way: str, ask: Ask = decline, log: Log | None = None) -> Passage:
    """`way` "out": a socket of this namespace sent the packet; "in": it arrived on an interface."""
    return _Walk(netns, packet, ask, log).run(way)


class _Walk:
    """One packet's walk; the frame and what was met so far."""

    __slots__ = ("addresses", "ask", "asked", "chains", "frame", "log", "netns", "packet", "rule_set", "rules")

    def __init__(self, netns: Netns, packet: Packet, ask: Ask, log: Log | None) -> None:
        self.netns = netns
        self.addresses = netns.addresses
        self.packet = packet
        self.ask = ask
        self.log = log
        self.rule_set = netns.rules_for(packet.destination) or _NO_RULES
        self.rules: list[Rule] = []
        self.chains: tuple[str, ...] = ()
        self.asked: list[tuple[Rule, str, bool]] = []

    def run(self, way: str) -> Passage:
        packet = self.packet
        if way == "out":
            outgoing = self.addresses.route(packet.destination)
            self.frame = frame_of(packet, self.addresses, "", outgoing)
            actual = "loop" if outgoing == LOOPBACK_DEVICE else "out"
        else:
            incoming = packet.interface or self.addresses.device
            self.frame = frame_of(packet, self.addresses, incoming, "")
            actual = "in"
        try:
            if way == "out":
                actual = "loop" if self._send() == LOOPBACK_DEVICE else "out"
                self._leave()
                if actual == "out":
                    return self._passage(actual, self.frame.outgoing, "wire", None)
                self._receive_own()
            elif self._receive():
                actual = "in"
            else:
                actual = "forward"
                self._forward()
                return self._passage(actual, self.frame.outgoing, "wire", None)
        except _Ended as ended:
            return self._passage(actual, self.frame.outgoing or self.frame.incoming, ended.result, ended.by)
        return self._deliver(actual)

    # -- the hooks, as the kernel strings them together ---------------------------------------------------------

    def _send(self) -> str:
        """OUTPUT; answers the device after nat, while later OUTPUT chains still see the old one."""
        frame = self.frame
        device = frame.outgoing
        hook = self.rule_set.hooks.get("OUTPUT", NO_HOOK)
        for chain in hook.chains:
            destination = frame.destination
            self._ask_chain(chain, hook)
            if frame.destination != destination:
                device = self.addresses.route(frame.destination)
                if device != LOOPBACK_DEVICE and is_loopback(frame.source):
                    # linux ip_route_me_harder: no route leaves with a loopback source
                    self.chains += hook.labels_up_to(chain)
                    raise _Ended("lost", "route")
        self.chains += hook.labels
        frame.outgoing = device
        return device

    def _leave(self) -> None:
        self._pass("POSTROUTING")

    def _receive_own(self) -> None:
        """The packet comes back in by lo; nat has already decided about its connection."""
        frame = self.frame
        frame.incoming, frame.outgoing = LOOPBACK_DEVICE, ""
        self._pass("PREROUTING", again=True)
        self._pass("INPUT", again=True)

    def _receive(self) -> bool:
        """PREROUTING, the route, INPUT. False when the packet is for somebody else."""
        frame = self.frame
        foreign = frame.incoming != LOOPBACK_DEVICE
        if foreign and frame.destination >= V6_BIT:
            # linux net/ipv6/ip6_input.c ip6_rcv_core: refused before any hook
            self._refuse_martian(is_loopback(frame.destination) or is_loopback(frame.source))
        self._pass("PREROUTING")
        if foreign and frame.destination < V6_BIT:
            # linux net/ipv4/route.c ip_route_input_slow: asked of the address that nat left
            self._refuse_martian(is_loopback(frame.destination) or self.addresses.is_local(frame.source))
        if not self.addresses.is_local(frame.destination):
            return False
        self._pass("INPUT")
        return True

    def _refuse_martian(self, martian: bool) -> None:
        if martian:
            raise _Ended("lost", "martian")

    def _forward(self) -> None:
        frame = self.frame
        v6 = frame.destination >= V6_BIT
        if not (self.netns.forwarding_v6 if v6 else self.netns.forwarding_v4):
            raise _Ended("lost", "route")
        frame.outgoing = self.addresses.route(frame.destination)
        self._pass("FORWARD")
        self._pass("POSTROUTING")

    def _pass(self, name: str, *, again: bool = False) -> None:
        hook = (self.rule_set.again if again else self.rule_set.hooks).get(name, NO_HOOK)
        for chain in hook.chains:
            self._ask_chain(chain, hook)
        self.chains += hook.labels

    # -- one base chain -----------------------------------------------------------------------------------------

    def _ask_chain(self, chain: Chain, hook: Hook) -> None:
        """Returns when the packet passes, raises when it ends here."""
        if chain.table != "raw":
            self.frame.state = "NEW"
        verdict, rule = self._verdict(chain)
        if verdict is not Verdict.ACCEPT:
            self.chains += hook.labels_up_to(chain)
            raise _Ended(_RESULTS[verdict], rule.name if rule is not None else f"{chain.label}/policy")

    def _verdict(self, chain: Chain) -> tuple[Verdict, Rule | None]:
        """linux net/ipv4/netfilter/ip_tables.c ipt_do_table: jumps push the way back, goto does not."""
        frame, log, matched = self.frame, self.log, self.rules
        rules = iter(chain.rules)
        stack = []
        while True:
            for rule in rules:
                for holds in rule.tests:
                    if not holds(frame):
                        if log is not None:
                            log.append(Asked(rule, evolve(frame), matched=False))
                        break
                else:
                    if rule.unknown_matches and not self._answered(rule):
                        if log is not None:
                            log.append(Asked(rule, evolve(frame), matched=False, declined=True))
                        continue
                    if log is not None:
                        log.append(Asked(rule, evolve(frame), matched=True))
                    matched.append(rule)
                    target = rule.target
                    if target is None:
                        continue
                    verdict = target.verdict
                    if verdict is Verdict.JUMP and target.chain is not None:
                        if not rule.goto:
                            stack.append(rules)
                        rules = iter(target.chain.rules)
                        break
                    if verdict is Verdict.RETURN:
                        if not stack:
                            return chain.policy or Verdict.ACCEPT, None
                        rules = stack.pop()
                        break
                    if verdict is Verdict.CHANGE and target.apply is not None:
                        verdict = target.apply(frame)
                    elif verdict is Verdict.UNKNOWN and not self._answer(rule, f"-j {target.name}"):
                        verdict = Verdict.CONTINUE
                    if verdict is not Verdict.CONTINUE:
                        return verdict, rule
            else:
                if not stack:
                    return chain.policy or Verdict.ACCEPT, None
                rules = stack.pop()

    def _answered(self, rule: Rule) -> bool:
        return all(self._answer(rule, what) for what in rule.unknown_matches)

    def _answer(self, rule: Rule, what: str) -> bool:
        answer = self.ask(rule, what)
        self.asked.append((rule, what, answer))
        return answer

    # -- the end ------------------------------------------------------------------------------------------------

    def _deliver(self, way: str) -> Passage:
        frame, sockets = self.frame, self.netns.sockets
        if sockets is None:
            return self._passage(way, frame.incoming, "socket", None)
        found = sockets.find(frame.protocol, frame.destination, frame.destination_port)
        if found is None:
            return self._passage(way, frame.incoming, "refused", None)
        return self._passage(way, frame.incoming, "socket", None, found)

    def _passage(self, way: str, interface: str, result: str, by: str | None, socket: Socket | None = None) -> Passage:
        packet, frame = self.packet, self.frame
        if frame.translated or frame.mark != packet.mark or frame.source != packet.source:
            after = Packet(
                packet.protocol,
                frame.source,
                frame.source_port,
                frame.destination,
                frame.destination_port,
                packet.uid,
                packet.gid,
                packet.groups,
                frame.mark,
                packet.interface,
                packet.transparent,
            )
        else:
            after = packet
        original = None
        if result == "socket" and self.rule_set.tracks_connections:
            original = (packet.destination, packet.destination_port)
        return Passage(
            way,
            packet,
            tuple(self.rules),
            self.chains,
            after,
            interface,
            original,
            result,
            socket,
            by,
            tuple(self.asked),
        )


_RESULTS = {Verdict.DROP: "dropped", Verdict.REJECT: "rejected", Verdict.UNKNOWN: "lost"}
"""How a verdict other than ACCEPT ends the packet; lost: somebody said that an unmodelled target takes it."""
