"""The walk's own stages: rules and sockets, the wire, applications, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from meshsim.address import parse_endpoint
from meshsim.assemble import assemble
from meshsim.choices import Chooser
from meshsim.config.capture import PodDocuments, RulesText
from meshsim.config.config_dump import read_config_dump
from meshsim.config.documents import Document, Kind, SourceText
from meshsim.config.host_facts import read_host_facts
from meshsim.facts.call import Call
from meshsim.facts.conversation import ClientTls, Conversation
from meshsim.facts.packet import Packet
from meshsim.mesh import Mesh, Pod
from meshsim.pipeline import run
from meshsim.report import Draft
from meshsim.stages import STAGES, hook
from meshsim.states import AtApp, AtHook, AtInspect, AtReturn, AtWire, State
from meshsim.trace import trace

TCP = Conversation("tcp", payload="hello")


def facts(**data: Any) -> Any:
    source = SourceText.of("host.yaml", "")
    return read_host_facts(Document("host.yaml", Kind.HOST_FACTS, {"kind": "HostFacts", **data}, source))


def listener(name: str, port: int, cluster: str = "out", **more: Any) -> dict[str, Any]:
    tcp_proxy = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "x",
        "cluster": cluster,
    }
    return {
        "name": name,
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "tcp_proxy", "typed_config": tcp_proxy}]}],
        **more,
    }


def dump(*dynamic: Mapping[str, Any], clusters: tuple[Mapping[str, Any], ...] = ()) -> Any:
    sections = [
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
            "dynamic_listeners": list(dynamic),
        },
        {
            "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
            "static_clusters": [{"cluster": cluster} for cluster in clusters],
        },
    ]
    source = SourceText.of("dump.json", "")
    return read_config_dump(Document("dump.json", Kind.CONFIG_DUMP, {"configs": sections}, source))


def active(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": config["name"], "active_state": {"listener": dict(config)}}


PASSTHROUGH = {"name": "out", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "1s"}
REDIRECT_ALL = "*nat\n:OUTPUT ACCEPT\n-A OUTPUT -p tcp {unless} -j REDIRECT --to-ports 15001\nCOMMIT\n"


def mesh(*pods: PodDocuments) -> Mesh:
    return assemble(pods, STAGES)


def app_pod(name: str = "app", address: str = "10.1.0.1", **more: Any) -> PodDocuments:
    return PodDocuments(name, host=facts(addresses=[f"{address}/24"], **more))


def packet(destination: str, source: str = "10.1.0.1:40000", uid: int | None = 1000) -> Packet:
    return Packet("tcp", *parse_endpoint(source), *parse_endpoint(destination), uid=uid, gid=uid)


def at_hook(pod: Pod, destination: str, way: str = "out", **more: Any) -> AtHook:
    return AtHook(pod, way, "application", packet(destination, **more), TCP, 0, None)


def decide(world: Mesh, at: State) -> tuple[Any, State, Chooser]:
    chooser = Chooser()
    stage = world.stages[type(at)]
    picked, after = stage.decide(world, at, chooser)
    stage.explain(world, at, picked)
    return picked, after, chooser


def test_a_stated_host_refuses_on_every_other_port() -> None:
    world = mesh(app_pod(sockets=[{"listen": "0.0.0.0:80", "speaks": "http"}]))
    landing, after, _ = decide(world, at_hook(world.pods[0], "10.1.0.1:81"))
    assert (landing.result, landing.reason.code) == ("refused", "hook.refused")
    assert isinstance(after, AtReturn)
    assert after.ending.kind == "refused"


def test_where_nothing_is_stated_an_application_is_assumed_where_it_is_called() -> None:
    world = mesh(app_pod())
    landing, _, chooser = decide(world, at_hook(world.pods[0], "10.1.0.1:81"))
    assert (landing.result, landing.socket) == ("socket", "10.1.0.1:81")
    assert [assumption.code for assumption in chooser.assumptions] == ["hook.application-assumed"]


def test_a_redirect_into_a_listener_keeps_the_original_destination() -> None:
    rules = RulesText("rules", REDIRECT_ALL.format(unless=""))
    documents = PodDocuments("app", proxy=dump(active(listener("in", 15001))), rules_v4=rules)
    world = mesh(documents)
    landing, after, _ = decide(world, at_hook(world.pods[0], "10.9.9.9:80"))
    assert isinstance(after, AtInspect)
    assert (after.listener.name, after.handoff) == ("in", True)
    assert after.connection.original == parse_endpoint("10.9.9.9:80")
    draft = Draft()
    hook.describe(world, at_hook(world.pods[0], "10.9.9.9:80"), landing, draft)
    (entry,) = draft.netfilter
    assert (entry.way, entry.rules, entry.destination) == ("loop", ("nat/OUTPUT/1",), "127.0.0.1:15001")
    assert (entry.original_destination, entry.socket, entry.to_hop) == ("10.9.9.9:80", "0.0.0.0:15001", 0)


def test_a_redirect_without_any_proxy_configuration_cannot_be_known() -> None:
    rules = RulesText("rules", REDIRECT_ALL.format(unless=""))
    world = mesh(PodDocuments("app", rules_v4=rules))
    landing, after, chooser = decide(world, at_hook(world.pods[0], "10.9.9.9:80"))
    assert isinstance(after, AtReturn)
    assert (after.ending.kind, landing.reason.code) == ("unknown", "hook.no-configuration")
    assert chooser.assumptions == [landing.reason]


def test_a_rejected_listener_refuses_in_envoys_words() -> None:
    refused = {
        "name": "in",
        "error_state": {
            "failed_configuration": {"@type": "x", **listener("in", 15001)},
            "last_update_attempt": "2026-01-01T00:00:00Z",
            "details": "no such thing",
        },
    }
    rules = RulesText("rules", REDIRECT_ALL.format(unless=""))
    world = mesh(PodDocuments("app", proxy=dump(refused, active(listener("other", 99))), rules_v4=rules))
    landing, _, _ = decide(world, at_hook(world.pods[0], "10.9.9.9:80"))
    assert landing.result == "refused"
    assert landing.reason.code == "hook.refused-listener-rejected"
    assert (landing.reason.fact("error"), landing.reason.fact("time")) == ("no such thing", "2026-01-01T00:00:00Z")


def test_an_unmodelled_match_is_asked_named_and_by_default_does_not_match() -> None:
    rules = RulesText("rules", "*filter\n:OUTPUT ACCEPT\n-A OUTPUT -m quota --quota 5 -j DROP\nCOMMIT\n")
    world = mesh(PodDocuments("app", rules_v4=rules))
    at = at_hook(world.pods[0], "10.9.9.9:80")
    landing, after, chooser = decide(world, at)
    assert isinstance(after, AtWire)
    assert [taken.choice.site for taken in chooser.taken] == ["0/matcher/filter/OUTPUT/1"]
    assert [assumption.code for assumption in chooser.assumptions] == ["netfilter.unmodelled-match"]
    pinned = Chooser(pins={"0/matcher/filter/OUTPUT/1": "match"})
    landing, _ = hook.decide(world, at, pinned)
    assert (landing.result, pinned.assumptions) == ("dropped", [])
    assert hook.explain(world, at, landing).deciding


def test_the_wire_leads_to_the_pod_that_owns_the_address_and_forgets_the_owner_of_the_packet() -> None:
    world = mesh(app_pod("a", "10.1.0.1"), app_pod("b", "10.1.0.2"))
    _, after, _ = decide(world, AtWire(world.pods[0], packet("10.1.0.2:80"), TCP, 0, None))
    assert isinstance(after, AtHook)
    assert (after.pod.name, after.way, after.sender) == ("b", "in", "peer")
    assert (after.packet.uid, after.packet.interface) == (None, "eth0")


@pytest.mark.parametrize(("unreachable", "kind"), [([], "forwarded"), (["10.9.0.0/16"], "dropped")])
def test_nobody_owns_the_address(unreachable: list[str], kind: str) -> None:
    world = mesh(app_pod(unreachable=unreachable))
    _, after, _ = decide(world, AtWire(world.pods[0], packet("10.9.9.9:80"), TCP, 0, None))
    assert isinstance(after, AtReturn)
    assert after.ending.kind == kind


@pytest.mark.parametrize(
    ("speaks", "call", "kind", "code"),
    [
        ("http", {}, "delivered", "app.delivered"),
        ("silent", {}, "hanging", "app.silent"),
        ("close", {}, "closed", "app.closed"),
        ("reset", {}, "closed", "app.reset"),
        ("https", {}, "closed", "app.tls-mismatch"),
        ("tcp", {"protocol": "tcp"}, "delivered", "app.delivered"),
    ],
)
def test_an_application_answers_as_its_facts_state(speaks: str, call: dict[str, Any], kind: str, code: str) -> None:
    world = mesh(app_pod(sockets=[{"listen": "0.0.0.0:80", "speaks": speaks, "status": 204}]))
    outcome = trace(world, Call(destination="10.1.0.1:80", **call)).outcome
    assert (outcome.kind, outcome.why.code) == (kind, code)
    assert outcome.status == (204 if (kind, speaks) == ("delivered", "http") else None)


def test_a_server_that_finds_tls_inside_its_tls_answers_nothing() -> None:
    world = mesh(app_pod(sockets=[{"listen": "0.0.0.0:443", "speaks": "https", "status": 200}]))
    own = Conversation("http/1.1", ClientTls())
    for said, kind, code in (
        (own, "delivered", "app.delivered"),
        (Conversation("tcp", ClientTls(), inner=own), "closed", "app.tls-inside-tls"),
    ):
        _, after, _ = decide(world, AtApp(world.pods[0], "10.1.0.1:443", said, socket_of(world), 0, None))
        assert isinstance(after, AtReturn)
        assert (after.ending.kind, after.ending.why.code) == (kind, code)


def socket_of(world: Mesh) -> Any:
    """The first that the first pod's facts state."""
    _, after, _ = decide(world, AtHook(world.pods[0], "out", "application", packet("10.1.0.1:443"), TCP, 0, None))
    assert isinstance(after, AtApp)
    return after.socket


