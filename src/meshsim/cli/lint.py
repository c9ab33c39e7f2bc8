"""`meshsim lint`: what is wrong with a configuration whatever is called."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..api import load, load_demo
from ..errors import InputError
from ..lint.checks import lint_proxy
from ..lint.codes import INFO, RULES
from ..render.page import printable
from .exit_codes import DONE, FAILED
from .usage import Parser, UsageError, did_you_mean


def parser() -> Parser:
    made = Parser("lint", usage="meshsim lint [flags] [PATH…]", description="What is wrong with a configuration?")
    made.add_argument("paths", nargs="*", metavar="[POD=]PATH", help="configuration, as for -c")
    add = made.add_argument
    add("-c", "--config", action="append", default=[], metavar="[POD=]PATH", help="a file or a folder; repeatable")
    add("--select", action="append", default=[], metavar="CODE", help="only this code; repeatable")
    add("--ignore", action="append", default=[], metavar="CODE[:RESOURCE]", help="not this; repeatable")
    add("--explain", metavar="CODE", help="what a code means, and the remedy")
    add("-o", "--output", choices=("text", "json"), default="text", help="text (default) or json")
    return made


def main(arguments: Sequence[str]) -> int:
    flags = parser().read(arguments)
    codes = [*flags.select, *(ignored.partition(":")[0] for ignored in flags.ignore)]
    for code in [*codes, *([flags.explain] if flags.explain else [])]:
        if code not in RULES:
            raise UsageError(f"no code {code!r}", hint=did_you_mean(code, RULES) or "codes: " + ", ".join(RULES))
    if flags.explain:
        rule = RULES[flags.explain]
        print(f"{flags.explain} ({rule.severity}): {rule.sentence}\n  help: {rule.remedy}")
        return DONE
    paths = [*flags.config, *flags.paths]
    mesh = load(*paths) if paths else load_demo()
    if not any(pod.proxy is not None for pod in mesh.pods):
        raise InputError("nothing-to-lint", "no proxy's configuration is here", hint="give a config dump of Envoy")
    found = [
        (pod.name, finding)
        for pod in mesh.pods
        if pod.proxy is not None
        for finding in lint_proxy(pod.proxy.document)
        if (not flags.select or finding.code in flags.select)
        and finding.code not in flags.ignore
        and f"{finding.code}:{finding.resource}" not in flags.ignore
    ]
    if flags.output == "json":
        made = [
            {
                "code": finding.code,
                "severity": finding.severity,
                "pod": pod,
                "resource": finding.resource,
                "message": finding.message,
                "place": str(finding.place),
                "line": mesh.locate(finding.place).line,
            }
            for pod, finding in found
        ]
        print(json.dumps(made, indent=2))
    else:
        for _pod, finding in found:
            line = mesh.locate(finding.place).line
            where = str(finding.place) if line is None else f"{finding.place.doc}:{line}"
            print(f"{printable(where)}: {finding.code} {printable(finding.message)}")
        print(f"{len(found)} finding{'' if len(found) == 1 else 's'}" + (" (the demo mesh)" if not paths else ""))
    return FAILED if any(finding.severity != INFO for _pod, finding in found) else DONE
