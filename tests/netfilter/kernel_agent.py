"""Sits in a namespace: listens, sends first packets when told to, and reports what it and the kernel saw.

Commands are lines of JSON on standard input, answers lines on standard output. Ends with its input.
"""

import errno
import json
import os
import selectors
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from nft_trace import open_trace, read_trace  # type: ignore[import-not-found]

SO_ORIGINAL_DST, SO_MARK, IP_TRANSPARENT, IPV6_TRANSPARENT = 80, 36, 19, 75
IP_PKTINFO, IPV6_RECVPKTINFO, IPV6_PKTINFO = 8, 49, 50
REQUEST, ANSWER = 12, 13


def original_destination(client: socket.socket) -> list[object] | None:
    try:
        if client.family == socket.AF_INET6 and not client.getsockname()[0].startswith("::ffff:"):
            held = client.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
            return [socket.inet_ntop(socket.AF_INET6, held[8:24]), int.from_bytes(held[2:4], "big")]
        held = client.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
    except OSError:
        return None
    _, port, address = struct.unpack_from("!2sH4s", held)
    return [socket.inet_ntoa(address), port]


def as_user(uid: int, gid: int, groups: list[int]) -> None:
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)


def as_root() -> None:
    os.seteuid(0)
    os.setegid(0)
    os.setgroups([])


def make_socket(ip: str, protocol: str, uid: int, gid: int, groups: list[int], *, transparent: bool) -> socket.socket:
    as_user(uid, gid, groups)
    made = socket.socket(
        socket.AF_INET6 if ":" in ip else socket.AF_INET,
        socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM,
    )
    as_root()
    made.setblocking(False)
    if transparent:
        if ":" in ip:
            made.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        else:
            made.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    return made


def listen(spec: dict) -> socket.socket:  # type: ignore[type-arg]
    held = make_socket(
        spec["ip"], spec["protocol"], spec.get("uid", 1000), spec.get("gid", 1000), [],
        transparent=spec.get("transparent", False),
    )  # fmt: skip
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if held.family == socket.AF_INET6:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(spec.get("v6only", False)))
        held.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
    if held.family == socket.AF_INET or not spec.get("v6only", False):
        held.setsockopt(socket.SOL_IP, IP_PKTINFO, 1)
    held.bind((spec["ip"], spec["port"]))
    if spec["protocol"] == "tcp":
        held.listen(64)
    return held


