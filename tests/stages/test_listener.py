"""Which listener a call belongs to once its original destination is known."""

from __future__ import annotations

from typing import Any

import pytest

from meshsim.explanation import Fate
from meshsim.facts.conversation import Conversation
from meshsim.stages import listener
from meshsim.states import AtChain, AtInspect, AtListener
from tests.builders_connection import connection, http, listener_config, refused, warming
from tests.stages.steps import Step, mesh_pod


def at_receiver(destination: str, said: Conversation | None = None) -> AtListener:
    on = mesh_pod()
    assert on.proxy is not None
    receiver = on.proxy.listeners.by_name["virtualOutbound"]
    return AtListener(on, receiver, connection(destination, restored=True), said or http(), 0, None)


def test_the_owner_of_the_address_takes_over() -> None:
    step = Step(listener.STAGE, at_receiver("10.0.0.5:80"))
    assert isinstance(step.after, AtInspect)
    assert (step.picked.name, step.after.handoff, step.hop.listener) == ("0.0.0.0_80", False, "0.0.0.0_80")
    assert step.fates == {"10.0.0.5:80": Fate.FAILED, "0.0.0.0:80": Fate.CHOSEN}
    assert not step.decision.deciding


def test_without_an_owner_the_receiver_keeps_the_call() -> None:
    step = Step(listener.STAGE, at_receiver("10.0.0.5:81"))
    assert isinstance(step.after, AtChain)
    assert (step.picked, step.after.listener.name, step.hop.listener) == (None, "virtualOutbound", "virtualOutbound")
    assert step.after.connection.transport == "raw_buffer"
    assert step.decision.deciding and step.decision.reason.code == "listener.none"


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        (refused("svc", listener_config("svc", "10.0.0.5:81")), "listener.none-rejected"),
        (warming("svc", listener_config("svc", "0.0.0.0:81")), "listener.none-warming"),
    ],
)
def test_an_owner_that_is_not_in_force_is_named(missing: Any, code: str) -> None:
    on = mesh_pod(missing)
    assert on.proxy is not None
    receiver = on.proxy.listeners.by_name["virtualOutbound"]
    at = AtListener(on, receiver, connection("10.0.0.5:81", restored=True), http(), 0, None)
    reason = Step(listener.STAGE, at).decision.reason
    assert (reason.code, reason.fact("listener")) == (code, "svc")


def test_a_direct_dial_is_handed_to_the_receiver_itself() -> None:
    step = Step(listener.STAGE, at_receiver("10.80.3.109:15001"))
    assert isinstance(step.after, AtInspect) and step.after.listener.name == "virtualOutbound"
    assert step.decision.reason.code == "listener.to-itself"
