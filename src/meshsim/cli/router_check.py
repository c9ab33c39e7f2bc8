"""`meshsim test` on tests written for Envoy's router_check_tool: its flags, and their run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from ..suite.model import Suite
from ..suite.router_check.run import CheckSettings, run_checks
from ..suite.select import keyword
from ..suite_results import Results
from .suite_cache import failed_last_time
from .usage import Parser, UsageError

_OF_SUITES = ("tags", "mesh", "shard", "affected_by", "update")


def add_flags(parser: Parser) -> None:
    add = parser.add_argument_group("tests of router_check_tool").add_argument
    route_config = "their RouteConfiguration (the one beside them with the longest stem)"
    add("--route-config", "--config-path", "-c", metavar="FILE", help=route_config)
    add("-t", "--test-path", dest="tests", action="append", default=[], metavar="PATH", help="tests, beside PATH")
    add("-d", "--details", action="store_true", help="what passed too")
    add("--only-show-failures", action="store_true", help="only what failed, whatever -v and -d say")
    add("--covall", action="store_true", help="coverage of every field of every route")
    add("--detailed-coverage", action="store_true", help="list the routes that no test covers")
    add("--disable-deprecation-check", action="store_true", help="take fields that Envoy refuses as deprecated")


def run_router_checks(files: Sequence[str], flags: Namespace) -> tuple[Results, list[Suite]]:
    """What they came to; they are no suites, so none of those."""
    for name in _OF_SUITES:
        if getattr(flags, name):
            raise UsageError(
                f"--{name.replace('_', '-')} knows scenario suites only, and {files[0]} holds router_check_tool tests",
                hint="name the suites alone",
            )
    asked = keyword(flags.keyword) if flags.keyword is not None else None
    failed = failed_last_time() if flags.last_failed else frozenset()
    again = frozenset(node for node in failed if node.partition("::")[0] in files)

    def wanted(node: str) -> bool:
        return (asked is None or asked(node)) and (not again or node in again)

    settings = CheckSettings(
        route_config=flags.route_config,
        wanted=wanted,
        fail_fast=flags.fail_fast,
        fail_under=0.0 if flags.fail_under is None else float(100 * flags.fail_under),
        comprehensive=flags.covall,
        detailed=flags.detailed_coverage,
        takes_deprecated=flags.disable_deprecation_check,
    )
    return run_checks(files, settings), []
