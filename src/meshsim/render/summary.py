"""The outcome in one sentence."""

from __future__ import annotations

from collections.abc import Callable

from ..report import Report
from .words import sentence


def summary(report: Report) -> str:
    """What became of the call, for its client, and why; secrets not yet removed."""
    why = sentence(report.outcome.why)
    lead = _LEADS[report.outcome.kind]
    return lead(report, why)


def _delivered(report: Report, why: str) -> str:
    status = report.outcome.status
    return why if status is None else f"{why} and answers {status}"


def _replied(report: Report, why: str) -> str:
    outcome = report.outcome
    index = outcome.answered_by
    proxy = "a proxy"
    if index is not None and index < len(report.hops):
        proxy = f"the proxy of {report.hops[index].pod}"
    status = "" if outcome.status is None else f" {outcome.status}"
    return f"{proxy} answers{status} itself: {why}"


def _hanging(report: Report, why: str) -> str:
    ended = f", until a timer ends it after {report.outcome.after}" if report.outcome.after else ""
    return f"the connection hangs{ended}: {why}"


def _plain(_report: Report, why: str) -> str:
    return why


_LEADS: dict[str, Callable[[Report, str], str]] = {
    "delivered": _delivered,
    "forwarded": _plain,
    "replied": _replied,
    "closed": lambda _report, why: f"the connection is accepted, then closed: {why}",
    "hanging": _hanging,
    "refused": lambda _report, why: f"the connection is refused: {why}",
    "dropped": lambda _report, why: f"the packet gets no answer: {why}",
    "loop": lambda _report, why: f"the call goes in a circle: {why}",
    "unknown": lambda _report, why: f"configuration alone cannot say: {why}",
}
