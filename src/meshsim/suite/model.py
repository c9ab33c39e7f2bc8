"""What a suite says, once it has been read: cases, expectations, guards. Plain data that can be sent to a process."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..facts.call import Call
from ..place import Place

TRACE = "trace"
"""The role of what is said about the trace as a whole: the outcome's fields, assumptions, the resolution."""
HOP_ROLES = ("client", "server", "gateway", "any_hop", "every_hop")
PACKET_ROLES = ("any_packet", "every_packet")
EVERY = ("every_hop", "every_packet")


@frozen
class Want:
    """What a value should be: one of some literals or patterns, or none of them."""

    literals: tuple[Any, ...] = ()
    patterns: tuple[str, ...] = ()
    """RE2, found anywhere in the text."""
    negated: bool = False
    listed: bool = False
    """Written as a list; of a field that is a list itself it means exactly these, in any order."""
    text: str = ""
    """As the suite writes it."""


@frozen
class Presence:
    """Whether there is such a hop at all."""

    present: bool
    text: str


@frozen
class Expected:
    """One field and what it should be."""

    role: str
    path: tuple[str, ...]
    """Below the role; empty: the hop itself."""
    want: Want | Presence
    place: Place

    @property
    def name(self) -> str:
        return ".".join(self.path if self.role == TRACE else (self.role, *self.path))


@frozen
class Expectation:
    """Fields that hold together on one branch, and expectations each of which holds on some branch."""

    fields: tuple[Expected, ...]
    place: Place
    some: tuple[Expectation, ...] = ()


@frozen
class Share:
    """How often a field has a value."""

    role: str
    path: tuple[str, ...]
    value: str
    share: Fraction
    tolerance: Fraction
    text: str
    place: Place

    @property
    def name(self) -> str:
        path = self.path if self.role == TRACE else (self.role, *self.path)
        return f"{'.'.join(path)}={self.value}"


@frozen
class Guard:
    """What must never be, on any branch of any call."""

    expectation: Expectation
    except_tags: frozenset[str]
    name: str
    why: str
    place: Place


@frozen
class KnownGap:
    why: str
    until: date
    """The last day on which the case may fail."""
    place: Place


@frozen
class MeshSpec:
    """What a case's mesh is loaded from; no paths: the embedded demo mesh."""

    name: str
    """Empty where the suite says `config:` itself."""
    paths: tuple[str, ...]
    istio_iptables: tuple[str, ...] = ()
    outbound_policy: str = "ALLOW_ANY"

    @property
    def loaded_from(self) -> tuple[object, ...]:
        """Two names can stand for one mesh."""
        return self.paths, self.istio_iptables, self.outbound_policy


@frozen
class Floor:
    """How much of one object a suite must exercise."""

    object: str
    """KIND/NAME."""
    what: str
    share: Fraction
    place: Place


@frozen
class Accepted:
    """A finding of `meshsim lint` that the suite accepts."""

    code: str
    resource: str
    """`*` stands for anything."""
    why: str
    place: Place


@frozen
class Case:
    """One call on one mesh and everything said about it."""

    id: str
    call: Call
    expectation: Expectation
    place: Place
    mesh: MeshSpec
    shares: tuple[Share, ...] = ()
    why: str = ""
    tags: tuple[str, ...] = ()
    gap: KnownGap | None = None
    pins: tuple[str, ...] = ()
    """Sites that the call itself pins: one that it never comes to is an error."""
    key: str = ""
    """The test it was multiplied from."""


@frozen(eq=False)
class Suite:
    """One file."""

    name: str
    file: str
    """As it was given."""
    path: Path
    cases: tuple[Case, ...]
    guards: tuple[Guard, ...] = ()
    strict: bool = False
    coverage: tuple[Floor, ...] = ()
    files: tuple[str, ...] = ()
    """The file itself and all it uses."""
    accepted: tuple[Accepted, ...] = ()
    tests: Mapping[str, Place] = field(factory=dict)
    """The ids as they are written, before they are multiplied."""
