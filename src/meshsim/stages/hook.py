"""hook: a first packet walks the pod's netfilter rules; which socket takes it, or how it ends.

The rules themselves are `netfilter`'s; this stage asks them, finds whose socket it is, and says what is assumed
where nobody stated the pod's sockets. Upstream: Linux netfilter; reference netfilter-kernel.
"""

from __future__ import annotations

from attrs import frozen

from ..address import format_endpoint
from ..choices import Choice, Chooser
from ..config.host_facts import StatedSocket
from ..envoy.listeners import Listener
from ..explanation import Candidate, Change, Decision, Fate
from ..facts.connection import Connection
from ..istio.rule_origins import origins
from ..mesh import Mesh, Pod
from ..netfilter.answer import walk_answer
from ..netfilter.explain import explain as explain_rules
from ..netfilter.passage import Passage
from ..netfilter.rules import Rule
from ..netfilter.walk import walk
from ..outcome import Ending
from ..place import Place
from ..reasons import Reason, because
from ..report import Draft, NetfilterPassage, PacketBefore
from ..states import AtApp, AtHook, AtInspect, AtReturn, AtWire, State
from .stage import Stage, agree


@frozen
class Landing:
    """What the walk through the rules came to."""

    passage: Passage
    listener: Listener | None
    """The proxy's listener whose socket accepted."""
    socket: str | None
    """The name of the accepting socket; None when there is none."""
    result: str
    """INTERFACE's netfilter result."""
    reason: Reason


def decide(_mesh: Mesh, at: AtHook, chooser: Chooser) -> tuple[Landing, State]:
    pod = at.pod
    for assumption in pod.assumptions:
        chooser.assume(assumption)

    def ask(rule: Rule, what: str) -> bool:
        return bool(chooser.pick(_choice(at, rule, what)))

    passage = walk(pod.netns, at.packet, at.way, ask)
    landing = _land(at, passage)
    if landing.reason.code in _ASSUMING:
        chooser.assume(landing.reason)
    if landing.listener is None and pod.proxy is not None and pod.proxy.listeners.unreadable:
        for doubt in pod.proxy.listeners.doubts(passage.after.destination_port):
            chooser.assume(doubt)
    return landing, _next(at, landing)


def _choice(at: AtHook, rule: Rule, what: str) -> Choice:
    """What a rule asks that no packet decides: chance with or without known shares, or what is not modelled."""
    site, options = f"{at.hop}/matcher/{rule.name}", ("no match", "match")
    match = rule.doubt(what)
    if match is not None and match.share is not None:
        reason = because("netfilter.chance", rule.place, rule=rule.name, what=what)
        return Choice(site, reason, options, (1 - match.share, match.share), rule.place)
    if match is not None and match.usual:
        reason = because("netfilter.limit-assumed", rule.place, rule=rule.name, what=what)
        return Choice(site, reason, options, (None, None), rule.place, 1)
    code = "netfilter.unmodelled-target" if match is None else "netfilter.unmodelled-match"
    reason = because(code, rule.place, rule=rule.name, what=what)
    return Choice(site, reason, options, (None, None), rule.place, 0)


_UNKNOWABLE = ("hook.no-configuration", "hook.no-listeners")
"""No input says who would accept: the call ends as unknown."""
_ASSUMING = ("hook.application-assumed", *_UNKNOWABLE)


def _land(at: AtHook, passage: Passage) -> Landing:
    """Whose socket it is. Pure: explaining asks it again."""
    pod, after = at.pod, passage.after
    redirected = (after.destination, after.destination_port) != (at.packet.destination, at.packet.destination_port)
    missing = _missing(at, passage, redirected=redirected)
    if missing is not None:
        return Landing(passage, None, None, passage.result, missing)
    assumed = not redirected and not pod.sockets_stated and not _proxys_own_port(pod, after.destination_port)
    lost = _lost_answer(pod, passage, accepted=passage.result == "socket" or assumed)
    if lost is not None:
        return Landing(passage, None, passage.socket.name if passage.socket is not None else None, passage.result, lost)
    if passage.result == "wire":
        return Landing(passage, None, None, "wire", because("hook.to-wire", destination=after.destination_text()))
    if passage.result in ("socket", "refused"):
        socket = passage.socket
        destination = after.destination_text()
        if socket is not None and isinstance(socket.owner, Listener):
            listener = socket.owner
            reason = because("hook.to-proxy", listener.place, listener=listener.name, socket=socket.name)
            return Landing(passage, listener, socket.name, "socket", reason)
        if socket is not None:
            return Landing(passage, None, socket.name, "socket", because("hook.to-application", socket=socket.name))
        if assumed:
            application = because("hook.application-assumed", destination=destination)
            return Landing(passage, None, destination, "socket", application)
        return Landing(passage, None, None, "refused", _refusal(pod, after.destination_port, destination))
    code = {"dropped": "hook.dropped", "rejected": "hook.rejected"}.get(passage.result, "hook.lost")
    place = _place_of(pod, passage, passage.rules, passage.by)
    reason = because(code, place, destination=after.destination_text(), by=passage.by or "")
    return Landing(passage, None, None, passage.result, reason)


