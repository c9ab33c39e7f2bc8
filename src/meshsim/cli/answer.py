"""One call answered: the mesh is opened, the call traced, the report written, expectations compared."""

from __future__ import annotations

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from ..api import Mesh, load, load_demo
from ..errors import InputError
from ..facts.call import Call
from ..mesh import Pod
from ..packet_rules import ARGUMENTS_DOCUMENT
from ..render.json import document
from ..render.options import Options
from ..render.text import text
from .exit_codes import ASSUMED, DONE, FAILED
from .expect import Expectation

PAGE_WIDTH = 120
"""Where the output is no terminal."""


def open_mesh(flags: Namespace) -> Mesh:
    if flags.config:
        mesh = load(*flags.config, istio_iptables=flags.istio_iptables)
    else:
        if flags.output in ("json", "jsonl") or flags.batch is not None:
            print("meshsim: no -c was given: the embedded demo mesh answers", file=sys.stderr)
        mesh = load_demo(flags.outbound_policy or "ALLOW_ANY", istio_iptables=flags.istio_iptables)
    if flags.istio_iptables and not any(ARGUMENTS_DOCUMENT in _rules_documents(pod) for pod in mesh.pods):
        print("meshsim: --istio-iptables has no effect: a pod's rules file comes before it", file=sys.stderr)
    return mesh


def _rules_documents(pod: Pod) -> set[str]:
    """Where the pod's packet rules come from."""
    rule_sets = (pod.netns.rules_v4, pod.netns.rules_v6)
    return {rule.place.doc for rules in rule_sets if rules is not None for rule in rules.rules()}


def answer(flags: Namespace, call: Call, expectations: Sequence[Expectation]) -> int:
    mesh = open_mesh(flags)
    trace = mesh.trace(call, strict=flags.strict)
    depth = min(flags.verbose, 2)
    report = trace.report(decisions=depth > 0)
    check_picks(call, [choice.site for choice in report.choices])
    if flags.output == "json":
        print(json.dumps(document(report, show_secrets=flags.show_secrets, depth=depth), indent=2))
    elif flags.output == "jsonl":
        print(json.dumps(document(report, show_secrets=flags.show_secrets, depth=depth)))
    else:
        sys.stdout.write(text(report, page_options(flags, mesh, depth)))
    failed = False
    if expectations:
        true, shown = (document(report, show_secrets=secrets, depth=depth) for secrets in (True, flags.show_secrets))
        failed = report_failures(expectations, true, shown)
    if flags.strict and report.assumptions:
        return ASSUMED
    return FAILED if failed else DONE


def report_failures(
    expectations: Sequence[Expectation], true: dict[str, Any], shown: dict[str, Any], what: str = ""
) -> bool:
    """Name what was expected and is not so; whether there was any."""
    failures = [expectation.failure(shown) for expectation in expectations if not expectation.holds(true)]
    for failure in failures:
        print(f"meshsim: {what}{failure}", file=sys.stderr)
    return bool(failures)


def check_picks(call: Call, sites: Sequence[str]) -> None:
    """A pick or an answer at a site the call never came to would silently do nothing."""
    for flag, stated in (("pick", call.choices), ("answer", call.answers)):
        for site in stated:
            if site not in sites:
                known = ", ".join(dict.fromkeys(sites)) or "none"
                raise InputError(
                    f"{flag}-unknown-site", f"--{flag} {site}: this call has no such site", hint=f"sites: {known}"
                )


def page_options(flags: Namespace, mesh: Mesh, depth: int) -> Options:
    """What the terminal (or pipe) and the flags ask of a page."""
    return evolve(
        stdout_options(depth, show_secrets=flags.show_secrets),
        locate=mesh.locate,
        now=None if mesh.compiled.demo else datetime.now(UTC),
    )


def stdout_options(depth: int, *, show_secrets: bool) -> Options:
    """What standard output can show."""
    terminal = sys.stdout.isatty()
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "").replace("_", "")
    return Options(
        depth=depth,
        show_secrets=show_secrets,
        width=min(shutil.get_terminal_size((PAGE_WIDTH, 24)).columns, PAGE_WIDTH) if terminal else PAGE_WIDTH,
        color=terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        unicode=encoding.startswith("utf"),
    )
