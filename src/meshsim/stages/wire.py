"""wire: a packet left its pod (or comes from outside); which known host owns the destination, if any."""

from __future__ import annotations

from ..address import contains, format_ip
from ..choices import Chooser
from ..explanation import Candidate, Decision, Fate
from ..facts.packet import Packet
from ..mesh import Mesh, Pod
from ..outcome import Ending
from ..reasons import Reason, because
from ..states import AtHook, AtReturn, AtWire, State
from .stage import Stage, agree, nothing_to_describe


def decide(mesh: Mesh, at: AtWire, _chooser: Chooser) -> tuple[Pod | None, State]:
    pod = mesh.owner(at.packet.destination)
    if pod is not None and pod is not at.pod:
        return pod, AtHook(pod, "in", "peer", _arriving(at.packet, pod), at.conversation, at.hop, at.frames)
    return None, AtReturn(_ending(at, _reason(at, None)), at.hop, at.frames, opened=False)


def _arriving(packet: Packet, pod: Pod) -> Packet:
    """The packet as the other host's first hook sees it: no owner, no mark, a receiving interface."""
    return Packet(
        protocol=packet.protocol,
        source=packet.source,
        source_port=packet.source_port,
        destination=packet.destination,
        destination_port=packet.destination_port,
        interface=pod.arrival_interface(packet.destination),
    )


def _unreachable(at: AtWire) -> bool:
    return at.pod is not None and any(contains(prefix, at.packet.destination) for prefix in at.pod.netns.unreachable)


def _reason(at: AtWire, pod: Pod | None) -> Reason:
    destination = at.packet.destination_text()
    if pod is not None:
        return because("wire.to-pod", pod=pod.name, destination=destination)
    if _unreachable(at):
        return because("wire.unreachable", destination=destination)
    return because("wire.outside", destination=destination)


def _ending(at: AtWire, why: Reason) -> Ending:
    kind = "dropped" if why.code == "wire.unreachable" else "forwarded"
    return Ending(kind, why, destination=at.packet.destination_text())


def explain(mesh: Mesh, at: AtWire, picked: Pod | None) -> Decision:
    owner = mesh.owner(at.packet.destination)
    winner = owner if owner is not at.pod else None
    agree("wire", at, picked, winner)
    candidates = tuple(
        Candidate(
            pod.name,
            "pod",
            Fate.CHOSEN if pod is winner else Fate.FAILED,
            lost_at="" if pod is winner else "addresses " + ", ".join(map(format_ip, pod.addresses)),
        )
        for pod in mesh.pods
        if pod is not at.pod
    )
    return Decision(
        stage="wire",
        pod=at.pod.name if at.pod is not None else "outside",
        question=because("wire.question", destination=at.packet.destination_text()),
        chosen=next((candidate for candidate in candidates if candidate.fate is Fate.CHOSEN), None),
        reason=_reason(at, winner),
        candidates=candidates,
        trivial=True,
        deciding=_unreachable(at) and winner is None,
        hop=at.hop,
    )


STAGE = Stage("wire", AtWire, decide, explain, nothing_to_describe)
