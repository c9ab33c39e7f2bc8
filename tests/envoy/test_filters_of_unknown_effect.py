"""Filters whose configuration asks for more than is modelled say so, and are never passed over in silence."""

from typing import Any

import pytest

from meshsim.envoy.http_filters import compile_http_filters
from meshsim.envoy.http_filters.opaque import Opaque
from tests.builders_http import http_filter, view

LIBRARIES = "type.googleapis.com/envoy.extensions.compression."
OTHER = {"name": "x", "typed_config": {"@type": f"{LIBRARIES}other.v3.Other"}}
GZIP = {"name": "g", "typed_config": {"@type": f"{LIBRARIES}gzip.compressor.v3.Gzip"}}


@pytest.mark.parametrize(
    ("kind", "fields", "unknown"),
    [
        ("compressor.v3.Compressor", {"compressor_library": OTHER}, True),
        ("compressor.v3.Compressor", {"compressor_library": GZIP}, False),
        ("decompressor.v3.Decompressor", {"decompressor_library": OTHER}, True),
        ("grpc_http1_bridge.v3.Config", {}, False),
        ("grpc_http1_bridge.v3.Config", {"upgrade_protobuf_to_grpc": True}, True),
        ("grpc_http1_bridge.v3.Config", {"ignore_query_parameters": True}, True),
    ],
)
def test_it_is_told(kind: str, fields: dict[str, Any], unknown: bool) -> None:
    (made,) = compile_http_filters((view(http_filter("f", kind, **fields)),))
    assert isinstance(made.behaviour, Opaque) is unknown
