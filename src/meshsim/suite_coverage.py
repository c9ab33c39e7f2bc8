"""What of a configuration suites exercised and what never, as plain data; parts made apart can be combined.

Only what is in force is counted (the rest is told beside it), and only what had a say on some walked branch is
exercised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from fractions import Fraction

from attrs import evolve, frozen

from .place import Place

KINDS = ("listener", "filter_chain", "virtual_host", "route", "cluster", "rule")


@frozen
class Thing:
    """One object of a configuration."""

    mesh: str
    """What its mesh was loaded from; empty: the demo mesh."""
    pod: str
    kind: str
    name: str
    place: Place
    owners: tuple[tuple[str, str], ...] = ()
    """(kind, name) of what it stands in, the outermost first."""
    suites: frozenset[str] = frozenset()
    """The files of the suites that exercised it; none: never."""

    @property
    def key(self) -> tuple[object, ...]:
        """The same thing in two runs: with its line found or not."""
        return self.mesh, self.pod, self.kind, self.name, self.place.doc, self.place.path or self.place.line

    @property
    def label(self) -> str:
        return " / ".join((*(name for _kind, name in self.owners), self.name or "(no name)"))


@frozen
class Uncounted:
    """What a configuration holds and coverage leaves out."""

    mesh: str
    pod: str
    kind: str
    name: str
    why: str
    """One of WHY."""
    detail: str
    place: Place

    @property
    def key(self) -> tuple[object, ...]:
        return self.mesh, self.pod, self.kind, self.name, self.why, self.place.doc, self.place.path or self.place.line


WHY = ("refused", "warming", "no-tcp", "unreadable", "on-demand", "not-in-dump")
"""Why something is not counted: Envoy refused it; it still waits; no TCP comes to it; it cannot be read (Envoy would
refuse it too, or it is not supported); it is fetched while requests wait; it stands in no input."""


@frozen
class Floor:
    """How much of an object a suite must exercise."""

    suite: str
    kind: str
    name: str
    what: str
    """The kind of the things in it."""
    share: Fraction
    place: Place


@frozen
class Shortfall:
    """A floor that is not reached."""

    floor: Floor
    pod: str
    """Empty where no pod's object was exercised at all."""
    exercised: int
    total: int
    near: str = ""
    """Where nothing bears the floor's name: the object of its kind whose name is nearest."""


@frozen
class Coverage:
    things: tuple[Thing, ...] = ()
    floors: tuple[Floor, ...] = ()
    uncounted: tuple[Uncounted, ...] = ()

    def of(self, kind: str) -> tuple[Thing, ...]:
        return tuple(thing for thing in self.things if thing.kind == kind)

    @property
    def never(self) -> tuple[Thing, ...]:
        return tuple(thing for thing in self.things if not thing.suites)

    @property
    def share(self) -> Fraction | None:
        return share_of(self.things)

    @property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        return tuple(short for floor in self.floors for short in _shortfalls(floor, self.things))


def share_of(
    things: Sequence[Thing], exercised: Callable[[Thing], bool] = lambda thing: bool(thing.suites)
) -> Fraction | None:
    """None where there is nothing to exercise."""
    return Fraction(sum(map(exercised, things)), len(things)) if things else None


def combined(parts: Iterable[Coverage]) -> Coverage:
    """What any of the parts exercised: shards, and runs of other suites."""
    things: dict[tuple[object, ...], Thing] = {}
    floors: dict[Floor, None] = {}
    uncounted: dict[tuple[object, ...], Uncounted] = {}
    for part in parts:
        for each in part.uncounted:
            uncounted.setdefault(each.key, each)
        floors.update(dict.fromkeys(part.floors))
        for thing in part.things:
            known = things.setdefault(thing.key, thing)
            place = known.place if known.place.line is not None else thing.place
            things[thing.key] = evolve(known, suites=known.suites | thing.suites, place=place)
    return Coverage(tuple(things.values()), tuple(floors), tuple(uncounted.values()))


def read_share(text: str) -> Fraction:
    """A number from 0 to 100, as a share. ValueError where it is none."""
    whole, _dot, rest = text.partition(".")
    if not (whole.isdecimal() and len(text) < 12 and (not rest or rest.isdecimal())) or Fraction(text) > 100:
        raise ValueError(f"{text!r} is no number from 0 to 100")
    return Fraction(text) / 100


def percent_text(share: Fraction | None) -> str:
    """Never 100 % while anything is left, never 0 % while anything is done."""
    if share is None:
        return "-"
    tenths = round(share * 1000)
    if share < 1:
        tenths = min(tenths, 999)
    if share > 0:
        tenths = max(tenths, 1)
    return f"{tenths // 10}.{tenths % 10} %" if tenths % 10 else f"{tenths // 10} %"


def _shortfalls(floor: Floor, things: Sequence[Thing]) -> list[Shortfall]:
    """An object of one name stands in many proxies: each one the suite entered is held to the floor; one must be."""
    inside: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Thing]] = {}
    for thing in things:
        if thing.kind == floor.what and (floor.kind, floor.name) in thing.owners:
            outer = thing.owners[: thing.owners.index((floor.kind, floor.name)) + 1]
            inside.setdefault((thing.mesh, thing.pod, outer), []).append(thing)

    def by_suite(thing: Thing) -> bool:
        return floor.suite in thing.suites

    short, entered = [], False
    for (_mesh, pod, _owners), own in inside.items():
        done = sum(map(by_suite, own))
        if done:
            entered = True
            if Fraction(done, len(own)) < floor.share:
                short.append(Shortfall(floor, pod, done, len(own)))
    if not entered and floor.share > 0:
        near = "" if inside else _near(floor, things)
        short.append(Shortfall(floor, "", 0, max(map(len, inside.values()), default=0), near))
    return short


def _near(floor: Floor, things: Sequence[Thing]) -> str:
    names = {name for thing in things for kind, name in thing.owners if kind == floor.kind}
    return next(iter(get_close_matches(floor.name, sorted(names), 1, 0.6)), "")
