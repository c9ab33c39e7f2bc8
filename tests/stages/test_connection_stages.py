"""The connection side of the walk, stage by stage: a state in, what was picked and the next state out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from meshsim.choices import Chooser
from meshsim.errors import Bug
from meshsim.explanation import Decision, Fate
from meshsim.facts.conversation import Conversation
from meshsim.mesh import Mesh, Pod
from meshsim.outcome import Ending
from meshsim.report import Draft, Hop
from meshsim.stages import chain as chain_stage
from meshsim.stages import handshake, inspect, listener, network
from meshsim.stages.stage import Stage
from meshsim.states import (
    AtChain,
    AtCluster,
    AtHandshake,
    AtHttp,
    AtInspect,
    AtListener,
    AtNetwork,
    AtReturn,
    Frame,
)
from tests.builders_connection import (
    FILTERS,
    HTTP_INSPECTOR,
    PREFIX,
    SILENT,
    TLS_INSPECTOR,
    chain,
    connection,
    hcm,
    hello,
    http,
    listener_config,
    pod,
    refused,
    tcp,
    tcp_proxy,
    tls_socket,
    warming,
)
from tests.builders_matchers import leads_to, mapped, network_input


class Step:
    """One stage decided, explained and described."""

    def __init__(self, stage: Stage, at: Any, chooser: Chooser | None = None) -> None:
        mesh = Mesh((at.pod,), {})
        self.chooser = chooser or Chooser()
        self.picked, self.after = stage.decide(mesh, at, self.chooser)
        self.decision: Decision = stage.explain(mesh, at, self.picked)
        draft = Draft()
        stage.describe(mesh, at, self.picked, draft)
        self.hop: Hop = draft.hop(at.hop, at.pod.name)

    @property
    def assumed(self) -> list[str]:
        return [reason.code for reason in self.chooser.assumptions]

    @property
    def fates(self) -> dict[str, Fate]:
        return {each.label: each.fate for each in self.decision.candidates}


MATCH_PORT_80 = mapped("exact", network_input("DestinationPortInput"), {"80": leads_to("b"), "81": leads_to("a")})


def matching_pod(matcher: dict[str, Any]) -> Pod:
    """Chains a and b, the default chain d, and a filter_chain_matcher over them."""
    config = listener_config("one", "0.0.0.0:80", chain("a"), chain("b"), default_filter_chain=chain("d"))
    return pod({**config, "filter_chain_matcher": matcher})


OUTBOUND = listener_config(
    "virtualOutbound",
    "0.0.0.0:15001",
    chain("virtualOutbound-blackhole", tcp_proxy("BlackHoleCluster"), match={"destination_port": 15001}),
    chain("virtualOutbound-catchall-tcp", tcp_proxy("PassthroughCluster")),
    use_original_dst=True,
    traffic_direction="OUTBOUND",
)
SERVICE = listener_config(
    "0.0.0.0_80", "0.0.0.0:80", chain("", hcm()), bind_to_port=False, traffic_direction="OUTBOUND"
)


def mesh_pod(*extra: Any) -> Pod:
    return pod(OUTBOUND, SERVICE, *extra)


def at_inspect(name: str, on: Pod, said: Conversation, *, handoff: bool = True, **seen: Any) -> AtInspect:
    assert on.proxy is not None
    return AtInspect(on, on.proxy.listeners.by_name[name], connection(**seen), said, 0, None, handoff)


def at_chain(on: Pod, name: str = "one", said: Conversation | None = None, **seen: Any) -> AtChain:
    assert on.proxy is not None
    made = connection(**{"transport": "raw_buffer", **seen})
    return AtChain(on, on.proxy.listeners.by_name[name], made, said or http(), 0, None)


def at_handshake(said: Conversation, made: dict[str, Any]) -> AtHandshake:
    on = pod(listener_config("one", "0.0.0.0:80", made))
    assert on.proxy is not None
    one = on.proxy.listeners.by_name["one"]
    return AtHandshake(on, one, one.chains.chains[0], connection(), said, 0, None)


def at_network(*filters: dict[str, Any], said: Conversation | None = None, **seen: Any) -> AtNetwork:
    made = {"name": "c", "filters": list(filters)}
    at = at_handshake(said or tcp(), made)
    return AtNetwork(at.pod, at.listener, at.chain, connection(**seen), at.conversation, 0, None)


class TestInspect:
    def test_a_redirected_call_is_offered_to_another_listener(self) -> None:
        step = Step(inspect.STAGE, at_inspect("virtualOutbound", mesh_pod(), http(), original="10.0.0.5:80"))
        assert isinstance(step.after, AtListener)
        assert step.after.connection.local_text() == "10.0.0.5:80"
        assert step.decision.trivial and not step.decision.deciding
        hop = step.hop
        assert (hop.received_by, hop.listener, hop.direction) == ("virtualOutbound", "virtualOutbound", "outbound")
        assert (hop.original_destination, hop.from_hop) == ("10.0.0.5:80", None)
        assert hop.downstream is not None and hop.downstream.tls is None
        assert (hop.downstream.protocol, hop.downstream.remote) == ("http/1.1", "10.80.3.109:40000")

    def test_without_an_original_destination_the_listener_keeps_it(self) -> None:
        step = Step(inspect.STAGE, at_inspect("virtualOutbound", mesh_pod(), http()))
        assert isinstance(step.after, AtChain)
        assert step.after.connection.transport == "raw_buffer"

    def test_after_a_handoff_there_is_no_second_one(self) -> None:
        at = at_inspect("virtualOutbound", mesh_pod(), http(), handoff=False, original="10.0.0.5:80")
        step = Step(inspect.STAGE, at)
        assert isinstance(step.after, AtChain)
        assert step.hop.received_by is None

    def test_a_kept_source_is_noted(self) -> None:
        original_src = {"@type": FILTERS + "listener.original_src.v3.OriginalSrc", "mark": 1337}
        entry = {"name": "src", "typed_config": original_src}
        on = pod(listener_config("one", "0.0.0.0:80", chain("c"), listener_filters=[entry]))
        step = Step(inspect.STAGE, at_inspect("one", on, http()))
        assert [note.code for note in step.decision.notes] == ["inspect.source-kept"]

    def test_what_tls_says_is_described_before_anybody_terminates_it(self) -> None:
        on = pod(listener_config("one", "0.0.0.0:80", chain(), listener_filters=[TLS_INSPECTOR]))
        step = Step(inspect.STAGE, at_inspect("one", on, tcp(tls=hello("A.b", "istio"))))
        tls = step.hop.downstream.tls if step.hop.downstream is not None else None
        assert tls is not None
        assert (tls.terminated, tls.sni, tls.alpn_offered, tls.alpn) == (False, "a.b", ("istio",), None)
        assert {change.field for change in step.decision.changes} == {"transport", "sni", "alpn"}

    @pytest.mark.parametrize(("timeout", "kind", "after"), [("15s", "closed", "15s"), ("0s", "hanging", None)])
    def test_a_client_that_waits_for_the_server(self, timeout: str, kind: str, after: str | None) -> None:
        on = pod(
            listener_config(
                "one",
                "0.0.0.0:80",
                chain(),
                listener_filters=[TLS_INSPECTOR, HTTP_INSPECTOR],
                listener_filters_timeout=timeout,
            )
        )
        step = Step(inspect.STAGE, at_inspect("one", on, SILENT))
        assert isinstance(step.after, AtReturn)
        assert (step.after.ending.kind, step.after.ending.after) == (kind, after)
        assert step.decision.deciding
        assert step.fates["envoy.filters.listener.http_inspector"] is Fate.NOT_REACHED

    def test_an_unknown_filter_is_assumed_to_pass_and_can_be_pinned(self) -> None:
        strange = {"name": "strange", "typed_config": {"@type": FILTERS + "listener.strange.v3.Strange"}}
        on = pod(listener_config("one", "0.0.0.0:80", chain(), listener_filters=[strange]))
        step = Step(inspect.STAGE, at_inspect("one", on, http()))
        assert isinstance(step.after, AtChain)
        assert step.assumed == ["inspect.opaque-filter"]
        pinned = Step(inspect.STAGE, at_inspect("one", on, http()), Chooser({"0/filter/strange": "blocks"}))
        assert isinstance(pinned.after, AtReturn) and pinned.after.ending.kind == "closed"
        assert pinned.assumed == []

    @pytest.mark.parametrize(
        ("node", "traffic", "direction"),
        [
            ("sidecar~1.1.1.1~a.b~c", "OUTBOUND", "outbound"),
            ("sidecar~1.1.1.1~a.b~c", "INBOUND", "inbound"),
            ("sidecar~1.1.1.1~a.b~c", "UNSPECIFIED", "inbound"),
            ("router~1.1.1.1~a.b~c", "OUTBOUND", "gateway"),
            ("some-envoy", "INBOUND", "gateway"),
        ],
    )
    def test_direction(self, node: str, traffic: str, direction: str) -> None:
        on = pod(listener_config("one", "0.0.0.0:80", chain(), traffic_direction=traffic), node_id=node)
        assert Step(inspect.STAGE, at_inspect("one", on, http())).hop.direction == direction

    def test_where_the_listener_comes_from_and_who_dialled(self) -> None:
        metadata = {
            "filter_metadata": {
                "istio": {"config": "/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews"}
            }
        }
        on = pod(listener_config("one", "0.0.0.0:80", chain(), metadata=metadata))
        at = at_inspect("one", on, http())
        (proxy,) = network_filters(tcp_proxy("c"))
        frame = Frame(on, 4, proxy, "c", None, None)
        at = AtInspect(on, at.listener, at.connection, at.conversation, 5, frame, handoff=True)
        hop = Step(inspect.STAGE, at).hop
        assert (hop.from_hop, hop.origin) == (4, {"listener": "VirtualService default/reviews"})

    def test_an_update_that_envoy_refused_is_noted(self) -> None:
        config = listener_config("one", "0.0.0.0:80", chain())
        on = pod(refused("one", None, active=config))
        (note,) = Step(inspect.STAGE, at_inspect("one", on, http())).decision.notes
        assert (note.code, note.fact("error")) == ("listener.update-refused", "it is wrong")


def network_filters(*filters: dict[str, Any]) -> list[Any]:
    return [each.config for each in at_network(*filters).chain.filters]


class TestListener:
    def at(self, destination: str, said: Conversation | None = None) -> AtListener:
        on = mesh_pod()
        assert on.proxy is not None
        receiver = on.proxy.listeners.by_name["virtualOutbound"]
        return AtListener(on, receiver, connection(destination, restored=True), said or http(), 0, None)

    def test_the_owner_of_the_address_takes_over(self) -> None:
        step = Step(listener.STAGE, self.at("10.0.0.5:80"))
        assert isinstance(step.after, AtInspect)
        assert (step.picked.name, step.after.handoff, step.hop.listener) == ("0.0.0.0_80", False, "0.0.0.0_80")
        assert step.fates == {"10.0.0.5:80": Fate.FAILED, "0.0.0.0:80": Fate.CHOSEN}
        assert not step.decision.deciding

    def test_without_an_owner_the_receiver_keeps_the_call(self) -> None:
        step = Step(listener.STAGE, self.at("10.0.0.5:81"))
        assert isinstance(step.after, AtChain)
        assert (step.picked, step.after.listener.name, step.hop.listener) == (
            None,
            "virtualOutbound",
            "virtualOutbound",
        )
        assert step.after.connection.transport == "raw_buffer"
        assert step.decision.deciding and step.decision.reason.code == "listener.none"

    @pytest.mark.parametrize(
        ("missing", "code"),
        [
            (refused("svc", listener_config("svc", "10.0.0.5:81")), "listener.none-rejected"),
            (warming("svc", listener_config("svc", "0.0.0.0:81")), "listener.none-warming"),
        ],
    )
    def test_an_owner_that_is_not_in_force_is_named(self, missing: Any, code: str) -> None:
        on = mesh_pod(missing)
        assert on.proxy is not None
        receiver = on.proxy.listeners.by_name["virtualOutbound"]
        at = AtListener(on, receiver, connection("10.0.0.5:81", restored=True), http(), 0, None)
        reason = Step(listener.STAGE, at).decision.reason
        assert (reason.code, reason.fact("listener")) == (code, "svc")

    def test_a_direct_dial_is_handed_to_the_receiver_itself(self) -> None:
        step = Step(listener.STAGE, self.at("10.80.3.109:15001"))
        assert isinstance(step.after, AtInspect) and step.after.listener.name == "virtualOutbound"
        assert step.decision.reason.code == "listener.to-itself"


class TestChain:
    def test_the_chain_that_matches(self) -> None:
        step = Step(chain_stage.STAGE, at_chain(mesh_pod(), "virtualOutbound", local="10.0.0.5:9"))
        assert isinstance(step.after, AtHandshake)
        assert step.hop.filter_chain == "virtualOutbound-catchall-tcp"
        blackhole = Step(chain_stage.STAGE, at_chain(mesh_pod(), "virtualOutbound", local="10.0.0.5:15001"))
        assert blackhole.hop.filter_chain == "virtualOutbound-blackhole"
        assert blackhole.fates["virtualOutbound-catchall-tcp"] is Fate.OUTRANKED

    def test_a_nameless_only_chain_is_trivial(self) -> None:
        step = Step(chain_stage.STAGE, at_chain(mesh_pod(), "0.0.0.0_80", local="10.0.0.5:80"))
        assert step.decision.trivial
        assert step.hop.filter_chain is None
        assert step.decision.chosen is not None and step.decision.chosen.label == "filter_chains[0]"

    def test_no_chain_closes_the_connection(self) -> None:
        on = pod(listener_config("one", "0.0.0.0:80", chain("tls", match={"transport_protocol": "tls"})))
        step = Step(chain_stage.STAGE, at_chain(on))
        assert isinstance(step.after, AtReturn)
        ending = step.after.ending
        assert (ending.kind, ending.response_flags, ending.response_code_details, ending.answered_by) == (
            "closed",
            ("NR",),
            "filter_chain_not_found",
            0,
        )
        assert (step.hop.response_flags, step.hop.response_code_details) == (("NR",), "filter_chain_not_found")
        assert step.decision.deciding and step.decision.candidates[0].near_miss

    def test_the_trap_of_a_named_port_is_said(self) -> None:
        narrow = chain("narrow", match={"destination_port": 80, "transport_protocol": "tls"})
        on = pod(listener_config("one", "0.0.0.0:80", narrow, chain("any")))
        step = Step(chain_stage.STAGE, at_chain(on, local="10.0.0.5:80"))
        reason = step.decision.reason
        assert (reason.code, reason.fact("chain"), reason.fact("level")) == (
            "chain.none-outranked",
            "any",
            "destination_port",
        )

    def test_the_default_chain_decides(self) -> None:
        tls = chain("tls", match={"transport_protocol": "tls"})
        on = pod(listener_config("one", "0.0.0.0:80", tls, default_filter_chain=chain("fallback")))
        step = Step(chain_stage.STAGE, at_chain(on))
        assert step.hop.filter_chain == "fallback"
        assert step.decision.deciding and step.fates == {"tls": Fate.FAILED, "fallback": Fate.CHOSEN}

    def test_an_ambiguous_range_is_a_choice_without_shares(self) -> None:
        everywhere = {"prefix_ranges": [{"address_prefix": "0.0.0.0", "prefix_len": 0}]}
        on = pod(listener_config("one", "0.0.0.0:80", chain("zero", match=everywhere), chain("none")))
        step = Step(chain_stage.STAGE, at_chain(on))
        assert step.assumed == ["chain.ambiguous"]
        (taken,) = step.chooser.taken
        assert (taken.choice.site, taken.choice.options, taken.choice.shares) == (
            "0/chain",
            ("zero", "none"),
            (None, None),
        )
        pinned = Step(chain_stage.STAGE, at_chain(on), Chooser({"0/chain": "none"}))
        assert (pinned.hop.filter_chain, pinned.assumed) == ("none", [])

    def test_a_matcher_tree_names_the_chain(self) -> None:
        step = Step(chain_stage.STAGE, at_chain(matching_pod(MATCH_PORT_80), local="10.0.0.5:80"))
        assert (step.hop.filter_chain, step.assumed, step.decision.reason.code) == ("b", [], "chain.named")
        assert step.fates == {"a": Fate.FAILED, "b": Fate.CHOSEN, "d": Fate.NOT_REACHED}

    def test_a_matcher_tree_that_matches_nothing_leaves_the_default_chain(self) -> None:
        step = Step(chain_stage.STAGE, at_chain(matching_pod(MATCH_PORT_80)))
        assert (step.hop.filter_chain, step.decision.reason.code) == ("d", "chain.default")

    def test_a_chain_that_does_not_exist_is_not_replaced_by_the_default_chain(self) -> None:
        step = Step(chain_stage.STAGE, at_chain(matching_pod({"on_no_match": leads_to("lost")})))
        assert isinstance(step.after, AtReturn) and step.decision.reason.code == "chain.unknown-name"

    def test_a_matcher_nobody_knows_is_a_choice(self) -> None:
        custom = {"name": "x", "typed_config": {"@type": PREFIX + "some.Matcher"}}
        predicate = {"single_predicate": {"input": MATCH_PORT_80["matcher_tree"]["input"], "custom_match": custom}}
        on = matching_pod({"matcher_list": {"matchers": [{"predicate": predicate, "on_match": leads_to("a")}]}})
        step = Step(chain_stage.STAGE, at_chain(on))
        assert (step.hop.filter_chain, step.assumed) == ("d", ["matcher.not-modelled", "matcher.open"])
        pinned = Step(chain_stage.STAGE, at_chain(on), Chooser({"0/matcher/a": "match"}))
        assert pinned.hop.filter_chain == "a"

    def test_an_explanation_that_disagrees_is_a_bug(self) -> None:
        at = at_chain(mesh_pod(), "virtualOutbound", local="10.0.0.5:9")
        wrong = at.listener.chains.chains[0]
        with pytest.raises(Bug):
            chain_stage.explain(Mesh((at.pod,), {}), at, wrong)


def refused_with(step: Step) -> Ending:
    """What the client of a failed handshake gets; behind tcp_proxy only after the upstream was dialled for nothing."""
    assert isinstance(step.after, AtNetwork)
    assert step.after.conversation.server_first and step.after.conversation.tls is None
    assert step.after.frames is not None and step.after.frames.refused is not None
    return step.after.frames.refused


class TestHandshake:
    def test_a_plaintext_chain_takes_bytes_as_they_come(self) -> None:
        step = Step(handshake.STAGE, at_handshake(tcp(tls=hello("a")), chain("c")))
        assert isinstance(step.after, AtNetwork)
        assert step.after.conversation.tls is not None and step.after.connection.tls is None
        assert step.decision.trivial and step.decision.reason.code == "handshake.tls-not-terminated"
        assert step.hop.downstream is None

    def test_tls_is_terminated(self) -> None:
        made = chain("c", transport_socket=tls_socket(alpn=("h2", "http/1.1")))
        step = Step(handshake.STAGE, at_handshake(http(tls=hello("a", "http/1.1", "h2")), made))
        assert isinstance(step.after, AtNetwork)
        assert step.after.conversation.tls is None and step.after.conversation.request is not None
        assert step.after.connection.tls is not None and step.after.connection.tls.alpn == "h2"
        tls = step.hop.downstream.tls if step.hop.downstream is not None else None
        assert tls is not None
        assert (tls.terminated, tls.sni, tls.alpn, tls.failure) == (True, "a", "h2", None)
        assert tls.peer is not None and not tls.peer.presented

    def test_plaintext_to_a_tls_chain_is_closed(self) -> None:
        step = Step(handshake.STAGE, at_handshake(http(), chain("c", transport_socket=tls_socket())))
        ending = refused_with(step)
        assert (ending.kind, ending.client_sees) == ("closed", "closed")
        assert step.hop.downstream_transport_failure_reason is not None
        assert "HTTP_REQUEST" in step.hop.downstream_transport_failure_reason
        assert step.hop.response_flags == ()
        assert step.decision.deciding and step.fates == {"c": Fate.FAILED}

    def test_a_missing_certificate_is_an_alert(self) -> None:
        made = chain("c", transport_socket=tls_socket(require=True, ca=True))
        step = Step(handshake.STAGE, at_handshake(tcp(tls=hello("a")), made))
        assert refused_with(step).client_sees == "tls_alert"

    @pytest.mark.parametrize(
        ("rest", "kind", "after", "local"),
        [
            ({}, "hanging", None, None),
            ({"transport_socket_connect_timeout": "0.5s"}, "closed", "0.5s", "transport_socket_timeout"),
        ],
    )
    def test_a_client_that_never_begins(
        self, rest: dict[str, Any], kind: str, after: str | None, local: str | None
    ) -> None:
        step = Step(handshake.STAGE, at_handshake(SILENT, chain("c", transport_socket=tls_socket(), **rest)))
        ending = refused_with(step)
        assert (ending.kind, ending.after) == (kind, after)
        assert step.hop.downstream_local_close_reason == local

    def test_a_transport_socket_nobody_models_is_an_assumption(self) -> None:
        step = Step(handshake.STAGE, at_handshake(tcp(), chain("c", transport_socket={"name": "alts"})))
        assert isinstance(step.after, AtNetwork)
        assert step.assumed == ["chain.transport-socket-not-modelled"]


OPAQUE = {"name": "guard", "typed_config": {"@type": FILTERS + "network.wasm.v3.Wasm"}}


class TestNetwork:
    def test_bytes_go_to_the_cluster(self) -> None:
        step = Step(network.STAGE, at_network(tcp_proxy("blue")))
        assert isinstance(step.after, AtCluster)
        assert (step.after.name, step.after.via.kind, step.after.alpn_override) == ("blue", "tcp", ())
        assert (step.hop.network_filter, step.hop.cluster) == ("tcp_proxy", "blue")
        assert step.decision.trivial

    def test_http_goes_to_the_connection_manager(self) -> None:
        step = Step(network.STAGE, at_network(hcm(), said=http()))
        assert isinstance(step.after, AtHttp)
        assert step.hop.network_filter == "http_connection_manager"

    def test_weights_are_a_choice_with_exact_shares(self) -> None:
        weights = {"clusters": [{"name": "a", "weight": 1}, {"name": "b", "weight": 2}]}
        step = Step(network.STAGE, at_network(tcp_proxy(weighted_clusters=weights)))
        (taken,) = step.chooser.taken
        assert (taken.choice.site, taken.choice.shares) == ("0/cluster", (Fraction(1, 3), Fraction(2, 3)))
        assert isinstance(step.after, AtCluster) and step.after.name == "b"
        assert step.assumed == []

    def test_an_opaque_filter_is_assumed_to_pass_and_can_be_pinned(self) -> None:
        step = Step(network.STAGE, at_network(OPAQUE, tcp_proxy("c")))
        assert isinstance(step.after, AtCluster)
        assert (step.assumed, step.fates["guard"]) == (["network.opaque-filter"], Fate.UNKNOWN)
        blocked = Step(network.STAGE, at_network(OPAQUE, tcp_proxy("c")), Chooser({"0/filter/guard": "blocks"}))
        assert isinstance(blocked.after, AtReturn) and blocked.after.ending.kind == "closed"
        assert list(blocked.fates.values()) == [Fate.FAILED, Fate.NOT_REACHED]

    def test_a_protocol_nobody_models_makes_the_outcome_unknown(self) -> None:
        config = {"@type": FILTERS + "network.redis_proxy.v3.RedisProxy", "cluster": "redis"}
        step = Step(network.STAGE, at_network({"name": "envoy.filters.network.redis_proxy", "typed_config": config}))
        assert isinstance(step.after, AtReturn) and step.after.ending.kind == "unknown"
        assert step.assumed == ["network.terminal-not-modelled"]
        assert step.after.ending.why.fact("clusters") == "redis"
        assert step.hop.network_filter == "redis_proxy"

    def test_the_sni_may_name_the_cluster(self) -> None:
        sni_cluster = {"name": "sni", "typed_config": {"@type": FILTERS + "network.sni_cluster.v3.SniCluster"}}
        step = Step(network.STAGE, at_network(sni_cluster, tcp_proxy("c"), sni="outbound_.80_._.a"))
        assert isinstance(step.after, AtCluster) and step.after.name == "outbound_.80_._.a"
        assert step.decision.reason.code == "network.cluster-by-filter"
        without = Step(network.STAGE, at_network(sni_cluster, tcp_proxy("c")))
        assert isinstance(without.after, AtCluster) and without.after.name == "c"

    def test_no_filters_close_and_a_fixed_answer_closes_too(self) -> None:
        step = Step(network.STAGE, at_network())
        assert isinstance(step.after, AtReturn) and step.after.ending.kind == "closed"
        assert step.hop.downstream_local_close_reason == "no_filters"
        fixed = {"@type": FILTERS + "network.direct_response.v3.Config", "response": {"inline_string": "no"}}
        answer = {"name": "d", "typed_config": fixed}
        direct = Step(network.STAGE, at_network(answer))
        assert isinstance(direct.after, AtReturn)
        assert (direct.after.ending.client_sees, direct.hop.response_code_details) == ("data", "direct_response")

    def test_tunnels_are_said_to_be_unmodelled(self) -> None:
        step = Step(network.STAGE, at_network(tcp_proxy("c", tunneling_config={"hostname": "h:1"})))
        assert isinstance(step.after, AtCluster)
        assert step.assumed == ["network.tunnel-not-modelled"]
