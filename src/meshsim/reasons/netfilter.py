"""Reasons of the packet rules: what a rule did, and what of it is not modelled."""

REASONS: dict[str, tuple[str, ...]] = {
    "netfilter.unmodelled-match": ("rule", "what"),
    "netfilter.unmodelled-target": ("rule", "what"),
}