class Agent:
    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.tracing = open_trace()
        self.log: list[dict[str, object]] = []
        self.steps: list[dict[str, object]] = []
        self.held: list[socket.socket] = []
        """Open until the listener has asked about its side: what a closing client provokes would change that."""

    def serve(self, specs: list[dict]) -> None:  # type: ignore[type-arg]
        for spec in specs:
            self.selector.register(listen(spec), selectors.EVENT_READ, ("listener", spec))

    def turn(self, timeout: float) -> bool:
        """Handle what happens; True when a command waits."""
        waiting = False
        self.steps += read_trace(self.tracing)
        for key, _ in self.selector.select(timeout):
            kind, what = key.data
            held = key.fileobj
            if kind == "trace":
                self.steps += read_trace(self.tracing)
            elif kind == "commands":
                waiting = True
            elif kind == "listener" and what["protocol"] == "tcp":
                self.accept(held, what)  # type: ignore[arg-type]
            elif kind == "listener":
                self.receive(held, what)  # type: ignore[arg-type]
            else:
                self.resolve(held, what)  # type: ignore[arg-type]
        return waiting

    def accept(self, listener: socket.socket, spec: dict) -> None:  # type: ignore[type-arg]
        try:
            client, peer = listener.accept()
        except OSError:
            return
        with client:
            self.log.append(
                {
                    "socket": spec["name"],
                    "local": list(client.getsockname()[:2]),
                    "peer": list(peer[:2]),
                    "original": original_destination(client),
                }
            )

    def receive(self, listener: socket.socket, spec: dict) -> None:  # type: ignore[type-arg]
        try:
            data, extra, _, peer = listener.recvmsg(100, 200)
        except OSError:
            return
        address, info = "", b""
        for level, kind, held in extra:
            if level == socket.SOL_IP and kind == IP_PKTINFO:
                address = socket.inet_ntoa(held[8:12])
                info = struct.pack("=i4s4s", 0, held[8:12], b"\0" * 4)
            elif level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO:
                address = socket.inet_ntop(socket.AF_INET6, held[:16])
                info = held[:16] + b"\0" * 4
        self.log.append({"socket": spec["name"], "payload": data.hex(), "local": [address], "peer": list(peer[:2])})
        v6 = listener.family == socket.AF_INET6 and not peer[0].startswith("::ffff:")
        level, kind = (socket.IPPROTO_IPV6, IPV6_PKTINFO) if v6 else (socket.SOL_IP, IP_PKTINFO)
        if listener.family == socket.AF_INET6 and not v6:
            return
        try:
            listener.sendmsg([data.ljust(ANSWER, b"!")], [(level, kind, info)], 0, peer)
        except OSError as error:
            self.log[-1]["answer_error"] = errno.errorcode.get(error.errno or 0, "?")

    def probe(self, probes: list[dict], wait: float) -> list[dict[str, object]]:  # type: ignore[type-arg]
        results: list[dict[str, object]] = []
        for probe in probes:
            result: dict[str, object] = {"met": "silence"}
            results.append(result)
            self.send(probe, result)
            self.steps += read_trace(self.tracing)
        deadline = time.monotonic() + wait
        while any(result["met"] == "silence" for result in results) and time.monotonic() < deadline:
            self.turn(0.02)
        self.turn(0.03)
        for sent in self.held:
            sent.close()
        self.held = []
        for key in list(self.selector.get_map().values()):
            if key.data[0] == "probe":
                self.selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
        return results

    def send(self, probe: dict, result: dict[str, object]) -> None:  # type: ignore[type-arg]
        sent = make_socket(
            probe["destination"], probe["protocol"], probe["uid"], probe["gid"], probe.get("groups", []),
            transparent=probe["transparent"],
        )  # fmt: skip
        try:
            sent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.get("mark"):
                sent.setsockopt(socket.SOL_SOCKET, SO_MARK, probe["mark"])
            if probe.get("bind_device"):
                sent.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, probe["bind_device"].encode())
            if sent.family == socket.AF_INET6:
                sent.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sent.bind((probe["source"], probe["source_port"]))
            error = sent.connect_ex((probe["destination"], probe["destination_port"]))
            if error not in (0, errno.EINPROGRESS):
                raise OSError(error, "connect")
            if probe["protocol"] == "udp":
                sent.send(f"{probe['source_port']}".encode().ljust(REQUEST, b"."))
        except OSError as error:
            result["met"] = errno.errorcode.get(error.errno or 0, "?")
            sent.close()
            return
        events = selectors.EVENT_READ if probe["protocol"] == "udp" else selectors.EVENT_WRITE
        self.selector.register(sent, events, ("probe", (probe, result)))

    def resolve(self, sent: socket.socket, about: tuple[dict, dict[str, object]]) -> None:  # type: ignore[type-arg]
        probe, result = about
        if probe["protocol"] == "tcp":
            error = sent.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            result["met"] = errno.errorcode.get(error, "?") if error else "answer"
        else:
            try:
                result["met"] = "answer" if len(sent.recv(100)) == ANSWER else "?"
            except OSError as error:
                result["met"] = errno.errorcode.get(error.errno or 0, "?")
        self.selector.unregister(sent)
        self.held.append(sent)

    def run(self) -> None:
        self.selector.register(sys.stdin, selectors.EVENT_READ, ("commands", None))
        self.selector.register(self.tracing, selectors.EVENT_READ, ("trace", None))
        while True:
            if not self.turn(0.5):
                continue
            line = sys.stdin.readline()
            if not line:
                return
            command = json.loads(line)
            answer: object = "done"
            if command["do"] == "serve":
                self.serve(command["sockets"])
            elif command["do"] == "probe":
                self.selector.unregister(sys.stdin)
                answer = self.probe(command["probes"], command["wait"])
                self.selector.register(sys.stdin, selectors.EVENT_READ, ("commands", None))
            elif command["do"] == "drain":
                for _ in range(3):
                    self.turn(0)
                self.steps += read_trace(self.tracing)
                answer = {"log": self.log, "trace": self.steps}
                self.log, self.steps = [], []
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    Agent().run()
