"""Reading what `nft -a monitor trace` prints: text in, passages of first packets out. Pure; no process, no namespace.

The observer's own table (see kernel.py) marks where a packet enters and leaves the hooks; it never appears in a result.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from attrs import define, field, frozen

OBSERVER = "meshsim_observer"
FIRST, FIRST_OUT, LAST, LAST_OUT = "first", "first_out", "last", "last_out"

_EVENT = re.compile(
    r"^trace id (?P<id>\S+) (?P<family>\S+) (?P<table>\S+) (?P<chain>\S+) "
    r"(?P<kind>packet|rule|policy)(?::)? ?(?P<rest>.*)$"
)
_RULE = re.compile(r"# handle (?P<handle>\d+) \(verdict (?P<verdict>[^)]*)\)\s*$")
_ADDRESSES = re.compile(
    r"(?:ip|ip6) saddr (?P<source>\S+) (?:ip|ip6) daddr (?P<destination>\S+) .*?"
    r"(?P<protocol>tcp|udp) sport (?P<source_port>\d+) (?:tcp|udp) dport (?P<destination_port>\d+)"
)
_INTERFACE = {"in": re.compile(r'\biif "([^"]+)"'), "out": re.compile(r'\boif "([^"]+)"')}
_MARK = re.compile(r"\bmeta mark (0x[0-9a-f]+)")
_IP_ID = re.compile(r"\bip id (\d+)")
_SYN_ACK, _RST_ACK = 0x12, 0x14
_FLAGS = re.compile(r"tcp flags == (\S+)")


@frozen
class Event:
    """One printed line."""

    id: str
    family: str
    table: str
    chain: str
    kind: str
    rest: str


@define
class Walk:
    """One packet through the hooks of one side: made here (OUTPUT, POSTROUTING) or arriving (PREROUTING, INPUT)."""

    family: str
    made_here: bool
    before: str
    now: str
    rules: list[str] = field(factory=list)
    chains: list[str] = field(factory=list)
    verdicts: list[str] = field(factory=list)
    by: str | None = None
    finished: bool = False
    rejected: bool = False
    mark_before: int = 0
    mark: int = 0


def handles(ruleset: str) -> dict[tuple[str, str, str, int], int]:
    """`nft -j -a list ruleset` -> (family, table, chain, handle) -> the rule's place in its chain, from 1."""
    numbers: dict[tuple[str, str, str, int], int] = {}
    lengths: dict[tuple[str, str, str], int] = {}
    for entry in json.loads(ruleset)["nftables"]:
        rule = entry.get("rule")
        if rule is None:
            continue
        chain = (rule["family"], rule["table"], rule["chain"])
        lengths[chain] = lengths.get(chain, 0) + 1
        numbers[(*chain, rule["handle"])] = lengths[chain]
    return numbers


def events(lines: Iterable[str]) -> Iterator[Event]:
    for line in lines:
        found = _EVENT.match(line.strip())
        if found:
            yield Event(*(found[name] for name in ("id", "family", "table", "chain", "kind", "rest")))


def walks(stream: Iterable[Event], numbers: Mapping[tuple[str, str, str, int], int]) -> list[Walk]:
    """Group lines by packet.

    The kernel uses identifiers again: a line of the observer's first chain starts a new packet.
    """
    done: list[Walk] = []
    live: dict[str, Walk] = {}
    for event in stream:
        observer = event.table == OBSERVER
        if observer and event.kind == "packet" and event.chain in (FIRST, FIRST_OUT):
            live[event.id] = Walk(event.family, event.chain == FIRST_OUT, event.rest, event.rest)
            done.append(live[event.id])
        walk = live.get(event.id)
        if walk is None:
            continue
        if event.kind == "packet":
            walk.now = event.rest
        elif event.kind == "policy":
            # Only a base chain's end tells the mark.
            walk.mark = _mark(event.rest)
            if observer and event.chain in (FIRST, FIRST_OUT):
                walk.mark_before = walk.mark
        if observer:
            walk.finished |= event.chain in (LAST, LAST_OUT)
        else:
            _follow(walk, event, numbers)
    return done


