"""PROXY headers among plain bytes, as a real Envoy 1.40 was seen to take them."""

import pytest

from meshsim.address import parse_ip
from meshsim.envoy.proxy_protocol import BROKEN, NO_HEADER, WAITING, header_in, is_unicast

V2 = "\r\n\r\n\x00\r\nQUIT\n"


@pytest.mark.parametrize(
    "text, required, optional",
    [
        ("\x01\x02bytes\n", WAITING, NO_HEADER),
        ("hello\r\n", BROKEN, NO_HEADER),
        ("x" * 15, WAITING, NO_HEADER),
        ("x" * 16, BROKEN, NO_HEADER),
        ("P", WAITING, WAITING),
        ("PROXY", WAITING, WAITING),
        ("PROXYX hello\r\n", BROKEN, NO_HEADER),
        ("PROXY TCP4 1.2.3.x 5.6.7.8 1000 2000\r\nhello", BROKEN, BROKEN),
        ("proxy TCP4 1.2.3.4 5.6.7.8 1000 2000\r\nhello", BROKEN, NO_HEADER),
        ("GET / HTTP/1.1\r\n", BROKEN, NO_HEADER),
        ("\r", WAITING, WAITING),
        (V2 + "\x21\x11", WAITING, WAITING),
    ],
)
def test_bytes_that_no_call_states_as_a_header(text: str, required: str, optional: str) -> None:
    assert (header_in(text, required=True), header_in(text, required=False)) == (required, optional)


@pytest.mark.parametrize(
    "text, unicast",
    [
        *(("10.0.0.1", True), ("0.0.0.0", False), ("255.255.255.255", False), ("224.0.0.1", False)),
        *(("::", False), ("ff02::1", False), ("fd00::1", True), ("::1", True)),
    ],
)
def test_only_unicast_addresses_may_stand(text: str, unicast: bool) -> None:
    assert is_unicast(parse_ip(text)) == unicast
