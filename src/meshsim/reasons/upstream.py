"""Reasons of the upstream area."""

REASONS: dict[str, tuple[str, ...]] = {}
