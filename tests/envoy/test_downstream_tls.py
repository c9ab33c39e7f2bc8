"""Handshakes of TLS chains, as observed on a real Envoy 1.40."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.envoy.downstream_tls import (
    HTTP_REQUEST,
    NO_CERTIFICATE,
    PROXY_REQUEST,
    REFUSED_CERTIFICATES,
    WRONG_VERSION,
    DownstreamTlsContext,
    Handshake,
    compile_downstream_tls,
    not_named,
    shake_hands,
)
from meshsim.facts.conversation import ClientCertificate, ClientTls, Conversation
from meshsim.facts.request import Request
from tests.builders_connection import SILENT, hello, http, tcp, tls_socket, view


def context(**settings: Any) -> DownstreamTlsContext:
    return compile_downstream_tls(view(tls_socket(**settings)["typed_config"]))


def shaken(settings: dict[str, Any], client: ClientTls) -> Handshake:
    return shake_hands(context(**settings), tcp(tls=client))


@pytest.mark.parametrize(
    ("offered", "alpn"),
    [(("http/1.1", "h2"), "h2"), (("h2", "http/1.1"), "h2"), (("http/1.1",), "http/1.1"), (("foo",), None), ((), None)],
)
def test_the_servers_order_picks_the_protocol(offered: tuple[str, ...], alpn: str | None) -> None:
    tls = shaken({"alpn": ("h2", "http/1.1")}, hello("a", *offered)).tls
    assert tls is not None and tls.alpn == alpn


CERTIFICATE = ClientCertificate(uri_sans=("spiffe://td/ns/a/sa/b",))
BAD = ClientCertificate(trusted=False)
EXPIRED = ClientCertificate(expired=True)


@pytest.mark.parametrize(
    ("settings", "certificate", "failure"),
    [
        ({"require": True, "ca": True}, None, NO_CERTIFICATE),
        ({"require": True, "ca": True}, BAD, REFUSED_CERTIFICATES["untrusted-certificate"]),
        ({"require": True, "ca": True}, EXPIRED, REFUSED_CERTIFICATES["expired-certificate"]),
        ({"require": True, "ca": True}, CERTIFICATE, None),
        ({"ca": True}, None, None),
        ({"ca": True}, BAD, REFUSED_CERTIFICATES["untrusted-certificate"]),
        ({"require": True}, None, None),
        ({"require": True}, BAD, None),
        ({}, BAD, None),
    ],
)
def test_client_certificates(
    settings: dict[str, Any], certificate: ClientCertificate | None, failure: str | None
) -> None:
    result = shaken(settings, hello("a", certificate=certificate))
    assert (result.text, result.tls is None) == (failure, failure is not None)
    assert result.alert is (failure is not None)


def test_the_peer_is_known_only_where_a_certificate_is_asked_for() -> None:
    asked = shaken({"ca": True}, hello("a", certificate=CERTIFICATE)).tls
    assert asked is not None and asked.peer is not None
    assert (asked.peer.presented, asked.peer.validated, asked.peer.uri_sans) == (True, True, CERTIFICATE.uri_sans)
    unasked = shaken({}, hello("a", certificate=CERTIFICATE)).tls
    assert unasked is not None and unasked.peer is not None and not unasked.peer.presented


def request(method: str) -> Conversation:
    return Conversation("http/1.1", request=Request(method, "http", "a", "/", {}))


@pytest.mark.parametrize(
    ("said", "text", "alert"),
    [
        (request("GET"), HTTP_REQUEST, False),
        (request("POST"), HTTP_REQUEST, False),
        (request("DELETE"), WRONG_VERSION, True),
        (request("CONNECT"), PROXY_REQUEST, False),
        (http("http2"), WRONG_VERSION, True),
        (tcp("hello world\n"), WRONG_VERSION, True),
        (tcp(), WRONG_VERSION, True),
    ],
)
def test_plaintext_fails_as_boringssl_words_it(said: Conversation, text: str, alert: bool) -> None:
    result = shake_hands(context(), said)
    assert (result.failure, result.text, result.alert) == ("plaintext", text, alert)


@pytest.mark.parametrize("said", [SILENT, tcp("hi")])
def test_a_client_that_says_too_little_is_waited_for(said: Conversation) -> None:
    assert shake_hands(context(), said) == Handshake(None, "silent")


def test_istio_secrets_are_a_validation_context() -> None:
    made = context(
        require=True,
        tls_certificate_sds_secret_configs=[{"name": "default"}],
        combined_validation_context={
            "default_validation_context": {"match_typed_subject_alt_names": [{"san_type": "EMAIL"}]},
            "validation_context_sds_secret_config": {"name": "ROOTCA"},
        },
    )
    assert (made.verifies_clients, made.certificates, made.validation_secret) == (True, ("default",), "ROOTCA")
    assert [reason.fact("field") for reason in made.unmodelled] == ["match_typed_subject_alt_names"]


def test_untrusted_clients_may_be_let_in() -> None:
    loose = context(
        validation_context={"trusted_ca": {"filename": "x"}, "trust_chain_verification": "ACCEPT_UNTRUSTED"}
    )
    result = shake_hands(loose, tcp(tls=hello("a", certificate=BAD)))
    assert result.tls is not None and result.tls.peer is not None
    assert (result.tls.peer.presented, result.tls.peer.validated) == (True, False)


@pytest.mark.parametrize(
    ("validation", "failure"),
    [
        ({"match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"prefix": "spiffe://td/"}}]}, None),
        (
            {"match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"prefix": "spiffe://td/"}}]},
            not_named(CERTIFICATE),
        ),
        ({"match_subject_alt_names": [{"exact": "x"}, {"suffix": "/sa/b"}]}, None),
        ({"verify_subject_alt_name": ["spiffe://other"]}, not_named(CERTIFICATE)),
    ],
)
def test_the_clients_name_must_fit_one_of_those_asked_for(validation: dict[str, Any], failure: str | None) -> None:
    made = context(validation_context={"trusted_ca": {"filename": "x"}, **validation})
    assert made.unmodelled == ()
    assert shake_hands(made, tcp(tls=hello("a", certificate=CERTIFICATE))).text == failure
    assert shake_hands(made, tcp(tls=hello("a"))).text == NO_CERTIFICATE


def test_a_refused_certificate_is_named_by_all_its_names() -> None:
    certificate = ClientCertificate(uri_sans=("spiffe://x/1", "spiffe://x/2"), dns_sans=("abc.example",))
    assert "_certificate_SANs_are_[spiffe://x/1,_spiffe://x/2,_abc.example]:" in not_named(certificate)
