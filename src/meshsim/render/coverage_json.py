"""Coverage as a JSON document, version 1; read again, so that shards and runs can be combined."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..errors import InputError
from ..place import Place
from ..suite_coverage import KINDS, Coverage, Floor, Thing, Uncounted
from .coverage_text import rows

VERSION = 1
_UNCOUNTED = ("mesh", "pod", "kind", "name", "why", "detail")


def coverage_document(coverage: Coverage) -> dict[str, Any]:
    share = coverage.share
    counted = zip((*KINDS, "all"), rows(coverage), strict=True)
    return {
        "meshsim_coverage": VERSION,
        "percent": None if share is None else float(share * 100),
        "totals": {kind: {"exercised": row[1], "total": row[2]} for kind, row in counted},
        "things": [
            {
                "mesh": thing.mesh,
                "pod": thing.pod,
                "kind": thing.kind,
                "name": thing.name,
                "owners": [list(owner) for owner in thing.owners],
                "place": _place(thing.place),
                "suites": sorted(thing.suites),
            }
            for thing in coverage.things
        ],
        "floors": [
            {
                "suite": floor.suite,
                "kind": floor.kind,
                "name": floor.name,
                "what": floor.what,
                "share": str(floor.share),
                "place": _place(floor.place),
            }
            for floor in coverage.floors
        ],
        "not_counted": [
            {**{key: getattr(each, key) for key in _UNCOUNTED}, "place": _place(each.place)}
            for each in coverage.uncounted
        ],
    }


def read_coverage(document: Any, name: str) -> Coverage:
    """InputError where it is no such document."""
    try:
        if document["meshsim_coverage"] != VERSION:
            raise InputError("coverage-version", f"{name}: coverage of version {document['meshsim_coverage']!r}")
        things = tuple(
            Thing(
                **{key: str(each[key]) for key in ("mesh", "pod", "kind", "name")},
                place=_read_place(each["place"]),
                owners=tuple((str(kind), str(owner)) for kind, owner in each["owners"]),
                suites=frozenset(map(str, each["suites"])),
            )
            for each in document["things"]
        )
        floors = tuple(
            Floor(
                **{key: str(each[key]) for key in ("suite", "kind", "name", "what")},
                share=Fraction(str(each["share"])[:40]),
                place=_read_place(each["place"]),
            )
            for each in document["floors"]
        )
        uncounted = tuple(
            Uncounted(**{key: str(each[key]) for key in _UNCOUNTED}, place=_read_place(each["place"]))
            for each in document.get("not_counted", ())
        )
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, ZeroDivisionError):
        raise InputError(
            "not-coverage", f"{name}: no coverage document", hint="such as --cov-report json:FILE writes"
        ) from None
    return Coverage(things, floors, uncounted)


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.doc, "path": list(place.path), "line": place.line, "column": place.column}


def _read_place(data: Any) -> Place:
    path = tuple(part if isinstance(part, int) else str(part) for part in data["path"])
    lines = [data["line"], data["column"]]
    if not all(each is None or isinstance(each, int) for each in lines):
        raise ValueError
    return Place(str(data["file"]), path, *lines)
