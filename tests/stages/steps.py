"""One stage of the connection side of the walk at a time: the state to start in, and what the stage made of it."""

from __future__ import annotations

from typing import Any

from meshsim.choices import Chooser
from meshsim.explanation import Decision, Fate
from meshsim.facts.conversation import Conversation
from meshsim.mesh import Mesh, Pod
from meshsim.report import Draft, Hop
from meshsim.stages.stage import Stage
from meshsim.states import AtChain, AtHandshake, AtInspect, AtNetwork
from tests.builders_connection import chain, connection, hcm, http, listener_config, pod, tcp, tcp_proxy


class Step:
    """One stage decided, explained and described."""

    def __init__(self, stage: Stage, at: Any, chooser: Chooser | None = None, draft: Draft | None = None) -> None:
        mesh = Mesh((at.pod,), {})
        self.chooser = chooser or Chooser()
        self.picked, self.after = stage.decide(mesh, at, self.chooser)
        self.decision: Decision = stage.explain(mesh, at, self.picked)
        self.draft = draft or Draft()
        stage.describe(mesh, at, self.picked, self.draft)
        self.hop: Hop = self.draft.hop(at.hop, at.pod.name)

    @property
    def assumed(self) -> list[str]:
        return [reason.code for reason in self.chooser.assumptions]

    @property
    def fates(self) -> dict[str, Fate]:
        return {each.label: each.fate for each in self.decision.candidates}


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
