"""How much of a request's body is kept, which decides whether it can be redirected or tried again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import meshsim
from meshsim.facts.call import read_call
from tests.truth.families.internal_redirects import PORT, settings


@pytest.fixture(scope="module")
def ports() -> Mapping[str, int]:
    """Name of a listener, with the limit that it states -> its port."""
    [made] = [setting for setting in settings() if setting.name == "bodies and listeners"]
    [listeners] = [each["dynamic_listeners"] for each in made.dump["configs"] if "dynamic_listeners" in each]
    named = {each["name"]: each["active_state"]["listener"]["address"] for each in listeners}
    return {name: address["socket_address"]["port_value"] for name, address in named.items()}


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> meshsim.Mesh:
    [made] = [setting for setting in settings() if setting.name == "bodies and listeners"]
    return made.mesh(Path(tmp_path_factory.mktemp("bodies")))


def traced(mesh: meshsim.Mesh, port: int, **call: Any) -> meshsim.Trace:
    headers = {"x-go": "307", **call.pop("headers", {})}
    asked = {"destination": f"10.93.0.2:{port}", "path": "/p/x", "method": "POST", "authority": "a.test", **call}
    return mesh.trace(read_call({**asked, "headers": headers}))


CHUNKED, STATED = {"transfer-encoding": "chunked"}, {"content-length": "11"}


@pytest.mark.parametrize(
    ("listener", "call", "code"),
    [
        ("redirected, 10", {"headers": CHUNKED, "payload": "x" * 10}, "redirect.followed"),
        ("redirected, 10", {"headers": CHUNKED, "payload": "x" * 11}, "redirect.body-too-large"),
        ("redirected, 10", {"headers": STATED}, "redirect.body-too-large"),
        ("redirected, 100", {"headers": STATED}, "redirect.followed"),
        ("redirected, 0", {"headers": {"content-length": str(1 << 22)}}, "redirect.followed"),
        ("redirected, None", {"headers": {"content-length": str((1 << 20) + 1)}}, "redirect.body-too-large"),
        ("limit of the route, 10", {"headers": STATED}, "redirect.followed"),
        ("buffered, 10", {"headers": STATED}, "redirect.followed"),
        ("buffered, limit of the route, 100", {"headers": STATED}, "redirect.body-too-large"),
    ],
)
def test_what_is_not_kept_cannot_be_redirected(
    mesh: meshsim.Mesh, ports: Mapping[str, int], listener: str, call: dict[str, Any], code: str
) -> None:
    [decision] = traced(mesh, ports[listener], **call).explain("redirect")
    assert decision.reason.code == code


def test_what_is_not_kept_is_not_tried_again(mesh: meshsim.Mesh, ports: Mapping[str, int]) -> None:
    small, large = (traced(mesh, ports["retried, 10"], headers={"content-length": size}) for size in ("10", "11"))
    assert (len(small.hops[0].attempts), small.hops[0].response_flags) == (2, ("URX", "UF"))
    assert (len(large.hops[0].attempts), large.hops[0].response_flags) == (1, ("UF",))
    [decision] = large.explain("router")
    assert [note.code for note in decision.notes] == ["router.body-not-kept"]


def test_a_payload_is_a_body_only_where_the_request_frames_one(mesh: meshsim.Mesh, ports: Mapping[str, int]) -> None:
    assert PORT in ports.values()
    [decision] = traced(mesh, ports["redirected, 10"], payload="x" * 11).explain("redirect")
    assert decision.reason.code == "redirect.followed"


def test_the_buffer_filter_counts_chunks(mesh: meshsim.Mesh, ports: Mapping[str, int]) -> None:
    many = traced(mesh, ports["buffered, 10"], headers=CHUNKED, payload="x" * 21)
    assert (many.outcome.status, many.outcome.response_code_details) == (413, "request_payload_too_large")
    few = traced(mesh, ports["buffered, 10"], headers=CHUNKED, payload="x" * 20)
    sent = few.hops[0].upstream
    assert sent is not None and sent.headers is not None
    assert sent.headers["content-length"] == ("20",)
    assert "transfer-encoding" not in sent.headers
