"""chain: which filter chain of the listener takes the connection; without any, Envoy closes it.

Upstream: envoyproxy/envoy source/common/listener_manager/filter_chain_manager_impl.cc (findFilterChain).
"""

from __future__ import annotations

from typing import Any

from ..choices import Choice, Chooser
from ..envoy.chains import FilterChain
from ..explanation import Candidate, Decision, Fate
from ..match.tree import Row
from ..mesh import Mesh
from ..outcome import Ending
from ..reasons import Reason, because
from ..report import Draft
from ..states import AtChain, AtHandshake, AtReturn, State
from .stage import Stage, agree
from .unread import as_dialler_sees

FLAGS = ("NR",)
DETAILS = "filter_chain_not_found"


def decide(_mesh: Mesh, at: AtChain, chooser: Chooser) -> tuple[FilterChain | None, State]:
    listener = at.listener
    table = listener.chains

    def ask(options: tuple[FilterChain | None, ...]) -> int:
        labels = tuple(_label(option) for option in options)
        default = _harmless(options, table.default)
        shares = (None,) * len(options)
        why = because("chain.ambiguous", listener.place, listener=listener.name, chains=", ".join(labels))
        return chooser.pick(Choice(f"{at.hop}/chain", why, labels, shares, listener.place, default))

    def doubt(row: Row[Any, Any]) -> bool:
        site, why = f"{at.hop}/matcher/{row.label}", because("matcher.open", row.place, leads_to=row.label)
        return chooser.pick(Choice(site, why, ("no-match", "match"), (None, None), row.place, 0)) == 1

    for reason in (*listener.unmodelled, *table.unmodelled):
        chooser.assume(reason)
    if table.matcher is not None and table.matcher.keeps_matching:
        chooser.assume(because("chain.matcher-keeps-matching", listener.place, listener=listener.name))
    chain = table.pick(at.connection, ask, doubt)
    if chain is None:
        ending = Ending(
            "closed",
            _none(at),
            response_flags=FLAGS,
            response_code_details=DETAILS,
            answered_by=at.hop,
        )
        return None, AtReturn(as_dialler_sees(ending, at.connection, at.frames), at.hop, at.frames)
    for reason in chain.unmodelled:
        chooser.assume(reason)
    return chain, AtHandshake(at.pod, listener, chain, at.connection, at.conversation, at.hop, at.frames)


def _harmless(options: tuple[FilterChain | None, ...], default_chain: FilterChain | None) -> int:
    """The default chain where it is among them, else the first chain."""
    if default_chain is not None and default_chain in options:
        return options.index(default_chain)
    return next((index for index, option in enumerate(options) if option is not None), 0)


def _label(chain: FilterChain | None) -> str:
    return chain.label if chain is not None else "none"


def _none(at: AtChain) -> Reason:
    connection = at.connection
    return because(
        "chain.none",
        at.listener.place,
        listener=at.listener.name,
        destination=connection.local_text(),
        transport=connection.transport,
        sni=connection.sni or "none",
        alpn=", ".join(connection.alpn) or "none",
    )


def explain(_mesh: Mesh, at: AtChain, picked: FilterChain | None) -> Decision:
    winner, candidates = at.listener.chains.explain(at.connection, picked)
    agree("chain", at, picked, winner)
    destination = at.connection.local_text()
    return Decision(
        stage="chain",
        pod=at.pod.name,
        question=because("chain.question", listener=at.listener.name, destination=destination),
        chosen=next((candidate for candidate in candidates if candidate.fate is Fate.CHOSEN), None),
        reason=_reason(at, winner, candidates),
        candidates=candidates,
        trivial=winner is not None and len(candidates) == 1 and not candidates[0].checks,
        deciding=winner is None or (winner.is_default and len(candidates) > 1),
        hop=at.hop,
    )


def _reason(at: AtChain, winner: FilterChain | None, candidates: tuple[Candidate, ...]) -> Reason:
    if winner is None:
        named = next((each for each in candidates if each.fate is Fate.CHOSEN), None)
        if named is not None:
            return because("chain.unknown-name", named.place, listener=at.listener.name, chain=named.label)
        lost = next((each for each in candidates if _would_match(each)), None)
        if lost is None:
            return _none(at)
        return because(
            "chain.none-outranked", lost.place, listener=at.listener.name, chain=lost.label, level=lost.lost_at
        )
    if len(candidates) == 1 and not candidates[0].checks:
        return because("chain.only", winner.place, chain=winner.label)
    if at.listener.chains.matcher is not None and not winner.is_default:
        return because("chain.named", winner.place, listener=at.listener.name, chain=winner.label)
    code = "chain.default" if winner.is_default else "chain.matched"
    return because(code, winner.place, chain=winner.label)


def _would_match(candidate: Candidate) -> bool:
    return candidate.fate is Fate.OUTRANKED and all(check.ok for check in candidate.checks)


def describe(_mesh: Mesh, at: AtChain, picked: FilterChain | None, draft: Draft) -> None:
    hop = draft.hop(at.hop, at.pod.name)
    hop.listener = at.listener.name
    if picked is None:
        hop.response_flags = FLAGS
        hop.response_code_details = DETAILS
    else:
        hop.filter_chain = picked.name or None


STAGE = Stage("chain", AtChain, decide, explain, describe)