def _follow(walk: Walk, event: Event, numbers: Mapping[tuple[str, str, str, int], int]) -> None:
    place = f"{event.table}/{event.chain}"
    if event.kind == "packet":
        if place not in walk.chains:
            walk.chains.append(place)
    elif event.kind == "policy":
        # A base chain's end; the words after it may be followed by a mark.
        if place not in walk.chains:
            walk.chains.append(place)
        if event.rest.split()[:1] == ["drop"]:
            walk.by = f"{place}/policy"
    else:
        found = _RULE.search(event.rest)
        if found is None:
            return
        number = numbers.get((event.family, event.table, event.chain, int(found["handle"])))
        walk.rules.append(f"{place}/{number}")
        walk.verdicts.append(found["verdict"])
        if found["verdict"] == "drop":
            # REJECT ends a packet as DROP does, after it has sent an answer.
            walk.rejected = " reject" in event.rest or "REJECT" in event.rest
            walk.by = f"{place}/{number}"


def passages(found: Iterable[Walk]) -> list[dict[str, object]]:
    """First packets as the trace document's netfilter entries; a packet over lo is one passage, out and in again."""
    done: list[dict[str, object]] = []
    open_loops: dict[tuple[str, str, str | None], dict[str, object]] = {}
    awaiting: dict[tuple[str, str], dict[str, object]] = {}
    for walk in found:
        ends = _ends(walk.before)
        if ends is None:
            continue
        flags = _flags(walk.before)
        if flags & 0x10:
            # An answer: SYN with ACK says that a socket took the packet, RST that none did.
            answered = awaiting.pop((ends[1], ends[0]), None) if walk.made_here else None
            if answered is not None and answered["result"] is None:
                answered["result"] = "socket" if flags == _SYN_ACK else "refused" if flags == _RST_ACK else None
            continue
        left = _ends(walk.now) or ends
        identifier = _IP_ID.search(walk.before)
        key = (*ends, identifier[1] if identifier else None)
        if not walk.made_here and key in open_loops:
            entry = open_loops.pop(key)
            _extend(entry, walk, left)
        else:
            entry = _entry(walk, ends, left)
            done.append(entry)
            if walk.made_here and entry["interface"] == "lo" and walk.by is None:
                open_loops[(*left, identifier[1] if identifier else None)] = entry
        if entry["way"] in ("in", "loop") and entry["result"] is None:
            awaiting[left] = entry
    return done


def _entry(walk: Walk, ends: tuple[str, str], left: tuple[str, str]) -> dict[str, object]:
    interface = _interface(walk.before, "out" if walk.made_here else "in")
    leaves_by = _interface(walk.now, "out") if walk.made_here else interface
    forwarded_by = None if walk.made_here else _interface(walk.now, "out")
    if walk.made_here:
        way = "loop" if leaves_by == "lo" else "out"
    else:
        way = "forward" if forwarded_by else "in"
    result = _ended(walk) if walk.by else "wire" if way in ("out", "forward") and walk.finished else None
    return {
        "way": way,
        "before": {
            "protocol": "tcp",
            "source": ends[0],
            "destination": ends[1],
            "mark": walk.mark_before,
            "interface": interface,
        },
        "rules": list(walk.rules),
        "chains": list(walk.chains),
        "verdicts": list(walk.verdicts),
        "source": left[0],
        "destination": left[1],
        "mark": walk.mark,
        "interface": forwarded_by or leaves_by,
        "finished": walk.finished,
        "result": result,
        "by": walk.by,
    }


def _extend(entry: dict[str, object], walk: Walk, left: tuple[str, str]) -> None:
    for name, more in (("rules", walk.rules), ("chains", walk.chains), ("verdicts", walk.verdicts)):
        already = entry[name]
        assert isinstance(already, list)
        already.extend(more)
    entry["source"], entry["destination"] = left
    entry["mark"], entry["finished"] = walk.mark, walk.finished
    if walk.by:
        entry["by"], entry["result"] = walk.by, _ended(walk)


def _ended(walk: Walk) -> str:
    return "rejected" if walk.rejected else "dropped"


def _ends(packet: str) -> tuple[str, str] | None:
    found = _ADDRESSES.search(packet)
    if found is None:
        return None
    join = "[{}]:{}" if ":" in found["source"] else "{}:{}"
    return (
        join.format(found["source"], found["source_port"]),
        join.format(found["destination"], found["destination_port"]),
    )


def _interface(packet: str, direction: str) -> str | None:
    found = _INTERFACE[direction].search(packet)
    return found[1] if found else None


def _mark(policy: str) -> int:
    found = _MARK.search(policy)
    return int(found[1], 16) if found else 0


def _flags(packet: str) -> int:
    names = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16}
    found = _FLAGS.search(packet)
    if found is None:
        return 0
    word = found[1]
    return int(word, 16) if word.startswith("0x") else sum(names.get(part, 0) for part in word.split("|"))
