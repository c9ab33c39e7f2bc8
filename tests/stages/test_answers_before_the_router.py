"""Answers that come before the router: what the hop's log says of the cluster, and who can read the answer at all."""

from __future__ import annotations

import meshsim
from meshsim.facts.call import Call
from meshsim.facts.conversation import ClientTls, Conversation
from tests.builders_http import ROUTER, http_filter, manager, one_route, request, walk

ABORT = {"http_status": 503, "percentage": {"numerator": 100}}


def test_a_filters_reply_names_the_cluster_of_the_route() -> None:
    mesh = meshsim.load_demo()
    call = Call(from_="reviews-v2", authority="ratings:9080", headers={"x-drill": "outage"})
    (hop,) = mesh.trace(call).hops
    assert (hop.status, hop.response_code_details) == (503, "fault_filter_abort")
    assert (hop.cluster, hop.service) == (
        "outbound|9080||ratings.default.svc.cluster.local",
        "ratings.default.svc.cluster.local",
    )
    assert hop.endpoint is None


def test_a_cluster_the_proxy_does_not_know_is_not_named() -> None:
    faulty = manager(one_route(), http_filters=[http_filter("f", "fault.v3.HTTPFault", abort=ABORT), ROUTER])
    walked = walk(faulty, request())
    assert (walked.hop.response_code_details, walked.hop.cluster) == ("fault_filter_abort", None)


def test_a_tls_client_cannot_read_a_plaintext_answer() -> None:
    said = Conversation("http/1.1", tls=ClientTls(sni="a.com"), request=request())
    walked = walk(manager(one_route()), said)
    assert (walked.ending.kind, walked.ending.status, walked.ending.response_flags) == ("closed", None, ("DPE",))
    assert (walked.hop.status, walked.hop.response_code_details) == (400, "http1.codec_error")
