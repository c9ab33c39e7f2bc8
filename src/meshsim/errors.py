"""Who is to blame: the four exceptions of meshsim. A call that fails is an Outcome, never one of these.

Each has a kebab-case reference, a message (lower case, no full stop), the place, circumstances (note) and the
remedy (hint, and only there). May be imported by every module; imports `place` only.
"""

from __future__ import annotations

import re
from typing import ClassVar

from .place import Place

_REFERENCE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class MeshsimError(Exception):
    """What all of them carry. Not raised itself."""

    exit_code: ClassVar[int] = 70

    def __init__(
        self, reference: str, message: str, *, place: Place | None = None, note: str = "", hint: str = ""
    ) -> None:
        if not _REFERENCE.fullmatch(reference):
            raise ValueError(f"error reference {reference!r} is not kebab-case")
        super().__init__(message)
        self.reference = reference
        self.message = message
        self.place = place
        self.note = note
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place is not None else self.message


class InputError(MeshsimError):
    """The user's file, flag or call document is wrong."""

    exit_code = 2


class Rejected(MeshsimError):
    """Envoy would refuse this configuration too."""

    exit_code = 2


class Unsupported(MeshsimError):
    """Valid input that meshsim does not model."""

    exit_code = 2


class Bug(MeshsimError):
    """Our fault."""

    exit_code = 70
