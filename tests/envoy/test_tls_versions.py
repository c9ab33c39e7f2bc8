"""TLS versions by name, by number and in any case of letters; what is none of them is refused with its place."""

from __future__ import annotations

import pytest

from meshsim.envoy.tls_versions import SERVER, compile_versions
from meshsim.errors import Rejected
from tests.builders_http import view


@pytest.mark.parametrize("said", ["TLSv1_3", "tlsV1_3", 4, "4"])
def test_spellings(said: str | int) -> None:
    assert compile_versions(view({"tls_params": {"tls_minimum_protocol_version": said}}), SERVER).lowest == 3


@pytest.mark.parametrize("said", ["TLSv1_4", 5, "5"])
def test_no_version(said: str | int) -> None:
    with pytest.raises(Rejected) as refused:
        compile_versions(view({"tls_params": {"tls_maximum_protocol_version": said}}), SERVER)
    assert refused.value.place is not None
