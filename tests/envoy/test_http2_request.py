"""The HTTP/2 codec alone; the bulk is measured in the truth family http2."""

from typing import Any

import pytest

from meshsim.config.view import View
from meshsim.envoy.hcm_options import compile_codec
from meshsim.envoy.http2_request import INVALID, VIOLATION, http2_refusal, pseudo_headers
from meshsim.envoy.upstream_request import framed
from meshsim.facts.request import Headers, Request
from meshsim.place import Place

HERE = Place("test.json")
ALLOWED = {"http2_protocol_options": {"allow_connect": True}}


def asked(method: str = "GET", path: str = "/", headers: Headers | None = None, **stated: tuple[str, ...]) -> Request:
    pseudo = {f":{name}": values for name, values in stated.items()} or None
    return Request(method, "http", "a.test", path, headers or {}, "http2", stated=pseudo)


def details(request: Request, options: dict[str, Any]) -> str | None:
    refusal = http2_refusal(compile_codec(View(options, HERE)), request, HERE)
    return None if refusal is None else refusal.details


@pytest.mark.parametrize(
    ("request_", "options", "wanted"),
    [
        (asked(), {}, None),
        (asked(headers={"connection": ("close",)}), {}, INVALID),
        (asked(headers={"te": ("Trailers",)}), {}, None),
        (asked(headers={"te": ("gzip",)}), {}, INVALID),
        (asked(scheme=()), {}, VIOLATION),
        (asked(scheme=("http", "http")), {}, INVALID),
        (asked(path="*"), {}, VIOLATION),
        (asked(path="*", method="OPTIONS"), {}, None),
        (asked(method="CONNECT", protocol=("websocket",)), {}, INVALID),
        (asked(method="CONNECT", protocol=("websocket",)), ALLOWED, None),
        (asked(protocol=("websocket",)), ALLOWED, VIOLATION),
        (asked(method="CONNECT", path=""), {}, None),
    ],
)
def test_refusals(request_: Request, options: dict[str, Any], wanted: str | None) -> None:
    assert details(request_, options) == wanted


def test_the_first_wrong_header_decides() -> None:
    options = {"common_http_protocol_options": {"max_headers_count": 5}}
    many, bad = {"h": ("1",) * 3}, {"te": ("gzip",)}
    assert details(asked(headers={**many, **bad}), options) == "http2.too_many_headers"
    assert details(asked(headers={**bad, **many}), options) == INVALID


def test_connect_sends_neither_scheme_nor_path() -> None:
    assert list(pseudo_headers(asked(method="CONNECT"))) == [":method", ":authority"]


def test_an_upgrade_leaves_as_extended_connect() -> None:
    upgrade = {"connection": ("upgrade",), "upgrade": ("websocket",)}
    sent = framed(asked(headers=upgrade), "http2")
    assert (sent.method, sent.stated, dict(sent.headers)) == ("CONNECT", {":protocol": ("websocket",)}, {})
    assert framed(asked(headers=upgrade), "http/1.1").headers == upgrade
