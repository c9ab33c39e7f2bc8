"""Codes of what can be wrong with a proxy's configuration."""

from __future__ import annotations

from .rule import ERROR, INFO, WARNING, Rule

RULES = (
    Rule("MS100", "refused-configuration", ERROR, ("why",)),
    Rule("MS101", "shadowed-route", WARNING, ("by",)),
    Rule("MS102", "missing-cluster", ERROR, ("cluster", "field")),
    Rule("MS103", "unused-route-configuration", WARNING),
    Rule("MS104", "cluster-without-endpoints", WARNING),
    Rule("MS105", "cluster-without-healthy-endpoints", WARNING, ("endpoints",)),
    Rule("MS106", "never-matching-route", WARNING, ("field", "value")),
    Rule("MS107", "never-matching-domain", WARNING, ("domain",)),
    Rule("MS108", "unreachable-filter-chain", WARNING, ("listener", "field")),
    Rule("MS109", "ambiguous-filter-chains", WARNING, ("field", "keys", "chains")),
    Rule("MS110", "missing-filter-chain", ERROR, ("chain",)),
    Rule("MS111", "unreachable-listener", WARNING, ("address",)),
    Rule("MS112", "missing-route-configuration", ERROR, ("table",)),
    Rule("MS113", "refused-update", ERROR, ("error", "time", "in_force")),
    Rule("MS114", "still-warming", INFO),
    Rule("MS115", "shared-certificate", WARNING, ("host", "other", "certificate")),
    Rule("MS116", "port-not-redirected", WARNING, ("address", "rule")),
    Rule("MS117", "plaintext-to-tls", ERROR, ("server", "chain")),
    Rule("MS118", "server-first-behind-inspector", WARNING, ("port", "protocol", "inspectors", "timeout")),
    Rule("MS119", "unused-cluster", INFO, asked_for=True),
    Rule("MS120", "zero-weight", INFO, ("cluster",), asked_for=True),
)