def proxied(speaks: str, listener_protocol: str = "tcp") -> Mesh:
    """A client pod whose proxy passes everything through to a server pod that speaks so."""
    rules = RulesText("rules", REDIRECT_ALL.format(unless="-m owner ! --uid-owner 1337"))
    original = {"use_original_dst": True}
    client = PodDocuments(
        "client",
        proxy=dump(active(listener("out", 15001, **original)), clusters=(PASSTHROUGH,)),
        rules_v4=rules,
        host=facts(addresses=["10.1.0.1/24"]),
    )
    sockets = [] if speaks == "refused" else [{"listen": "0.0.0.0:80", "speaks": speaks}]
    return mesh(client, app_pod("server", "10.1.0.2", sockets=sockets))


@pytest.mark.parametrize(
    ("speaks", "kind", "flags", "result"),
    [
        ("tcp", "delivered", (), "connected"),
        ("refused", "closed", ("UF", "URX"), "refused"),
        ("reset", "closed", ("UR",), "reset"),
        ("silent", "closed", (), "connected"),
    ],
)
def test_a_far_ending_is_answered_by_the_proxy_that_dialled(
    speaks: str, kind: str, flags: tuple[str, ...], result: str
) -> None:
    done = trace(proxied(speaks), Call(destination="10.1.0.2:80", protocol="tcp", from_="client"))
    assert (done.outcome.kind, done.outcome.response_flags) == (kind, flags)
    (hop,) = done.hops
    assert [attempt.result for attempt in hop.attempts] == [result]
    assert hop.response_flags == flags
    assert [passage.sender for passage in done.netfilter] == ["application", "proxy", "peer"]


