"""--all: one call answered with every branch that configuration leaves open."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Sequence

from ..branches import MAX_BRANCHES
from ..facts.call import Call
from ..render.branches_text import branches_text
from ..render.json import document, remainder_document
from .answer import check_picks, open_mesh, page_options, report_failures
from .exit_codes import ASSUMED, DONE, FAILED
from .expect import Expectation


def answer_all(flags: Namespace, call: Call, expectations: Sequence[Expectation]) -> int:
    """All branches; an expectation must hold on each of them."""
    mesh = open_mesh(flags)
    limit = MAX_BRANCHES if flags.max_branches is None else flags.max_branches
    found = mesh.branches(call, by=flags.by, max_branches=limit, strict=flags.strict)
    check_picks(call, found.sites)
    depth = min(flags.verbose, 2)
    reports = [branch.report(decisions=depth > 0) for branch in found]
    if flags.output in ("json", "jsonl"):
        documents = [document(report, show_secrets=flags.show_secrets, depth=depth) for report in reports]
        if found.remainder is not None:
            documents.append(remainder_document(found.remainder, call.id))
        if flags.output == "json":
            print(json.dumps(documents, indent=2))
        else:
            for made in documents:
                print(json.dumps(made))
    else:
        sys.stdout.write(branches_text(reports, found.remainder, page_options(flags, mesh, depth)))
    failed = False
    for number, report in enumerate(reports, 1) if expectations else ():
        true, shown = (document(report, show_secrets=secrets, depth=depth) for secrets in (True, flags.show_secrets))
        failed = report_failures(expectations, true, shown, f"branch {number}: ") or failed
    if flags.strict and any(report.assumptions for report in reports):
        return ASSUMED
    return FAILED if failed else DONE
