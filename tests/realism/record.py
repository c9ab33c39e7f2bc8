"""Writes down what the real stack did, to be replayed without root: `python -m tests.realism.record`.

What changes from run to run (request ids, dates, ports the kernel chose) is replaced by stable values, so that
recording again changes only what really changed.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.realism import demo_calls, demo_stack, prerequisites
from tests.realism.stack import Observation

RECORDED = Path(__file__).with_name("recorded") / "demo.json"
VOLATILE_HEADERS = ("date", "x-envoy-upstream-service-time")
LONGEST_BODY = 2000
_OF_CERTIFICATES = (
    (re.compile(r"Hash=[0-9a-f]{64}"), "Hash=unknown"),
    (re.compile(r'(\\"hash\\":\\")[0-9a-f]{64}'), r"\1unknown"),
    (re.compile(r'(Cert=|Chain=|\\"cert\\":|\\"chain\\":\[?)\\"-----BEGIN[^"]*"'), r'\1\\"unknown\\"'),
    (re.compile(r'(Issuer=|\\"issuer\\":)\\"O=meshsim[^"]*"'), r'\1\\"unknown\\"'),
)
"""What differs with every certificate that is made, in x-forwarded-client-cert within JSON text."""
_MADE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATE_LINE = re.compile(r"date: [^\\]*\\r\\n")
_CHOSEN_BY_THE_KERNEL = re.compile(r"(?<=[\d\]]:)([456]\d{4})(?=\D)")


def observe_demo() -> dict[str, Any]:
    """Every call of demo_calls on its variant, live."""
    document: dict[str, Any] = {}
    for name, variant in demo_stack.variants().items():
        questions = demo_calls.CALLS[name]
        with demo_stack.running(variant) as live:
            observations = live.observe(list(questions.values()))
            document[name] = {
                "inputs": variant.digest(),
                "not_comparable": sorted(live.not_comparable),
                "observations": {
                    question: stable(observation) for question, observation in zip(questions, observations, strict=True)
                },
            }
            if name == "allow_any":
                document[name]["shares"] = {
                    question: dict(
                        sorted(Counter(o["hops"][0]["cluster"] for o in live.observe([call] * times)).items())
                    )
                    for question, (call, times) in demo_calls.SHARES.items()
                }
    return document


def stable(observation: Observation) -> Observation:
    """The observation without what chance decided."""
    client = dict(observation["client"])
    echoed = (client["body"] or "").startswith('{"name": ')
    if client["ended"] in ("closed", "tls_alert"):
        # FIN or RST is a matter of timing, and an alert may be lost to it.
        client.update(ended="closed", detail=None)
    headers = _without_volatile(client["headers"])
    client["headers"] = [[name, value] for name, value in headers if name != "content-length" or not echoed]
    # An echo says again what `upstream` holds; a long body is somebody's statistics.
    client["body"] = None if echoed or len(client["body"] or "") > LONGEST_BODY else client["body"]
    upstream = [
        {**record, "headers": _without_volatile(record["headers"])} if "headers" in record else record
        for record in observation["upstream"]
    ]
    text = json.dumps({**observation, "client": client, "upstream": upstream})
    ports: dict[str, str] = {}
    in_order = json.dumps(observation["netfilter"]) + text
    for port in _CHOSEN_BY_THE_KERNEL.findall(in_order):
        ports.setdefault(port, str(60001 + len(ports)))
    replaced = _CHOSEN_BY_THE_KERNEL.sub(lambda found: ports[found[1]], text)
    replaced = _DATE_LINE.sub("", replaced)
    for pattern, text in _OF_CERTIFICATES:
        replaced = pattern.sub(text, replaced)
    result: Observation = json.loads(replaced)
    return result


def load(recorded: Path = RECORDED) -> dict[str, Any]:
    """The recorded document."""
    document: dict[str, Any] = json.loads(recorded.read_text())
    return document


def _without_volatile(headers: list[list[str]]) -> list[list[str]]:
    return [[name, value] for name, value in headers if name not in VOLATILE_HEADERS and not _MADE_ID.fullmatch(value)]


def write(recorded: Path, observe: Callable[[], dict[str, Any]]) -> int:
    """Asks again and keeps the answers; the exit code of a recording program."""
    if prerequisites.missing():
        print(prerequisites.reason(), file=sys.stderr)
        return 2
    recorded.parent.mkdir(exist_ok=True)
    recorded.write_text(json.dumps(observe(), indent=1, ensure_ascii=False) + "\n")
    print(f"recorded {recorded}")
    return 0


if __name__ == "__main__":
    sys.exit(write(RECORDED, observe_demo))
