"""What a pod's /etc/passwd and /etc/group say: the numbers behind names in owner matches. No rule is known here."""

from __future__ import annotations

import re
from collections.abc import Mapping

_USERS = re.compile(r"\A(?:#[^\n]*\n)*[A-Za-z_][^:\s]*:[^:\n]*:\d+:\d+:[^:\n]*:[^:\n]*:[^:\n]*$", re.MULTILINE)
_GROUPS = re.compile(r"\A(?:#[^\n]*\n)*[A-Za-z_][^:\s]*:[^:\n]*:\d+:[^:\n]*$", re.MULTILINE)


def looks_like_users(text: str) -> bool:
    """passwd(5): seven fields a line."""
    return _USERS.match(text) is not None


def looks_like_groups(text: str) -> bool:
    """group(5): four fields a line."""
    return _GROUPS.match(text) is not None


def read_ids(text: str) -> Mapping[str, int]:
    """Name -> number, of either file; the first line of a name counts, as getpwnam(3) and getgrnam(3) have it."""
    ids: dict[str, int] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 4 and fields[2].isascii() and fields[2].isdigit():
            ids.setdefault(fields[0], int(fields[2]))
    return ids
