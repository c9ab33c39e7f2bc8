"""The kernel as a witness: loads a pod's saved rules and listens to the rule path of every connection's first packet.

Tracing is switched on by a table of the observer's own (what `-j TRACE` compiles to), so the saved rules keep
their numbers.
"""

import contextlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from attrs import define, field

from tests.realism import kernel_trace
from tests.realism.launch import launch
from tests.realism.namespaces import Namespace

SENTINEL_ADDRESS = "127.255.255.254"
# Priorities outside the range iptables uses (-300 … 100): these hooks see the packet before and after its chains.
OBSERVER_TABLE = f"""
table ip {kernel_trace.OBSERVER} {{
  chain {kernel_trace.FIRST} {{
    type filter hook prerouting priority -450
    tcp flags & (fin|syn|rst|ack) == syn meta nftrace set 1
  }}
  chain {kernel_trace.FIRST_OUT} {{
    type filter hook output priority -450
    ip daddr {SENTINEL_ADDRESS} meta nftrace set 1 drop
    tcp flags & (fin|syn|rst|ack) == syn meta nftrace set 1
    tcp flags & (fin|syn|rst|ack) == (syn|ack) meta nftrace set 1
    tcp flags & (fin|syn|rst|ack) == (rst|ack) meta nftrace set 1
  }}
  chain {kernel_trace.LAST} {{
    type filter hook input priority 450
  }}
  chain {kernel_trace.LAST_OUT} {{
    type filter hook postrouting priority 450
  }}
}}
"""
QUIET_SECONDS = 10.0
SEND_SENTINEL = """
import socket, sys
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", (sys.argv[1], int(sys.argv[2])))
except PermissionError:
    pass
"""


def load_rules(namespace: Namespace, rules_text: str) -> None:
    """Restore iptables-save text inside the namespace, the way an operator would."""
    if rules_text.strip():
        namespace.run("iptables-nft-restore", text=rules_text)


@define
class Monitor:
    """`nft monitor trace`, read by a thread as it prints."""

    namespace: Namespace
    process: "subprocess.Popen[bytes]"
    lines: list[str] = field(factory=list)
    _sentinels: int = 0

    def read(self, stream: IO[bytes]) -> None:
        for line in stream:
            self.lines.append(line.decode())

    def settle(self) -> None:
        """Return once everything that happened until now has been printed.

        A datagram of our own, dropped before any rule of the pod can see it, is awaited as the last line.
        """
        self._sentinels += 1
        port = self._sentinels % 60000 + 1
        deadline = time.monotonic() + QUIET_SECONDS
        mark = f"ip daddr {SENTINEL_ADDRESS} "
        while time.monotonic() < deadline:
            start = len(self.lines)
            self.namespace.run(sys.executable, "-I", "-S", "-c", SEND_SENTINEL, SENTINEL_ADDRESS, str(port))
            for _ in range(20):
                if any(mark in line and f"udp dport {port} " in line for line in self.lines[start:]):
                    return
                time.sleep(0.02)
        raise RuntimeError("the kernel's trace monitor prints nothing")

    def passages(self) -> list[dict[str, object]]:
        """All passages so far, the monitor's own connections left out."""
        numbers = kernel_trace.handles(self.namespace.run("nft", "-j", "-a", "list", "ruleset"))
        found = kernel_trace.passages(kernel_trace.walks(kernel_trace.events(list(self.lines)), numbers))
        return [entry for entry in found if not _is_sentinel(entry)]

    def forget(self) -> None:
        self.lines.clear()


@contextlib.contextmanager
def monitor(namespace: Namespace) -> Iterator[Monitor]:
    """Switch tracing on in the namespace and listen until the block ends."""
    namespace.run("nft", "-f", "-", text=OBSERVER_TABLE)
    program = Path(shutil.which("nft") or "nft")
    process = launch(
        namespace, 0, program, ["-a", "monitor", "trace"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    watching = Monitor(namespace, process)
    reader = threading.Thread(target=watching.read, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        watching.settle()
        watching.forget()
        yield watching
    finally:
        process.kill()
        process.wait(timeout=10)
        reader.join(timeout=5)
        process.stdout.close()


def _is_sentinel(entry: dict[str, object]) -> bool:
    before = entry["before"]
    assert isinstance(before, dict)
    return str(before["destination"]).startswith(SENTINEL_ADDRESS)
