"""A leaf's URI names, read from PEM; whatever else is given, none."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsim.config.certificate_names import uri_names


def certificate(folder: Path, names: str) -> bytes:
    made = folder / "leaf.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(made), "-subj", "/CN=leaf", "-days", "2"]
    if names:
        command += ["-addext", f"subjectAltName={names}"]
    subprocess.run(command, check=True, capture_output=True)
    return made.read_bytes()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("critical,URI:spiffe://td/ns/a/sa/b", ("spiffe://td/ns/a/sa/b",)),
        ("DNS:a.test,URI:spiffe://one/x,IP:10.0.0.1,URI:spiffe://two/y", ("spiffe://one/x", "spiffe://two/y")),
        (f"URI:spiffe://td/{'long' * 60}", (f"spiffe://td/{'long' * 60}",)),
        ("DNS:a.test", ()),
        ("", ()),
    ],
)
def test_the_names_of_a_certificate(tmp_path: Path, names: str, found: tuple[str, ...]) -> None:
    leaf = certificate(tmp_path, names)
    assert uri_names(leaf) == found
    assert uri_names(leaf + certificate(tmp_path, "URI:spiffe://other/z")) == found, "the first one is the leaf"


@given(st.binary())
def test_any_bytes_are_names_or_none(noise: bytes) -> None:
    body = base64.b64encode(b"\x06\x03\x55\x1d\x11" + noise)
    pem = b"-----BEGIN CERTIFICATE-----\n" + body + b"\n-----END CERTIFICATE-----"
    found = uri_names(pem)
    assert found is None or all(isinstance(name, str) for name in found)
    assert uri_names(noise) is None or b"-----BEGIN" in noise