def test_a_call_that_circles_back_is_a_loop_and_is_shown_once() -> None:
    rules = RulesText("rules", REDIRECT_ALL.format(unless=""))
    proxy = dump(active(listener("out", 15001, use_original_dst=True)), clusters=(PASSTHROUGH,))
    world = mesh(PodDocuments("app", proxy=proxy, rules_v4=rules, host=facts(addresses=["10.1.0.1/24"])))
    call = Call(destination="10.9.9.9:80", protocol="tcp", uid=1337, gid=1337)
    done = trace(world, call)
    assert (done.outcome.kind, done.outcome.why.code) == ("loop", "outcome.loop")
    assert len(done.netfilter) <= 2
    assert done.explain()


def test_bulk_and_single_traces_agree_and_the_rest_is_worked_out_on_access() -> None:
    world = proxied("tcp")
    call = Call(destination="10.1.0.2:80", protocol="tcp", from_="client")
    kept, bulk = trace(world, call), trace(world, call, keep=False)
    assert bulk.outcome == kept.outcome
    assert [hop.cluster for hop in bulk.hops] == [hop.cluster for hop in kept.hops] == ["out"]


def test_strict_turns_an_assumption_into_an_unknown_outcome() -> None:
    world = mesh(app_pod())
    call = Call(destination="10.1.0.1:80")
    assert trace(world, call).outcome.kind == "delivered"
    strictly = trace(world, call, strictly=True)
    assert (strictly.outcome.kind, strictly.outcome.why.code) == ("unknown", "outcome.unknown-assumption")


def test_a_walk_can_start_at_any_state() -> None:
    world = mesh(app_pod())
    outcome = run(
        world, AtWire(None, packet("10.1.0.1:80", source="10.1.0.9:40000", uid=None), TCP, 0, None), Chooser()
    )
    assert outcome.kind == "delivered"
