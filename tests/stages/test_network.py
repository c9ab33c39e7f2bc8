"""Network filters in order, and where the last one of a chain leads."""

from __future__ import annotations

from fractions import Fraction

from meshsim.choices import Chooser
from meshsim.explanation import Fate
from meshsim.stages import network
from meshsim.states import AtCluster, AtHttp, AtReturn
from tests.builders_connection import FILTERS, hcm, http, tcp_proxy
from tests.stages.steps import Step, at_network

OPAQUE = {"name": "guard", "typed_config": {"@type": FILTERS + "network.wasm.v3.Wasm"}}


def test_bytes_go_to_the_cluster() -> None:
    step = Step(network.STAGE, at_network(tcp_proxy("blue")))
    assert isinstance(step.after, AtCluster)
    assert (step.after.name, step.after.via.kind, step.after.alpn_override) == ("blue", "tcp", ())
    assert (step.hop.network_filter, step.hop.cluster) == ("tcp_proxy", "blue")
    assert step.decision.trivial


def test_http_goes_to_the_connection_manager() -> None:
    step = Step(network.STAGE, at_network(hcm(), said=http()))
    assert isinstance(step.after, AtHttp)
    assert step.hop.network_filter == "http_connection_manager"


def test_weights_are_a_choice_with_exact_shares() -> None:
    weights = {"clusters": [{"name": "a", "weight": 1}, {"name": "b", "weight": 2}]}
    step = Step(network.STAGE, at_network(tcp_proxy(weighted_clusters=weights)))
    (taken,) = step.chooser.taken
    assert (taken.choice.site, taken.choice.shares) == ("0/cluster", (Fraction(1, 3), Fraction(2, 3)))
    assert isinstance(step.after, AtCluster) and step.after.name == "b"
    assert step.assumed == []


def test_an_opaque_filter_is_assumed_to_pass_and_can_be_pinned() -> None:
    step = Step(network.STAGE, at_network(OPAQUE, tcp_proxy("c")))
    assert isinstance(step.after, AtCluster)
    assert (step.assumed, step.fates["guard"]) == (["network.opaque-filter"], Fate.UNKNOWN)
    blocked = Step(network.STAGE, at_network(OPAQUE, tcp_proxy("c")), Chooser({"0/filter/guard": "blocks"}))
    assert isinstance(blocked.after, AtReturn) and blocked.after.ending.kind == "closed"
    assert list(blocked.fates.values()) == [Fate.FAILED, Fate.NOT_REACHED]


REDIS = {"settings": {"op_timeout": "1s"}}


def test_a_protocol_nobody_models_makes_the_outcome_unknown() -> None:
    config = {"@type": FILTERS + "network.redis_proxy.v3.RedisProxy", "cluster": "redis", "stat_prefix": "r", **REDIS}
    step = Step(network.STAGE, at_network({"name": "envoy.filters.network.redis_proxy", "typed_config": config}))
    assert isinstance(step.after, AtReturn) and step.after.ending.kind == "unknown"
    assert step.assumed == ["network.terminal-not-modelled"]
    assert step.after.ending.why.fact("clusters") == "redis"
    assert step.hop.network_filter == "redis_proxy"


def test_the_sni_may_name_the_cluster() -> None:
    sni_cluster = {"name": "sni", "typed_config": {"@type": FILTERS + "network.sni_cluster.v3.SniCluster"}}
    step = Step(network.STAGE, at_network(sni_cluster, tcp_proxy("c"), sni="outbound_.80_._.a"))
    assert isinstance(step.after, AtCluster) and step.after.name == "outbound_.80_._.a"
    assert step.decision.reason.code == "network.cluster-by-filter"
    without = Step(network.STAGE, at_network(sni_cluster, tcp_proxy("c")))
    assert isinstance(without.after, AtCluster) and without.after.name == "c"


def test_no_filters_close_and_a_fixed_answer_closes_too() -> None:
    step = Step(network.STAGE, at_network())
    assert isinstance(step.after, AtReturn) and step.after.ending.kind == "closed"
    assert step.hop.downstream_local_close_reason == "no_filters"
    fixed = {"@type": FILTERS + "network.direct_response.v3.Config", "response": {"inline_string": "no"}}
    answer = {"name": "d", "typed_config": fixed}
    direct = Step(network.STAGE, at_network(answer))
    assert isinstance(direct.after, AtReturn)
    assert (direct.after.ending.client_sees, direct.hop.response_code_details) == ("data", "direct_response")


def test_tunnels_are_said_to_be_unmodelled() -> None:
    step = Step(network.STAGE, at_network(tcp_proxy("c", tunneling_config={"hostname": "h:1"})))
    assert isinstance(step.after, AtCluster)
    assert step.assumed == ["network.tunnel-not-modelled"]
