"""The kernel's own account of a packet's rules, read from netlink as it happens. Standard library only: runs anywhere.

Each message is one step of one packet: a rule that matched, or the policy of a base chain. Upstream: linux
include/uapi/linux/netfilter/nf_tables.h (NFTA_TRACE_*).
"""

import errno
import socket
import struct
from collections.abc import Iterator

NETLINK_NETFILTER, NFTRACE_GROUP = 12, 9
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
SO_RCVBUFFORCE = 33
TABLE, CHAIN, RULE_HANDLE, TYPE, VERDICT, ID, LINK_HEADER, NETWORK, TRANSPORT = range(1, 10)
INCOMING, OUTGOING, MARK = 10, 12, 14
TYPES = {1: "policy", 2: "return", 3: "rule"}
VERDICTS = {0: "drop", 1: "accept"}


def open_trace() -> socket.socket:
    tracing = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    tracing.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
    tracing.bind((0, 0))
    tracing.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFTRACE_GROUP)
    tracing.setblocking(False)
    return tracing


def read_trace(tracing: socket.socket) -> list[dict[str, object]]:
    """Every step since the last reading. Steps that the kernel had no room for are an error, not a gap."""
    steps: list[dict[str, object]] = []
    while True:
        try:
            data = tracing.recv(1 << 16)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                return steps
            raise
        steps.extend(_messages(data))


def _messages(data: bytes) -> Iterator[dict[str, object]]:
    while len(data) >= 16:
        (length,) = struct.unpack_from("=I", data)
        if length < 20:
            return
        yield _step(data[16], data[20:length])
        data = data[(length + 3) & ~3 :]


def _step(family: int, body: bytes) -> dict[str, object]:
    found = dict(_attributes(body))
    verdict = dict(_attributes(found.get(VERDICT, b"")))
    step: dict[str, object] = {
        "family": {2: "ip", 10: "ip6", 1: "inet"}.get(family, str(family)),
        "table": found.get(TABLE, b"").rstrip(b"\0").decode(),
        "chain": found.get(CHAIN, b"").rstrip(b"\0").decode(),
        "type": TYPES.get(int.from_bytes(found.get(TYPE, b""), "big"), "?"),
        "id": int.from_bytes(found.get(ID, b""), "big"),
        "handle": int.from_bytes(found.get(RULE_HANDLE, b""), "big"),
        "verdict": VERDICTS.get(int.from_bytes(verdict.get(1, found.get(16, b"\xff")), "big"), "other"),
        "mark": int.from_bytes(found.get(MARK, b""), "big"),
    }
    if NETWORK in found:
        step["packet"] = _packet(found[NETWORK], found.get(TRANSPORT, b""))
        for name, which in (("incoming", INCOMING), ("outgoing", OUTGOING)):
            index = int.from_bytes(found.get(which, b""), "big")
            step[name] = socket.if_indextoname(index) if index else ""
    return step


def _attributes(body: bytes) -> Iterator[tuple[int, bytes]]:
    while len(body) >= 4:
        length, kind = struct.unpack_from("=HH", body)
        if length < 4:
            return
        yield kind & 0x3FFF, body[4:length]
        body = body[(length + 3) & ~3 :]


def _packet(network: bytes, transport: bytes) -> dict[str, object]:
    if network[0] >> 4 == 4:
        protocol = network[9]
        source, destination = (socket.inet_ntop(socket.AF_INET, network[at : at + 4]) for at in (12, 16))
    else:
        protocol = network[6]
        source, destination = (socket.inet_ntop(socket.AF_INET6, network[at : at + 16]) for at in (8, 24))
    sport, dport = struct.unpack_from("!HH", transport) if len(transport) >= 4 else (0, 0)
    tcp = protocol == 6
    return {
        "ends": [source, sport, destination, dport],
        "flags": transport[13] & 0x17 if tcp and len(transport) > 13 else 0,
        "same": transport[4:8].hex() if tcp else transport[8:20].hex(),
    }
