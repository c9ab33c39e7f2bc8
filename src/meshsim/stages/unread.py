"""A proxy that closes before it read what lies in its socket: to whoever dialled it, that is a reset. Not a stage."""

from __future__ import annotations

from attrs import evolve

from ..facts.connection import Connection
from ..outcome import Ending
from ..states import Frame


def as_dialler_sees(ending: Ending, connection: Connection, frames: Frame | None) -> Ending:
    """linux tcp_close: unread bytes turn the FIN into a RST, which a proxy in front tells apart."""
    if ending.kind != "closed" or not connection.unread or frames is None:
        return ending
    return evolve(ending, kind="reset")
