"""Names of `tls_params` that Envoy refuses, and those it takes; the handshakes themselves are recorded truths."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.config.view import View
from meshsim.envoy.tls_parameters import compile_parameters
from meshsim.envoy.tls_versions import CLIENT
from meshsim.errors import Rejected
from meshsim.place import Place

SECRETS = {"tls_certificate_sds_secret_configs": [{"name": "default"}]}
TAKEN = [
    {"cipher_suites": ["ALL:!RSA"]},
    {"cipher_suites": ["ECDHE+AESGCM"]},
    {"cipher_suites": ["-ALL:ECDHE"]},
    {"cipher_suites": ["ALL:@STRENGTH"]},
    {"cipher_suites": ["PSK-AES128-CBC-SHA"]},
    {"cipher_suites": ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"]},
    {"ecdh_curves": ["prime256v1", "X25519"]},
]
REFUSED = [
    {"cipher_suites": ["NOPE"]},
    {"cipher_suites": ["ALL:!MD5"]},
    {"cipher_suites": ["ECDHE+NOPE"]},
    {"cipher_suites": ["ECDHE-RSA-AES256-SHA384"]},
    {"cipher_suites": ["ecdhe-rsa-aes128-sha"]},
    {"cipher_suites": ["TLS_AES_128_GCM_SHA256"]},
    {"ecdh_curves": ["ECDHE-RSA-AES128-GCM-SHA256"]},
]


def compiled(params: dict[str, Any], **more: Any) -> int:
    """How much of them is reported as not evaluated."""
    return len(compile_parameters(View({"tls_params": params, **more}, Place("t")), CLIENT)[1])


@pytest.mark.parametrize("params", TAKEN, ids=str)
def test_names_that_envoy_takes(params: dict[str, Any]) -> None:
    assert compiled(params) == 0


@pytest.mark.parametrize("params", REFUSED, ids=str)
def test_names_that_envoy_refuses(params: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        compiled(params)


@pytest.mark.parametrize("params", REFUSED, ids=str)
def test_where_secrets_come_later_nothing_is_refused_at_once(params: dict[str, Any]) -> None:
    assert compiled(params, **SECRETS) == 1