_LOST_ANSWERS = ("hook.answer-lost", "hook.answer-misaddressed")


def _lost_answer(pod: Pod, passage: Passage, *, accepted: bool) -> Reason | None:
    """Why the client gets no answer to a packet that arrives; None where it gets one, or where nobody can say."""
    answer = walk_answer(pod.netns, passage, accepted=accepted) if pod.addresses_stated else None
    if answer is None or answer.arrives:
        return None
    destination = passage.after.destination_text()
    if answer.by is None:
        return because("hook.answer-misaddressed", destination=destination)
    place = _place_of(pod, passage, answer.rules, answer.by)
    return because("hook.answer-lost", place, destination=destination, by=answer.by)


def _place_of(pod: Pod, passage: Passage, rules: tuple[Rule, ...], by: str | None) -> Place | None:
    """Where the rule or the policy stands that ended a packet."""
    if by is None:
        return None
    if rules and rules[-1].name == by:
        return rules[-1].place
    held = pod.netns.rules_for(passage.before.destination)
    return held.policy_place(by) if held is not None else None


def _missing(at: AtHook, passage: Passage, *, redirected: bool) -> Reason | None:
    """What no input holds and this packet needs: the proxy's configuration, or the listeners in it."""
    pod = at.pod
    if pod.proxy is None:
        here = redirected and passage.result in ("socket", "refused")
        if pod.sockets_stated or not (here or _given_to_nobody(passage)):
            return None
        return because("hook.no-configuration", pod=pod.name, destination=at.packet.destination_text())
    if passage.result not in ("wire", "socket", "refused"):
        return None
    sections = pod.proxy.document.sections
    ruled = pod.netns.rules_for(at.packet.destination) is not None
    table = pod.proxy.listeners
    told = table.listeners or table.aside or table.rejected or table.warming
    if told or at.sender == "proxy" or (ruled and not redirected):
        return None
    return because("hook.no-listeners", pod=pod.name, sections=sorted(sections))


def _given_to_nobody(passage: Passage) -> bool:
    """Whether TPROXY dropped the packet because no transparent socket is known."""
    last = passage.rules[-1] if passage.rules else None
    return last is not None and passage.by == last.name and last.target is not None and last.target.name == "TPROXY"


def _proxys_own_port(pod: Pod, port: int) -> bool:
    """Whether a listener of this pod's Envoy was meant to hold the port, so that no application does."""
    if pod.proxy is None:
        return False
    table = pod.proxy.listeners
    not_in_force = (*table.rejected, *table.warming)
    return any(port == own_port for listener in not_in_force for _ip, own_port in listener.addresses)


def _refusal(pod: Pod, port: int, destination: str) -> Reason:
    """No socket: because Envoy rejected the listener, still warms it, or nobody listens."""
    if pod.proxy is not None:
        table = pod.proxy.listeners
        for rejected in table.rejected:
            if any(port == address_port for _ip, address_port in rejected.addresses):
                return because(
                    "hook.refused-listener-rejected",
                    rejected.place,
                    destination=destination,
                    listener=rejected.name,
                    error=rejected.error,
                    time=rejected.time,
                )
        for warming in table.warming:
            if any(port == address_port for _ip, address_port in warming.addresses):
                return because(
                    "hook.refused-listener-warming", warming.place, destination=destination, listener=warming.name
                )
    return because("hook.refused", destination=destination)


