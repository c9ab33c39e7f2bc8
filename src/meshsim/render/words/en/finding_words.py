"""The three texts that each code of `meshsim lint` has."""

from __future__ import annotations

from attrs import frozen


@frozen
class FindingWords:
    sentence: str
    """What is wrong here; its placeholders are `kind`, `name` and the rule's facts. Lower case, no full stop."""
    meaning: str
    """When it is reported, and what comes of it."""
    remedy: str
