"""Codes of what can be wrong with a proxy's configuration."""

from __future__ import annotations

from .rule import ERROR, WARNING, Rule

RULES = (
    Rule("MS101", "shadowed-route", WARNING, ("by",)),
    Rule("MS102", "missing-cluster", ERROR, ("cluster", "field")),
    Rule("MS103", "unused-route-configuration", WARNING),
    Rule("MS104", "cluster-without-endpoints", WARNING),
    Rule("MS106", "never-matching-route", WARNING, ("field", "value")),
)
