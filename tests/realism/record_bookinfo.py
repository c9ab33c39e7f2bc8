"""Writes down what the real bookinfo mesh did: `python -m tests.realism.record_bookinfo`."""

import sys
from pathlib import Path
from typing import Any

from tests.realism import bookinfo_calls, bookinfo_stack, record

RECORDED = Path(__file__).with_name("recorded") / "bookinfo.json"


def observe_bookinfo() -> dict[str, Any]:
    """Every call of bookinfo_calls on its variant, live."""
    document: dict[str, Any] = {}
    for name, variant in bookinfo_stack.variants().items():
        questions = bookinfo_calls.CALLS[name]
        with bookinfo_stack.running(variant) as live:
            observations = live.observe(list(questions.values()))
            document[name] = {
                "inputs": variant.digest(),
                "pods": list(variant.pods),
                "not_comparable": {pod: sorted(names) for pod, names in live.not_comparable.items()},
                "observations": {
                    question: record.stable(observation)
                    for question, observation in zip(questions, observations, strict=True)
                },
            }
    return document


def load() -> dict[str, Any]:
    """The recorded document."""
    return record.load(RECORDED)


if __name__ == "__main__":
    sys.exit(record.write(RECORDED, observe_bookinfo))
