"""Reasons of the packet rules: what a rule did, and what of it is not modelled."""

REASONS: dict[str, tuple[str, ...]] = {
    "netfilter.unmodelled-match": ("rule", "what"),
    "netfilter.unmodelled-target": ("rule", "what"),
    "netfilter.chance": ("rule", "what"),
    "netfilter.limit-assumed": ("rule", "what"),
    "netfilter.rule-from-flag": ("rule", "flags"),
    "netfilter.rule-from-annotation": ("rule", "flags", "annotations"),
}
