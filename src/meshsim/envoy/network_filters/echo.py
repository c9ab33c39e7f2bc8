"""echo: ends the chain; says back what it hears. envoyproxy/envoy source/extensions/filters/network/echo."""

from __future__ import annotations

from attrs import define

from ...config.view import View
from .verdicts import Behaviour


@define(eq=False)
class Echo(Behaviour):
    """It has nothing to configure."""


def compile_echo(_view: View, _name: str) -> Echo:
    return Echo()
