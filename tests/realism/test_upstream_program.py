"""Reading a ClientHello: against the one Python's own TLS writes."""

import ssl

import pytest

from tests.realism.upstream_program import parse_client_hello


def client_hello(sni: str | None, alpn: list[str]) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=sni)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("sni", [None, "a.example", "outbound_.80_.v1_.b.default.svc.cluster.local"])
@pytest.mark.parametrize("alpn", [[], ["http/1.1"], ["istio-http/1.1", "istio", "http/1.1"]])
def test_sni_and_alpn_are_read(sni: str | None, alpn: list[str]) -> None:
    assert parse_client_hello(client_hello(sni, alpn)) == {"sni": sni, "alpn_offered": alpn}
