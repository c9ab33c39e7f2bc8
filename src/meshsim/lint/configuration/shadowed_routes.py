"""Routes that no request can reach, because one above them takes everything that they would."""

from __future__ import annotations

from collections.abc import Iterator

from ...findings import Finding
from ..check import Check
from ..shadowing import takes_all_of
from .subject import Subject


def find(subject: Subject) -> Iterator[Finding]:
    for routes in subject.route_lists:
        matches = [view.view("match") for view in routes.views]
        for index, later in enumerate(matches):
            for above, earlier in enumerate(matches[:index]):
                if later is not None and earlier is not None and takes_all_of(earlier, later):
                    taker = routes.rows[above]
                    yield subject.found(
                        "MS101",
                        "route",
                        routes.label(index),
                        routes.rows[index].place,
                        by=taker.label,
                        related=(taker.place,),
                    )
                    break


CHECK = Check(("MS101",), find)
