"""Joining and judging over several pods: who opened what, in which order, and that a difference anywhere is found."""

from typing import Any

import pytest

from tests.realism import mesh_compare, mesh_join, record_bookinfo, test_bookinfo

HERE, THERE = "10.0.0.1", "10.0.0.2"
DOCUMENT = record_bookinfo.load()["allow_any"]


def passage(way: str, source: str, destination: str, **more: Any) -> dict[str, Any]:
    before = {"source": source, "destination": destination}
    return {"way": way, "before": before, "source": source, "destination": destination, **more}


def redirected(source: str, destination: str, socket: str) -> dict[str, Any]:
    entry = passage("in" if socket.endswith(":15006") else "loop", source, destination)
    return {**entry, "destination": socket}


def logged(remote: str, accepted_at: str, name: str) -> dict[str, Any]:
    return {"downstream": {"direct_remote": remote}, "accepted_at": accepted_at, "name": name}


def made(port: int, pod: str | None = "here") -> mesh_join.Made:
    return mesh_join.Made({"timeout": 1}, {"local": f"{HERE}:{port}", "ended": "response"}, port, pod)


PASSAGES = {
    "here": [
        redirected(f"{HERE}:20001", "10.9.9.9:80", "127.0.0.1:15001"),
        passage("out", f"{HERE}:40001", f"{THERE}:80"),
        passage("out", f"{HERE}:40002", f"{THERE}:80"),
        redirected(f"{HERE}:20002", "10.9.9.9:80", "127.0.0.1:15001"),
        passage("out", f"{HERE}:40003", f"{THERE}:80"),
    ],
    "there": [
        redirected(f"{HERE}:40001", f"{THERE}:80", f"{THERE}:15006"),
        passage("loop", "127.0.0.6:50001", f"{THERE}:80"),
        redirected(f"{HERE}:40002", f"{THERE}:80", f"{THERE}:15006"),
        passage("in", f"{HERE}:49999", f"{THERE}:80"),
        passage("loop", "127.0.0.6:50009", f"{THERE}:80"),
        redirected(f"{HERE}:40003", f"{THERE}:80", f"{THERE}:15006"),
        passage("loop", "127.0.0.6:50002", f"{THERE}:80"),
    ],
}
HOPS = {
    "there": [logged(f"{HERE}:40003", f"{THERE}:15006", "third"), logged(f"{HERE}:40001", f"{THERE}:15006", "first")],
    "here": [logged(f"{HERE}:20001", "127.0.0.1:15001", "a"), logged(f"{HERE}:20002", "127.0.0.1:15001", "b")],
}
RECORDS: dict[str | None, list[dict[str, Any]]] = {
    "here": [{"peer": "127.0.0.6:50002", "local": f"{THERE}:80"}],
    "there": [{"peer": "127.0.0.6:50001", "local": f"{THERE}:80"}, {"peer": "127.0.0.6:50002", "local": f"{THERE}:80"}],
    None: [{"peer": f"{HERE}:40003", "local": f"{THERE}:80"}, {"peer": f"{HERE}:40009", "local": f"{THERE}:80"}],
}


def test_a_packet_is_followed_into_the_pod_it_reaches() -> None:
    first, second = mesh_join.joined([made(20001), made(20002)], PASSAGES, HOPS, RECORDS)
    assert [(entry["pod"], entry["before"]["source"]) for entry in first["netfilter"]] == [
        ("here", f"{HERE}:20001"),
        ("here", f"{HERE}:40001"),
        ("there", f"{HERE}:40001"),
        ("there", "127.0.0.6:50001"),
        ("here", f"{HERE}:40002"),
        ("there", f"{HERE}:40002"),
    ]
    assert [entry["sender"] for entry in second["netfilter"]] == ["application", "proxy", "peer", "proxy"]


def test_hops_and_records_follow_their_packets() -> None:
    first, second = mesh_join.joined([made(20001), made(20002)], PASSAGES, HOPS, RECORDS)
    assert [(hop["pod"], hop["name"]) for hop in first["hops"]] == [("here", "a"), ("there", "first")]
    assert [(hop["pod"], hop["name"]) for hop in second["hops"]] == [("here", "b"), ("there", "third")]
    assert [record["pod"] for record in first["upstream"]] == ["there"]
    assert [(record["pod"], record["peer"]) for record in second["upstream"]] == [
        ("there", "127.0.0.6:50002"),
        (None, f"{HERE}:40003"),
    ]


def test_what_nobody_asked_for_belongs_to_no_call() -> None:
    observations = mesh_join.joined([made(20001), made(20002)], PASSAGES, HOPS, RECORDS)
    sources = {entry["before"]["source"] for one in observations for entry in one["netfilter"]}
    assert not sources & {f"{HERE}:49999", "127.0.0.6:50009"}


def test_a_call_from_outside_begins_where_it_arrives() -> None:
    arriving = {"there": [passage("in", "10.7.7.7:20001", f"{THERE}:80")], "here": []}
    (one,) = mesh_join.joined([made(20001, None)], arriving, {}, {})
    assert [(entry["pod"], entry["sender"]) for entry in one["netfilter"]] == [("there", "peer")]


def test_the_same_first_packet_sent_again_counts_once() -> None:
    again = {"here": [PASSAGES["here"][0]] * 3}
    (one,) = mesh_join.joined([made(20001)], again, {}, {})
    assert len(one["netfilter"]) == 1


CHANGES = {
    "hops.1.filter_chain": "somebody else's",
    "hops.1.response_flags": ["UH"],
    "hops.0.endpoint": "10.80.3.99:9080",
    "netfilter.2.rules": ["nat/PREROUTING/9"],
    "netfilter.3.way": "out",
    "client.status": 500,
}


@pytest.mark.parametrize("path", CHANGES)
def test_a_difference_in_any_pod_is_found(path: str) -> None:
    observation = DOCUMENT["observations"]["details from productpage"]
    part, *keys = path.split(".")
    changed = _changed(observation[part], keys, CHANGES[path])
    assert mesh_compare.judge(test_bookinfo.mesh("allow_any"), {**observation, part: changed}, DOCUMENT) != []


def test_a_hop_that_nobody_told_of_is_found() -> None:
    observation = DOCUMENT["observations"]["details from productpage"]
    for fewer in ({"hops": observation["hops"][:1]}, {"netfilter": observation["netfilter"][:3]}):
        found = mesh_compare.judge(test_bookinfo.mesh("allow_any"), {**observation, **fewer}, DOCUMENT)
        assert any("goes through" in text for text in found)


def _changed(value: Any, keys: list[str], new: Any) -> Any:
    if not keys:
        return new
    if isinstance(value, list):
        index = int(keys[0])
        return [*value[:index], _changed(value[index], keys[1:], new), *value[index + 1 :]]
    return {**value, keys[0]: _changed(value[keys[0]], keys[1:], new)}