def _next(at: AtHook, landing: Landing) -> State:
    passage = landing.passage
    after = passage.after
    if landing.reason.code in _UNKNOWABLE:
        ending = Ending("unknown", landing.reason, destination=after.destination_text())
        return AtReturn(ending, at.hop, at.frames, opened=False)
    if landing.reason.code in _LOST_ANSWERS:
        ending = Ending("dropped", landing.reason, destination=after.destination_text(), pod=at.pod.name)
        return AtReturn(ending, at.hop, at.frames, opened=False)
    if landing.result == "wire":
        return AtWire(at.pod, after, at.conversation, at.hop, at.frames)
    unsaid = _unsaid(at)
    if landing.result == "socket" and unsaid is not None:
        return AtReturn(unsaid, at.hop, at.frames, opened=False)
    if landing.listener is not None:
        connection = Connection(
            local=after.destination,
            local_port=after.destination_port,
            remote=after.source,
            remote_port=after.source_port,
            direct_remote=after.source,
            direct_remote_port=after.source_port,
            original=passage.original_destination,
        )
        return AtInspect(at.pod, landing.listener, connection, at.conversation, at.hop, at.frames, handoff=True)
    if landing.result == "socket":
        owner = passage.socket.owner if passage.socket is not None else None
        socket = owner if isinstance(owner, StatedSocket) else None
        return AtApp(at.pod, after.destination_text(), at.conversation, socket, at.hop, at.frames)
    kind = "refused" if landing.result in ("refused", "rejected") else "dropped"
    ending = Ending(kind, landing.reason, destination=after.destination_text(), pod=at.pod.name)
    return AtReturn(ending, at.hop, at.frames, opened=False)


def _unsaid(at: AtHook) -> Ending | None:
    """How it ends where whoever dialled has nothing to say: the connection stands and is closed at once."""
    return at.frames.unsaid if at.frames is not None else None


def explain(_mesh: Mesh, at: AtHook, picked: Landing) -> Decision:
    candidates = explain_rules(at.pod.netns, picked.passage)
    landing = _land(at, picked.passage)
    agree("hook", at, picked, landing)
    before, after = at.packet, picked.passage.after
    changes = tuple(
        Change(name, old, new)
        for name, old, new in (
            ("source", before.source_text(), after.source_text()),
            ("destination", before.destination_text(), after.destination_text()),
            ("mark", before.mark, after.mark),
        )
        if old != new
    )
    label = picked.socket or picked.result
    place = picked.listener.place if picked.listener is not None else picked.reason.place
    return Decision(
        stage="hook",
        pod=at.pod.name,
        question=because("hook.question", packet=before.destination_text(), pod=at.pod.name),
        chosen=Candidate(label, "socket", Fate.CHOSEN, place=place),
        reason=picked.reason,
        candidates=candidates,
        changes=changes,
        notes=(*at.pod.assumptions, *_origins(picked.passage)),
        trivial=not candidates,
        deciding=picked.result in ("refused", "dropped", "rejected", "lost")
        or picked.reason.code in (*_UNKNOWABLE, *_LOST_ANSWERS),
        hop=at.hop,
    )


def _origins(passage: Passage) -> tuple[Reason, ...]:
    """Which flag or annotation is behind a rule that matched, where it is Istio's."""
    notes = []
    for rule in passage.rules:
        found = origins(rule.table, rule.chain, rule.text)
        annotations = [origin.annotation for origin in found if origin.annotation]
        facts = {"rule": rule.name, "flags": [origin.flag for origin in found]}
        if annotations:
            notes.append(because("netfilter.rule-from-annotation", rule.place, **facts, annotations=annotations))
        elif found:
            notes.append(because("netfilter.rule-from-flag", rule.place, **facts))
    return tuple(notes)


def describe(_mesh: Mesh, at: AtHook, picked: Landing, draft: Draft) -> None:
    passage, before = picked.passage, at.packet
    original = passage.original_destination
    draft.netfilter.append(
        NetfilterPassage(
            pod=at.pod.name,
            way=passage.way,
            sender=at.sender,
            from_hop=at.frames.hop if at.frames is not None else None,
            to_hop=at.hop if picked.listener is not None and _unsaid(at) is None else None,
            before=PacketBefore(
                protocol=before.protocol,
                source=before.source_text(),
                destination=before.destination_text(),
                uid=before.uid,
                gid=before.gid,
                mark=before.mark,
                interface=before.interface,
            ),
            rules=tuple(rule.name for rule in passage.rules),
            chains=passage.chains,
            source=passage.after.source_text(),
            destination=passage.after.destination_text(),
            mark=passage.after.mark,
            interface=passage.interface,
            original_destination=format_endpoint(*original) if original is not None else None,
            result=picked.result,
            socket=picked.socket,
            by=passage.by,
        )
    )


STAGE = Stage("hook", AtHook, decide, explain, describe)
