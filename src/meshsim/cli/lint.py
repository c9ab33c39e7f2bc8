"""`meshsim lint`: what is wrong whatever is called. Here the command line is read and the answer written."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from ..api import load, load_demo
from ..errors import InputError
from ..findings import INFO, RULES, Finding
from ..lint.configuration import lint_mesh
from ..lint.selection import Selection, selection
from ..lint.suites import lint_suites
from ..render.lint_annotations import github, sarif
from ..render.lint_json import findings_document
from ..render.lint_junit import junit
from ..render.lint_text import lint_text, rule_text, rules_text, statistics_text
from ..suite.discover import kind_of_file, test_files
from .answer import stdout_options
from .exit_codes import DONE, FAILED
from .suite_reports import write_file
from .usage import Parser, UsageError

_EXAMPLES = """examples:
  meshsim lint captures/
  meshsim lint config_dump.json --select MS101,MS102 --sarif lint.sarif
  meshsim lint config_dump.json --ignore 'MS104=cluster:outbound|*|ghost.*'
  meshsim lint suites/ --extend-select MS211
  meshsim lint --explain MS101

exit codes: 0 nothing found, 1 errors or warnings were found, 2 bad usage or input"""


def parser() -> Parser:
    made = Parser(
        "lint",
        usage="meshsim lint [flags] [PATH…]",
        description="What is wrong with a configuration, whatever is called? And with scenario suites?",
        epilog=_EXAMPLES,
    )
    made.add_argument(
        "paths", nargs="*", metavar="[POD=]PATH", help="configuration as for -c, or suites; none: the demo mesh"
    )
    made.add_argument("-c", "--config", action="append", default=[], metavar="[POD=]PATH", help="the same; repeatable")
    add = made.add_argument_group("which").add_argument
    chosen = "CODE[=[KIND:]NAME][,…]"
    add("--select", action="append", default=[], metavar=chosen, help="only these; a prefix, a rule's name, ALL")
    add("--extend-select", action="append", default=[], metavar=chosen, help="these too")
    add("--ignore", action="append", default=[], metavar=chosen, help="not these; * in NAME stands for anything")
    add("--explain", metavar="CODE", help="what a code means, and the remedy")
    add("--rules", action="store_true", help="all codes, a line each")
    add = made.add_argument_group("answer").add_argument
    add("-o", "--output", choices=("text", "json"), default="text", help="text (default) or json")
    add("--json", dest="output", action="store_const", const="json", help="the same as -o json")
    add("--statistics", action="store_true", help="how often each code was found, in the place of the findings")
    add("--junit", metavar="FILE", help="a JUnit report too")
    add("--sarif", metavar="FILE", help="a SARIF report too")
    add("--github", action="store_true", help="annotations for GitHub Actions too")
    add("--exit-zero", action="store_true", help="exit 0 whatever was found")
    return made


def main(arguments: Sequence[str]) -> int:
    flags = parser().read(arguments)
    if flags.rules:
        sys.stdout.write(rules_text(stdout_options(0, show_secrets=False)))
        return DONE
    if flags.explain is not None:
        return _explain(flags.explain)
    wanted = _selection(flags)
    suites, configuration = _sorted(flags.paths)
    paths = [*flags.config, *configuration]
    findings = list(lint_suites(suites, wanted, date.today()))
    if paths or not suites:
        findings += _configuration(paths, wanted)
    _write_reports(findings, flags)
    if flags.output == "text":
        made = statistics_text(findings) if flags.statistics else _page(findings, demo=not (paths or suites))
        sys.stdout.write(made)
    failed = any(finding.severity != INFO for finding in findings)
    return FAILED if failed and not flags.exit_zero else DONE


def _selection(flags: Namespace) -> Selection:
    try:
        return selection(flags.select, flags.extend_select, flags.ignore)
    except ValueError as error:
        raise _unknown(str(error)) from None


def _unknown(code: str) -> UsageError:
    if code.endswith("="):
        return UsageError(f"{code!r} names no resource", hint=f"{code}NAME, or {code[:-1]} for all of them")
    valid = [*RULES, *(rule.name for rule in RULES.values())]
    near = get_close_matches(code, valid, 1, 0.6)
    hint = f"did you mean {near[0]}?" if near else "meshsim lint --rules lists them"
    return UsageError(f"no code {code!r}", hint=hint)


def _explain(code: str) -> int:
    rule = next((rule for rule in RULES.values() if code in (rule.code, rule.name)), None)
    if rule is None:
        raise _unknown(code)
    sys.stdout.write(rule_text(rule, stdout_options(0, show_secrets=False)))
    return DONE


def _sorted(paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """Suites and configuration, told by their content; a folder that holds suites holds the configuration they ask."""
    suites: list[str] = []
    others: list[str] = []
    checks: list[str] = []
    for text in paths:
        path = Path(text)
        kinds = test_files(path) if path.is_dir() else {text: kind_of_file(path)} if path.is_file() else {}
        suites += [file for file, kind in kinds.items() if kind == "suite"]
        checks += [file for file, kind in kinds.items() if kind == "router_check"]
        if not any(kinds.values()):
            others.append(text)
    if checks:
        many = f" and {len(checks) - 1} more" if len(checks) > 1 else ""
        said = f"{checks[0]}{many}: tests of router_check_tool, which are not linted"
        if not suites and not others:
            raise InputError("nothing-to-lint", said, hint="meshsim test runs them")
        print(f"meshsim: {said}", file=sys.stderr)
    return list(dict.fromkeys(suites)), others


def _configuration(paths: Sequence[str], wanted: Selection) -> list[Finding]:
    """What is wrong with a mesh, with lines and columns."""
    mesh = load(*paths) if paths else load_demo()
    if not any(pod.proxy is not None for pod in mesh.pods):
        raise InputError("nothing-to-lint", "no proxy's configuration is here", hint="give a config dump of Envoy")
    return [
        finding.at(mesh.locate(finding.place), [mesh.locate(place) for place in finding.related])
        for finding in lint_mesh(mesh.compiled, wanted)
    ]


def _page(findings: Sequence[Finding], *, demo: bool) -> str:
    return lint_text(findings, stdout_options(0, show_secrets=False), note=" (the demo mesh)" if demo else "")


def _write_reports(findings: Sequence[Finding], flags: Namespace) -> None:
    """Whatever was asked for beside the page."""
    if flags.junit is not None:
        write_file("--junit", flags.junit, junit(findings))
    if flags.sarif is not None:
        write_file("--sarif", flags.sarif, json.dumps(sarif(findings), indent=2) + "\n")
    if flags.output == "json":
        print(json.dumps(findings_document(findings), indent=2))
    if flags.github:
        (sys.stderr if flags.output == "json" else sys.stdout).write(github(findings))
