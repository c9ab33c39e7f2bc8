"""Reports made by hand, so that renderers are tested without an engine."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from meshsim.explanation import Candidate, Change, Check, Decision, Fate
from meshsim.facts.call import Call
from meshsim.facts.conversation import ClientCertificate, ClientTls
from meshsim.outcome import Outcome
from meshsim.place import Place
from meshsim.reasons import because
from meshsim.report import (
    Attempt,
    ChoiceOption,
    ChoiceReport,
    ConfigNote,
    Downstream,
    DownstreamTlsReport,
    Hop,
    NetfilterPassage,
    PacketBefore,
    PeerReport,
    Report,
    Resolution,
    Upstream,
    UpstreamTls,
)

DUMP = Place("sleep/config_dump.json")


def a_call(**changes: Any) -> Call:
    call = Call(
        id=7,
        destination="10.0.0.5:80",
        from_="sleep",
        source="10.80.3.109:40000",
        uid=1000,
        gid=1000,
        protocol="http/1.1",
        tls=None,
        authority="reviews",
        path="/reviews/1",
        headers={"x-user": "jason"},
    )
    return evolve(call, **changes)


def a_decision(**changes: Any) -> Decision:
    """A route list where one route nearly matched."""
    routes = DUMP / "configs" / 4
    losers = [
        Candidate(
            f"far-{number}",
            "route",
            Fate.FAILED,
            (Check("prefix", f"/far/{number}", "/reviews/1", False), Check("header x-user", "tom", "jason", False)),
        )
        for number in range(10)
    ]
    near = Candidate(
        "for-tom",
        "route",
        Fate.FAILED,
        (
            Check("prefix", "/reviews", "/reviews/1", True, routes / "prefix"),
            Check("header x-user", "tom", "jason", False, routes / "headers"),
        ),
        routes,
    )
    decision = Decision(
        stage="route",
        pod="sleep",
        question=because("wire.question", destination="10.0.0.5:80"),
        chosen=Candidate("default", "route", Fate.CHOSEN, (), routes / 1),
        reason=because("wire.outside", routes / 1, destination="10.0.0.5:80"),
        candidates=(
            *losers,
            near,
            Candidate("default", "route", Fate.CHOSEN, (), routes / 1),
            Candidate("later", "route", Fate.NOT_REACHED),
        ),
        changes=(Change("path", "/reviews/1", "/v1/reviews/1"),),
        notes=(because("return.response-headers-unknown", policy="5xx"),),
        deciding=True,
        hop=0,
    )
    return evolve(decision, **changes)


def a_hop(**changes: Any) -> Hop:
    hop = Hop(
        pod="sleep",
        direction="outbound",
        original_destination="10.0.0.5:80",
        received_by="virtualOutbound",
        listener="0.0.0.0_80",
        filter_chain="0.0.0.0_80",
        network_filter="http_connection_manager",
        downstream=Downstream("http/1.1", "10.80.3.109:40000", "10.80.3.109:40000"),
        route_config="80",
        virtual_host="reviews.default:80",
        route="default",
        cluster="outbound|80|v1|reviews.default",
        service="reviews.default",
        port=80,
        subset="v1",
        endpoint="10.80.3.111:9080",
        attempts=(Attempt("10.80.3.111:9080", "connected"),),
        upstream=Upstream(
            "http/1.1",
            "reviews",
            "/v1/reviews/1",
            "GET",
            {"x-user": ("jason",), "x-request-id": (), "x-many": ("1", "2")},
        ),
        tls=UpstreamTls("mtls", "outbound_.80_.v1_.reviews", ("istio", "http/1.1"), san=("spiffe://td/ns/a/sa/b",)),
        origin={"route": "VirtualService default/reviews"},
        config_version="2025-02-17T14:49:37Z/296",
    )
    for name, value in changes.items():
        setattr(hop, name, value)
    return hop


def a_passage() -> NetfilterPassage:
    return NetfilterPassage(
        pod="sleep",
        way="out",
        sender="application",
        from_hop=None,
        to_hop=0,
        before=PacketBefore("tcp", "10.80.3.109:40000", "10.0.0.5:80", 1000, 1000, 0, None),
        rules=("nat/OUTPUT/1", "nat/ISTIO_REDIRECT/1"),
        chains=("nat/OUTPUT",),
        source="10.80.3.109:40000",
        destination="127.0.0.1:15001",
        mark=0,
        interface="lo",
        original_destination="10.0.0.5:80",
        result="socket",
        socket="0.0.0.0:15001",
        by=None,
    )


def a_report(**changes: Any) -> Report:
    report = Report(
        call=a_call(),
        resolution=None,
        outcome=Outcome(
            "forwarded", because("wire.outside", destination="10.80.3.111:9080"), destination="10.80.3.111:9080"
        ),
        probability=0.9,
        choices=(ChoiceReport("0/cluster", "v1", (ChoiceOption("v1", 0.9), ChoiceOption("v2", 0.1))),),
        assumptions=(),
        hops=(a_hop(),),
        netfilter=(a_passage(),),
        cause=a_decision(),
        config=(ConfigNote("sleep", ("sleep/config_dump.json",), last_updated="2025-02-17T14:49:37.000Z"),),
    )
    return evolve(report, **changes)


def a_rich_report() -> Report:
    """Everything that can be filled in is filled in."""
    certificate = ClientCertificate(("spiffe://td/ns/a/sa/b",), ("a.example",), "CN=a", False, True)
    peer = PeerReport(True, True, ("spiffe://td/ns/a/sa/b",))
    tls = DownstreamTlsReport(True, "x", ("h2", "istio"), "h2", peer)
    return a_report(
        call=a_call(
            tls=ClientTls("x", ("h2",), certificate), headers={"x-many": ("1", "2")}, choices={"0/cluster": "v1"}
        ),
        resolution=Resolution("reviews", ("host facts",), ("10.0.0.5",), "10.0.0.5", "host-facts", DUMP),
        assumptions=(because("hook.rules-assumed", DUMP, pod="sleep"),),
        hops=(
            a_hop(downstream=Downstream("http2", "10.0.0.9:5000", "10.0.0.9:5000", tls)),
            Hop(pod="reviews", status=403, response_flags=("UAEX",), cause="retry", from_hop=0),
        ),
        decisions=(a_decision(), a_decision(stage="wire", trivial=True)),
    )
