"""Reasons of the connection area."""

REASONS: dict[str, tuple[str, ...]] = {}
