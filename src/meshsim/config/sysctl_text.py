"""What `sysctl` prints (`net.ipv4.ip_forward = 1`), as host facts. Values stay text; meaning is not known here."""

from __future__ import annotations

import re

from ..errors import InputError
from ..place import Place
from .documents import Document
from .host_facts import HostFacts

_LINE = re.compile(r"\s*(?P<key>[a-z][\w-]*(?:[./][\w-]+)+)\s*=\s*(?P<value>.*?)\s*")
_NETWORK_LINE = re.compile(r"^\s*(?:net|kernel|vm|fs|user)[./][\w./-]+\s*=", re.MULTILINE)


def looks_like_sysctls(text: str) -> bool:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return _NETWORK_LINE.match(first) is not None


def read_sysctls(document: Document) -> HostFacts:
    place = Place(document.name)
    found: dict[str, str] = {}
    for number, line in enumerate(document.source.text().splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";", "sysctl:")):
            continue
        row = _LINE.fullmatch(line)
        if row is None:
            raise InputError(
                "bad-sysctl-output",
                "this line is no `key = value`",
                place=place.at_line(number),
                hint="take it again: sysctl net",
            )
        found[row["key"].replace("/", ".")] = row["value"].replace("\t", " ")
    return HostFacts(place=place, sysctls=found)
