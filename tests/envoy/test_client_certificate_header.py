"""x-forwarded-client-cert in every mode; the bulk is measured in the truth family of client certificates."""

import json

import pytest
from attrs import evolve

from meshsim.address import parse_ip
from meshsim.envoy.client_certificate_header import MODES, XFCC, ClientCertificateHeader
from meshsim.facts.connection import Connection, DownstreamTls, Peer

HERE, THERE = parse_ip("10.0.0.1"), parse_ip("10.0.0.2")
PLAIN = Connection(HERE, 443, THERE, 40000, THERE, 40000)
PEER = Peer(True, True, ("spiffe://td/ns/a/sa/b",), ("a.test",), "CN=cli")
KNOWN = evolve(PLAIN, tls=DownstreamTls(None, PEER, ("spiffe://own",)))
ELEMENT = 'By=spiffe://own;Hash=unknown;Subject="CN=cli";URI=spiffe://td/ns/a/sa/b;DNS=a.test'
DETAILS = ("subject", "uri", "dns")


def written(header: ClientCertificateHeader, connection: Connection, old: str | None = "By=x") -> str | None:
    headers = {} if old is None else {XFCC: (old,)}
    header.apply(connection, headers)
    return headers[XFCC][0] if XFCC in headers else None


@pytest.mark.parametrize(
    ("mode", "with_certificate", "without"),
    [
        ("SANITIZE", None, None),
        ("FORWARD_ONLY", "By=x", None),
        ("APPEND_FORWARD", f"By=x,{ELEMENT}", None),
        ("SANITIZE_SET", ELEMENT, None),
        ("ALWAYS_FORWARD_ONLY", "By=x", "By=x"),
    ],
)
def test_modes(mode: str, with_certificate: str | None, without: str | None) -> None:
    assert mode in MODES
    header = ClientCertificateHeader(mode, DETAILS)
    assert written(header, KNOWN) == with_certificate
    assert written(header, PLAIN) == without


def test_a_peer_that_nobody_describes_has_unknown_names() -> None:
    other = evolve(PLAIN, tls=DownstreamTls(None, Peer(True, True, names_known=False)))
    said = written(ClientCertificateHeader("SANITIZE_SET", DETAILS), other)
    assert said == 'By=unknown;Hash=unknown;Subject="unknown";URI=unknown'


def test_what_is_there_decides_between_text_and_json() -> None:
    header = ClientCertificateHeader("APPEND_FORWARD", ("uri",), as_json=True)
    made = {"by": ["spiffe://own"], "hash": "unknown", "uri": ["spiffe://td/ns/a/sa/b"]}
    assert json.loads(written(header, KNOWN, None) or "") == [made]
    assert json.loads(written(header, KNOWN, '[{"by":["x"]}]') or "") == [{"by": ["x"]}, made]
    assert written(header, KNOWN) == "By=x,By=spiffe://own;Hash=unknown;URI=spiffe://td/ns/a/sa/b"
