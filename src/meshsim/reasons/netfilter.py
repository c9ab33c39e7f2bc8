"""Reasons of the netfilter area."""

REASONS: dict[str, tuple[str, ...]] = {}
