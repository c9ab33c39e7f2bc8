"""Which filter chain takes a connection, by matches or by a matcher tree."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.choices import Chooser
from meshsim.errors import Bug
from meshsim.explanation import Fate
from meshsim.mesh import Mesh, Pod
from meshsim.stages import chain as chain_stage
from meshsim.states import AtHandshake, AtReturn
from tests.builders_connection import PREFIX, chain, listener_config, pod
from tests.builders_matchers import leads_to, mapped, network_input
from tests.stages.steps import Step, at_chain, mesh_pod

MATCH_PORT_80 = mapped("exact", network_input("DestinationPortInput"), {"80": leads_to("b"), "81": leads_to("a")})


def matching_pod(matcher: dict[str, Any]) -> Pod:
    """Chains a and b, the default chain d, and a filter_chain_matcher over them."""
    config = listener_config("one", "0.0.0.0:80", chain("a"), chain("b"), default_filter_chain=chain("d"))
    return pod({**config, "filter_chain_matcher": matcher})


def test_the_chain_that_matches() -> None:
    step = Step(chain_stage.STAGE, at_chain(mesh_pod(), "virtualOutbound", local="10.0.0.5:9"))
    assert isinstance(step.after, AtHandshake)
    assert step.hop.filter_chain == "virtualOutbound-catchall-tcp"
    blackhole = Step(chain_stage.STAGE, at_chain(mesh_pod(), "virtualOutbound", local="10.0.0.5:15001"))
    assert blackhole.hop.filter_chain == "virtualOutbound-blackhole"
    assert blackhole.fates["virtualOutbound-catchall-tcp"] is Fate.OUTRANKED


def test_a_nameless_only_chain_is_trivial() -> None:
    step = Step(chain_stage.STAGE, at_chain(mesh_pod(), "0.0.0.0_80", local="10.0.0.5:80"))
    assert step.decision.trivial
    assert step.hop.filter_chain is None
    assert step.decision.chosen is not None and step.decision.chosen.label == "filter_chains[0]"


def test_no_chain_closes_the_connection() -> None:
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


def test_the_trap_of_a_named_port_is_said() -> None:
    narrow = chain("narrow", match={"destination_port": 80, "transport_protocol": "tls"})
    on = pod(listener_config("one", "0.0.0.0:80", narrow, chain("any")))
    step = Step(chain_stage.STAGE, at_chain(on, local="10.0.0.5:80"))
    reason = step.decision.reason
    assert (reason.code, reason.fact("chain"), reason.fact("level")) == (
        "chain.none-outranked",
        "any",
        "destination_port",
    )


def test_the_default_chain_decides() -> None:
    tls = chain("tls", match={"transport_protocol": "tls"})
    on = pod(listener_config("one", "0.0.0.0:80", tls, default_filter_chain=chain("fallback")))
    step = Step(chain_stage.STAGE, at_chain(on))
    assert step.hop.filter_chain == "fallback"
    assert step.decision.deciding and step.fates == {"tls": Fate.FAILED, "fallback": Fate.CHOSEN}


def test_an_ambiguous_range_is_a_choice_without_shares() -> None:
    everywhere = {"prefix_ranges": [{"address_prefix": "0.0.0.0", "prefix_len": 0}]}
    on = pod(listener_config("one", "0.0.0.0:80", chain("zero", match=everywhere), chain("none")))
    step = Step(chain_stage.STAGE, at_chain(on))
    assert step.assumed == ["chain.ambiguous"]
    (taken,) = step.chooser.taken
    assert (taken.choice.site, taken.choice.options, taken.choice.shares) == ("0/chain", ("zero", "none"), (None, None))
    pinned = Step(chain_stage.STAGE, at_chain(on), Chooser({"0/chain": "none"}))
    assert (pinned.hop.filter_chain, pinned.assumed) == ("none", [])


def test_a_matcher_tree_names_the_chain() -> None:
    step = Step(chain_stage.STAGE, at_chain(matching_pod(MATCH_PORT_80), local="10.0.0.5:80"))
    assert (step.hop.filter_chain, step.assumed, step.decision.reason.code) == ("b", [], "chain.named")
    assert step.fates == {"a": Fate.FAILED, "b": Fate.CHOSEN, "d": Fate.NOT_REACHED}


def test_a_matcher_tree_that_matches_nothing_leaves_the_default_chain() -> None:
    step = Step(chain_stage.STAGE, at_chain(matching_pod(MATCH_PORT_80)))
    assert (step.hop.filter_chain, step.decision.reason.code) == ("d", "chain.default")


def test_a_chain_that_does_not_exist_is_not_replaced_by_the_default_chain() -> None:
    step = Step(chain_stage.STAGE, at_chain(matching_pod({"on_no_match": leads_to("lost")})))
    assert isinstance(step.after, AtReturn) and step.decision.reason.code == "chain.unknown-name"


def test_a_matcher_nobody_knows_is_a_choice() -> None:
    custom = {"name": "x", "typed_config": {"@type": PREFIX + "some.Matcher"}}
    predicate = {"single_predicate": {"input": MATCH_PORT_80["matcher_tree"]["input"], "custom_match": custom}}
    on = matching_pod({"matcher_list": {"matchers": [{"predicate": predicate, "on_match": leads_to("a")}]}})
    step = Step(chain_stage.STAGE, at_chain(on))
    assert (step.hop.filter_chain, step.assumed) == ("d", ["matcher.not-modelled", "matcher.open"])
    pinned = Step(chain_stage.STAGE, at_chain(on), Chooser({"0/matcher/a": "match"}))
    assert pinned.hop.filter_chain == "a"


def test_an_explanation_that_disagrees_is_a_bug() -> None:
    at = at_chain(mesh_pod(), "virtualOutbound", local="10.0.0.5:9")
    wrong = at.listener.chains.chains[0]
    with pytest.raises(Bug):
        chain_stage.explain(Mesh((at.pod,), {}), at, wrong)
