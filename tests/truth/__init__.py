"""Bulk truth: many small configurations in a real Envoy, every probe's fields kept, replayed without root.

A *family* is a module in `families/` with one function `settings()` that yields `Setting`s in a fixed order, drawn from
fixed seeds: a config dump, packet rules, upstreams, and the calls (the probes) to be made against them. Nothing else is
needed: families are found by looking into the folder.

    python -m tests.truth.record chains          asks the real Envoy, writes recorded/chains.json.gz (needs root)
    python -m tests.truth.record                 every family, what `make truth` runs
    python -m tests.truth.record --ask chains    asks and compares only: the quick loop while a family is being written

`test_recorded.py` replays every probe of the recordings in each run; `test_live.py` asks a sample again;
`test_rows.py` prints (with `-s`) how many configurations there are and how often each criterion and outcome of Envoy
was met, and holds the counts to a floor.
"""
