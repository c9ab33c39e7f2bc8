"""Whose doing was what: calls, first packets and log lines of all pods in, one observation a call out. Pure.

Calls run one at a time. A passage belongs to the call whose client opened it, or whose proxy opened it in another pod;
what a proxy opens afterwards belongs to the call it serves.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

Entry = dict[str, Any]


@frozen
class Made:
    """One call that was made, as completed, what its client saw, and the port it came from."""

    call: Entry
    client: Entry
    port: int
    pod: str | None
    """Where the client runs; None: outside."""


def joined(
    made: Sequence[Made],
    passages: Mapping[str, Sequence[Entry]],
    hops: Mapping[str, Sequence[Entry]],
    records: Mapping[str | None, Sequence[Entry]],
) -> list[Entry]:
    """An observation a call: netfilter and hops in the order of the way, each naming its pod (None: the world)."""
    unique = {pod: _once(entries) for pod, entries in passages.items()}
    owners: dict[str, int] = {}
    shares: list[dict[str, list[Entry]]] = []
    for _ in range(len(unique) + 1):
        shares = _shared(made, unique, owners)
        for index, share in enumerate(shares):
            for entries in share.values():
                owners.update({entry["source"]: index for entry in entries if entry["way"] == "out"})
    return [_observation(one, share, hops, records) for one, share in zip(made, shares, strict=True)]


def _once(entries: Sequence[Entry]) -> list[Entry]:
    """Without what is the same first packet, sent again."""
    known: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        known.setdefault((entry["before"]["source"], entry["before"]["destination"]), entry)
    return list(known.values())


def _shared(
    made: Sequence[Made], passages: Mapping[str, Sequence[Entry]], owners: Mapping[str, int]
) -> list[dict[str, list[Entry]]]:
    by_port = {one.port: index for index, one in enumerate(made)}
    shares: list[dict[str, list[Entry]]] = [{} for _ in made]
    for pod, entries in passages.items():
        current: int | None = None
        for entry in entries:
            source = entry["before"]["source"]
            port = int(source.rpartition(":")[2])
            from_client = port in by_port and (made[by_port[port]].pod == pod or entry["way"] == "in")
            if from_client:
                current = by_port[port]
            elif entry["way"] == "in":
                current = owners.get(source)
            if current is not None:
                by_client_here = from_client and entry["way"] != "in"
                sender = "application" if by_client_here else "peer" if entry["way"] == "in" else "proxy"
                shares[current].setdefault(pod, []).append({"pod": pod, "sender": sender, **entry})
    return shares


def _observation(
    made: Made,
    share: Mapping[str, Sequence[Entry]],
    hops: Mapping[str, Sequence[Entry]],
    records: Mapping[str | None, Sequence[Entry]],
) -> Entry:
    passages = list(_way(made, share))
    # A port alone does not tell connections apart: the kernel gives it out again, here or in another pod.
    order: dict[tuple[str | None, str, str], int] = {}
    for place, passage in enumerate(passages):
        order.setdefault((passage["pod"], passage["source"], passage["destination"]), place)
        if passage["way"] == "out":
            order.setdefault((None, passage["source"], passage["destination"]), place)
    own = [{"pod": pod, **hop} for pod, entries in hops.items() for hop in entries if (pod, *_accepted(hop)) in order]
    own.sort(key=lambda hop: order[hop["pod"], *_accepted(hop)])
    received = [
        {"pod": pod, **record}
        for pod, entries in records.items()
        for record in entries
        if (pod, record["peer"], record["local"]) in order
    ]
    source = passages[0]["before"]["source"] if passages else made.client["local"]
    if source is not None and source.startswith("0.0.0.0:"):
        source = made.client["local"] or source
    call = {name: value for name, value in made.call.items() if name != "timeout"} | {"source": source}
    return {
        "call": call,
        "client": {name: value for name, value in made.client.items() if name != "local"},
        "hops": own,
        "netfilter": passages,
        "upstream": received,
    }


def _accepted(hop: Entry) -> tuple[str, str]:
    return hop["downstream"]["direct_remote"], hop["accepted_at"]


def _way(made: Made, share: Mapping[str, Sequence[Entry]]) -> Iterator[Entry]:
    """The call's passages as the packets went: what a packet does in the next pod comes right after it left."""
    arrivals = {
        (entry["before"]["source"], entry["before"]["destination"]): (pod, index)
        for pod, entries in share.items()
        for index, entry in enumerate(entries)
        if entry["way"] == "in"
    }

    def onward(pod: str, start: int) -> Iterator[Entry]:
        entries = share[pod]
        for index in range(start, len(entries)):
            if index > start and entries[index]["way"] == "in":
                return
            yield entries[index]
            if entries[index]["way"] == "out":
                there = arrivals.get((entries[index]["source"], entries[index]["destination"]))
                if there is not None and there[0] != pod:
                    yield from onward(*there)

    if made.pod is not None:
        yield from onward(made.pod, 0) if share.get(made.pod) else ()
        return
    for (source, _), (pod, index) in arrivals.items():
        if int(source.rpartition(":")[2]) == made.port:
            yield from onward(pod, index)
            return
