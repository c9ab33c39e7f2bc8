"""Reply headers whose values only run time knows: every reader of one can live with that."""

from pathlib import Path

import pytest

import meshsim
from meshsim.facts.call import read_call
from meshsim.render import json as render
from tests.builders_http import http_filter, one_route
from tests.truth.families._filter_dump import calls, dump, manager
from tests.truth.families._filter_words import append, asked, get, mutation
from tests.truth.families.content_encodings import responses
from tests.truth.setting import Setting

NAMES = (
    *("grpc-status", "grpc-message", "etag", "vary", "content-type", "content-length", "content-encoding", "location"),
    *("cache-control", "connection", "transfer-encoding", "server", "via", "x-envoy-attempt-count"),
)
WRITES = [append(name, "%START_TIME%", "OVERWRITE_IF_EXISTS_OR_ADD")["append"] for name in NAMES]
ACTIONS = (
    {"direct_response": {"status": 503, "body": {"inline_string": "x" * 50}}},
    {"redirect": {"host_redirect": "b"}},
    {"route": {"cluster": "dead"}},
)
SAID = [
    get(accept_encoding="gzip"),
    asked("POST", content_type="application/grpc"),
    asked("POST", content_type="application/grpc-web", accept_encoding="gzip"),
    {**get(), "protocol": "http2"},
    asked("HEAD"),
    get("/x#f"),
]


@pytest.mark.parametrize("by", ["route", "filter"])
def test_no_reader_stumbles(by: str, tmp_path: Path) -> None:
    web = http_filter("w", "grpc_web.v3.GrpcWeb")
    packing = responses(status_header_enabled=True, disable_on_etag_header=False)
    more = {"response_headers_to_add": WRITES} if by == "route" else {}
    first = [mutation("m", response_mutations=[{"append": each} for each in WRITES])] if by == "filter" else []
    cases = [(manager(packing, web, *first, route=one_route(name="r", **each, **more)), SAID) for each in ACTIONS]
    mesh: meshsim.Mesh = Setting(name="x", dump=dump(cases), calls=()).mesh(tmp_path)
    for call in calls(cases):
        trace = mesh.trace(read_call(call))
        trace.explain()
        assert render.document(trace.report())["outcome"]["kind"] == "replied"
