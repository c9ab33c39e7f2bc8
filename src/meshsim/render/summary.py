"""The outcome in one sentence."""

from __future__ import annotations

from collections.abc import Callable

from ..report import Report
from .words import sentence


def summary(report: Report) -> str:
    """What became of the call, for its client, and why; secrets not yet removed."""
    return _LEADS[report.outcome.kind](report, sentence(report.outcome.why))


def headline(report: Report) -> str:
    """The outcome's own word, status and timer, then why, then Envoy's flags and details."""
    outcome = report.outcome
    words = [outcome.kind]
    if outcome.status is not None:
        words.append(str(outcome.status))
    if outcome.kind == "replied":
        words.append(f"by {_proxy(report)}")
    if outcome.after is not None:
        words.append(f"after {outcome.after}")
    evidence = [*outcome.response_flags, *filter(None, [outcome.response_code_details])]
    tail = f" ({' '.join(evidence)})" if evidence else ""
    return f"{' '.join(words)}: {sentence(outcome.why)}{tail}"


def _delivered(report: Report, why: str) -> str:
    status = report.outcome.status
    return why if status is None else f"{why} and answers {status}"


def _replied(report: Report, why: str) -> str:
    status = "" if report.outcome.status is None else f" {report.outcome.status}"
    return f"{_proxy(report)} answers{status}: {why}"


def _proxy(report: Report) -> str:
    index = report.outcome.answered_by
    if index is None or index >= len(report.hops):
        return "a proxy"
    return f"the proxy of {report.hops[index].pod}"


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
