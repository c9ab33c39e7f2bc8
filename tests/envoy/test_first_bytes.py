"""First bytes: the findings of real inspectors, byte string by byte string."""

from __future__ import annotations

import pytest

from meshsim.envoy.first_bytes import WAITING, first_text, http_in, http_of, tls_in
from meshsim.facts.conversation import Conversation, ProxyProtocol
from meshsim.facts.request import Request

OBSERVED_HTTP = {
    "G": WAITING,
    "GET /": WAITING,
    "GET / HTTP/1.1": WAITING,
    "G\r": WAITING,
    "hello world": WAITING,
    "PRI * HT": WAITING,
    "PRI * HTTP/2.0\r\n\r\n": WAITING,
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": "h2c",
    "PRI / HTTP/1.1\r\n": "http/1.1",
    "GET / HTTP/1.1\r\n\r\n": "http/1.1",
    "GET / HTTP/1.1 \r\n": "http/1.1",
    "GET  / HTTP/1.1\r\n": "http/1.1",
    "get / HTTP/1.1\n": "http/1.1",
    "GET * HTTP/1.1\r\n": "http/1.1",
    "GET http://a/b HTTP/1.1\r\n": "http/1.1",
    "GET ftp://a/ HTTP/1.1\r\n": "http/1.1",
    "CONNECT a:1 HTTP/1.1\r\n": "http/1.1",
    "CONNECT a HTTP/1.1\r\n": "http/1.1",
    "GET / HTTP/1.0\r\n\r\n": "http/1.0",
    "FOO /\r\n": "http/1.0",
    "hello /world\n": "http/1.0",
    "hello world\n": "",
    "GET /a b HTTP/1.1\r\n": "",
    "GET / HTTP/2\r\n": "",
    "GET / http/1.1\r\n": "",
    "GET a:1 HTTP/1.1\r\n": "",
    "G(T / HTTP/1.1\r\n": "",
    "\r\nGET / HTTP/1.1\r\n": "",
    "PING\r\n": "",
    "SSH-2.0-x\r\n": "",
    "*1\r\n$4\r\nPING\r\n": "",
    "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n": "",
    "A\n": "",
    "\n": "",
    " ": "",
    "\x16\x03": "",
    "\x80": "",
    "a(b": "",
}


@pytest.mark.parametrize(("payload", "found"), OBSERVED_HTTP.items())
def test_http_inspector_finds_what_the_real_one_finds(payload: str, found: str) -> None:
    assert http_in(payload) == found


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ("G", WAITING),
        ("PING", WAITING),
        ("\x00\x01\x02", WAITING),
        ("\x16\x03\x01\x02\x00", WAITING),
        ("\x16\x03\x01\x00\x05hello", ""),
        ("abcde", ""),
        ("PING\r\n", ""),
    ],
)
def test_tls_inspector_waits_for_a_whole_record_header(payload: str, found: str) -> None:
    assert tls_in(payload) == found


def test_bytes_nobody_stated_are_neither_tls_nor_http() -> None:
    assert first_text(Conversation("tcp")) == ""
    assert (tls_in(""), http_in("")) == ("", "")


@pytest.mark.parametrize("path", ["/", "/a b", "*", "http://a/", "x", "/\n", "/a\tb", "/é"])
@pytest.mark.parametrize("version", ["http/1.0", "http/1.1", "http2"])
@pytest.mark.parametrize("method", ["GET", "FOO", "a(b"])
def test_a_request_is_found_as_its_bytes_are(method: str, path: str, version: str) -> None:
    said = Conversation(version, request=Request(method, "http", "a", path, {}, version))
    text = first_text(said)
    assert text is not None and http_of(said) == http_in(text)


def test_what_a_conversation_begins_with() -> None:
    request = Request("PUT", "http", None, "/x", {}, "http/1.0")
    assert first_text(Conversation("http/1.0", request=request)) == "PUT /x HTTP/1.0\r\n"
    assert first_text(Conversation("tcp", server_first=True)) is None
    header = ProxyProtocol("1.2.3.4:5", "6.7.8.9:80")
    text = first_text(Conversation("http/1.0", request=request, proxy_protocol=header))
    assert text is not None and http_in(text) == ""
