"""Measures everything, prints it, and writes it where `--json` says."""

from __future__ import annotations

import argparse
from pathlib import Path

from tabulate import tabulate

from . import big_tables, bulk, cold_start, domains, first_answer, stages, suites
from .figures import BASELINE, Table, document, ratios, read_baseline, write
from .meshes import demo, largest_dump


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast is meshsim?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every figure of this run there")
    parser.add_argument("--update-baseline", action="store_true", help="keep this run's ratios with the source")
    flags = parser.parse_args()
    known = demo()
    meshes = [known, *filter(None, [largest_dump()])]
    tables = [
        bulk.measure(meshes),
        first_answer.measure(meshes),
        cold_start.measure(),
        stages.measure(known),
        suites.measure(),
        domains.measure(),
        big_tables.measure(),
    ]
    for table in tables:
        show(table)
    show(compared(ratios(tables), read_baseline()))
    if len(meshes) == 1:
        print("\nthe published dumps are not beside the project: only the demo was measured")
    if flags.json is not None:
        write(flags.json, document(tables))
    if flags.update_baseline:
        write(BASELINE, {**read_baseline(), **ratios(tables)})


def show(table: Table) -> None:
    print(f"\n{table.question}")
    print(tabulate(table.rows, table.headers, floatfmt=",.4g", intfmt=","))
    if table.note:
        print(f"({table.note})")


def compared(now: dict[str, float], then: dict[str, float]) -> Table:
    """This run beside the baseline; within about a tenth is noise."""
    rows = tuple(
        (name, then.get(name), ratio, ratio / then[name] if name in then else None) for name, ratio in now.items()
    )
    return Table("against the baseline (smaller is better)", ("ratio", "baseline", "now", "now/baseline"), rows, {})


if __name__ == "__main__":
    main()
