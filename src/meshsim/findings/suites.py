"""Codes of what can be wrong with a scenario suite."""

from __future__ import annotations

from .rule import ERROR, INFO, WARNING, Rule

RULES = (
    Rule("MS201", "unusable-suite", ERROR, ("message", "help")),
    Rule("MS202", "unused-name", WARNING, ("what",)),
    Rule("MS203", "unused-shared-name", INFO, ("what", "suites")),
    Rule("MS204", "generated-name", WARNING, ("field", "value")),
    Rule("MS205", "pinned-version", WARNING, ("field", "value")),
    Rule("MS206", "pinned-pod-address", WARNING, ("field", "value")),
    Rule("MS207", "ephemeral-port", WARNING, ("field", "value")),
    Rule("MS208", "expects-anything", WARNING, ("field", "value")),
    Rule("MS209", "overdue-gap", ERROR, ("until",)),
    Rule("MS210", "endless-gap", WARNING, ("until",)),
    Rule("MS211", "test-without-why", INFO, (), asked_for=True),
    Rule("MS212", "duplicate-call", WARNING, ("other",)),
    Rule("MS213", "duplicate-test", WARNING, ("other",)),
    Rule("MS214", "guard-never-asked", WARNING, ()),
    Rule("MS215", "unknown-except-tag", WARNING, ("tag",)),
    Rule("MS216", "one-sided-matrix", WARNING, ("missing",)),
    Rule("MS217", "accepts-nothing", WARNING, ("accepted",)),
)
