"""`ss -Hltunpe` and `sysctl` as host facts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.address import format_endpoint
from meshsim.config.documents import Document, Kind, SourceText
from meshsim.config.host_facts import StatedSocket
from meshsim.config.socket_list import looks_like_sockets, read_sockets
from meshsim.config.sysctl_text import looks_like_sysctls, read_sysctls
from meshsim.errors import InputError
from tests.config.texts import document

SS = """\
tcp   LISTEN 0      4096         0.0.0.0:15001      0.0.0.0:*    users:(("envoy",pid=22,fd=35)) uid:1337 ino:1 sk:1 <->
tcp   LISTEN 0      4096         0.0.0.0:15001      0.0.0.0:*    users:(("envoy",pid=22,fd=36)) uid:1337 ino:2 sk:2 <->
tcp   LISTEN 0      128                *:9080             *:*    users:(("python",pid=1,fd=3)) uid:1000 ino:3 v6only:0
tcp   LISTEN 0      128             [::]:9090          [::]:*    ino:4 sk:4 v6only:1 <->
tcp   LISTEN 0      128    127.0.0.1%lo:53         0.0.0.0:*     ino:5 sk:5 cgroup:/ <->
tcp   LISTEN 0      128  [::ffff:127.0.0.1]:8005      *:*        users:(("java",pid=7,fd=3)) uid:5 ino:6 <->
udp   UNCONN 0      0          127.0.0.1:15053      0.0.0.0:*    users:(("pilot-agent",pid=9,fd=3)) uid:1337 ino:7
"""


def sockets(text: str) -> tuple[StatedSocket, ...]:
    made = document(text)
    assert made.kind is Kind.SOCKETS
    facts = read_sockets(made)
    assert facts.sockets_stated
    return facts.sockets


def test_each_listening_address_once_with_its_owner() -> None:
    found = {(each.protocol, format_endpoint(each.ip, each.port)): each for each in sockets(SS)}
    assert list(found) == [
        ("tcp", "0.0.0.0:15001"),
        ("tcp", "[::]:9080"),
        ("tcp", "[::]:9090"),
        ("tcp", "127.0.0.1:53"),
        ("tcp", "127.0.0.1:8005"),
        ("udp", "127.0.0.1:15053"),
    ]
    assert [(each.process, each.uid, each.v6only) for each in found.values()] == [
        ("envoy", 1337, False),
        ("python", 1000, False),
        ("", 0, True),
        ("", 0, False),
        ("java", 5, False),
        ("pilot-agent", 1337, False),
    ]
    assert found["tcp", "[::]:9080"].place.line == 3


def test_other_columns_and_other_sockets() -> None:
    text = "State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\nLISTEN 0 9 :::80 :::*\n"
    (only,) = sockets(text)
    assert (format_endpoint(only.ip, only.port), only.uid) == ("[::]:80", None)
    (only,) = sockets(
        "u_str LISTEN 0 9 /run/x 12 * 0\ntcp ESTAB 0 0 10.0.0.1:5 10.0.0.2:6\nLISTEN 0 9 1.2.3.4:80 *:*\n"
    )
    assert only.protocol == "tcp"


def test_a_line_that_is_no_socket_is_named() -> None:
    with pytest.raises(InputError) as caught:
        read_sockets(document(SS + "what is this\n"))
    assert caught.value.place is not None
    assert caught.value.place.line == 8
    with pytest.raises(InputError, match="localhost"):
        read_sockets(document("tcp LISTEN 0 128 localhost:80 0.0.0.0:*\n"))


def test_sysctl_lines() -> None:
    text = "net.ipv4.ip_forward = 1\n# note\nnet.ipv4.conf.eth0/5.rp_filter=2\nnet.ipv4.tcp_rmem = 4096\t131072\n"
    made = document(text)
    assert made.kind is Kind.SYSCTLS
    assert read_sysctls(made).sysctls == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.eth0.5.rp_filter": "2",
        "net.ipv4.tcp_rmem": "4096 131072",
    }
    with pytest.raises(InputError) as caught:
        read_sysctls(document("net.ipv4.ip_forward = 1\nwhat\n"))
    assert caught.value.place is not None
    assert caught.value.place.line == 2


@given(st.text(alphabet="LISTENUCO 01:.*[]%tcpudp\nnet=", max_size=120))
def test_no_text_raises_anything_but_an_input_error(text: str) -> None:
    source = SourceText.of("f", text)
    for tell, read, kind in (
        (looks_like_sockets, read_sockets, Kind.SOCKETS),
        (looks_like_sysctls, read_sysctls, Kind.SYSCTLS),
    ):
        tell(text)
        try:
            read(Document("f", kind, None, source))
        except InputError as error:
            assert error.hint
