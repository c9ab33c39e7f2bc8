"""Reason code -> sentence. The only place where what meshsim says becomes English.

A sentence is short, in lower case, without a full stop; its placeholders are facts of the reason's code.
"""

from __future__ import annotations

from typing import Any

from ...reasons import Reason
from .en import connection, http, netfilter, origin, upstream, walk

WORDS: dict[str, str] = {
    **walk.WORDS,
    **netfilter.WORDS,
    **connection.WORDS,
    **http.WORDS,
    **upstream.WORDS,
    **origin.WORDS,
}


def sentence(reason: Reason) -> str:
    """What the reason says, with its facts filled in."""
    return WORDS[reason.code].format_map({name: plain(value) for name, value in reason.facts})


def plain(value: Any) -> str:
    """A fact as people write it: no quotes, no brackets, `nothing` for None."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value if value else "(empty)"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain(item)}" for key, item in value.items()) or "nothing"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "nothing"
    return str(value)
