"""Every trace document that a test makes can be held against the published schema."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from meshsim.schema import schema


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name))


def problems(name: str, document: Any) -> list[str]:
    """Where and how the document breaks the schema of that name."""
    return [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(document)]


def check_trace(document: Any) -> None:
    """Fails, naming each place, unless the document is a trace document."""
    found = problems("trace", document)
    assert not found, "\n".join(found)
