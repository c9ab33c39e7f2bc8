"""client: the client itself, where it waits only for so long: it has its answer by then, or hangs up."""

from __future__ import annotations

from ..choices import Chooser
from ..envoy.listener_filters import seconds
from ..explanation import Candidate, Decision, Fate
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import because
from ..report import Draft
from ..states import AtClient, Ended, State
from .gone import describe_left
from .stage import Stage, agree

_WITHOUT_STREAM = frozenset(("http.no-stream", "http.no-stream-closed"))
"""Over HTTP/2, the proxy's own SETTINGS come at once, and of a connection without a stream no request is logged."""
_NEVER_ACCEPTED = frozenset(("dropped", "refused", "loop", "unknown"))


def decide(_mesh: Mesh, at: AtClient, chooser: Chooser) -> tuple[bool, State]:
    leaves = _leaves(at)
    if _within_body(at.ending):
        chooser.assume(because("client.within-body", at.ending.why.place, after=seconds(at.patience_ms)))
    return leaves, Ended(_left(at) if leaves else at.ending)


def _leaves(at: AtClient) -> bool:
    if at.ending.kind in _NEVER_ACCEPTED or _within_body(at.ending):
        return False
    lasts = at.ending.lasts_ms
    return lasts is None or lasts > at.patience_ms


def _within_body(ending: Ending) -> bool:
    """Whether the client has the head of a response by then, and waits for the rest."""
    return ending.cut is not None or (ending.kind == "hanging" and ending.status is not None)


def _left(at: AtClient) -> Ending:
    ending = at.ending
    return Ending(
        "closed",
        because("client.left", ending.why.place, after=seconds(at.patience_ms)),
        after=seconds(at.patience_ms),
        client_sees="data" if ending.why.code in _WITHOUT_STREAM else "nothing",
        destination=ending.destination,
        pod=ending.pod,
    )


def explain(_mesh: Mesh, at: AtClient, picked: bool) -> Decision:
    leaves = _leaves(at)
    agree("client", at, picked, leaves)
    why = _left(at).why if leaves else because("return.passed-on", ending=at.ending.kind)
    return Decision(
        stage="client",
        pod="client",
        question=because("client.question", after=seconds(at.patience_ms)),
        chosen=Candidate("closed" if leaves else at.ending.kind, "ending", Fate.CHOSEN, place=at.ending.why.place),
        reason=why,
        trivial=not leaves,
        deciding=False,
    )


def describe(_mesh: Mesh, at: AtClient, leaves: bool, draft: Draft) -> None:
    if leaves and draft.hops:
        describe_left(draft, 0, streams=at.ending.why.code not in _WITHOUT_STREAM)


STAGE = Stage("client", AtClient, decide, explain, describe)
