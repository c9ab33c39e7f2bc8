"""Reasons of the http area."""

REASONS: dict[str, tuple[str, ...]] = {}
