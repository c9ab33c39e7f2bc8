"""direct_response: ends the chain; writes its text as soon as there is a connection, then closes.

envoyproxy/envoy source/extensions/filters/network/direct_response.
"""

from __future__ import annotations

from attrs import define

from ...config.view import View
from ...place import Place
from .verdicts import Behaviour

DETAILS = "direct_response"


@define(eq=False)
class DirectResponse(Behaviour):
    place: Place
    text: str | None
    """None: it comes from a file or the environment."""


def compile_direct_response(view: View, _name: str) -> DirectResponse:
    response = view.view("response")
    if response is None:
        return DirectResponse(view.place, "")
    return DirectResponse(view.place, response.text("inline_string") if response.has("inline_string") else None)
