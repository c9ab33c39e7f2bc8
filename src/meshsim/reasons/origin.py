"""Reasons of the origin area."""

REASONS: dict[str, tuple[str, ...]] = {}
