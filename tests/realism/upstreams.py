"""The called side as the harness sees it: starts the upstream program in a namespace and collects what it received."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from attrs import define, field, frozen

from tests.realism.certificates import Authority
from tests.realism.namespaces import Namespace

PROGRAM = Path(__file__).with_name("upstream_program.py")
START_SECONDS = 15.0


@frozen
class ServerTls:
    """How an upstream terminates TLS."""

    uri_sans: tuple[str, ...] = ()
    dns_sans: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    client_certificate: str = "optional"
    """none, optional or required"""


@frozen
class Upstream:
    """One listening socket, in the words of host facts."""

    listen: str
    speaks: str = "http"
    """http | http2 | tcp | banner | silent | close | reset | judges | over_limit | auto"""
    status: int = 200
    name: str = ""
    tls: ServerTls | None = None


@define
class Received:
    """What the upstreams of one namespace have received so far."""

    records: list[dict[str, Any]] = field(factory=list)
    ready: threading.Event = field(factory=threading.Event)
    started: bool = False

    def read(self, stream: IO[str]) -> None:
        for line in stream:
            if line.strip() == "ready":
                self.started = True
                self.ready.set()
            else:
                self.records.append(json.loads(line))
        self.ready.set()


@contextlib.contextmanager
def serving(namespace: Namespace, upstreams: Sequence[Upstream], authority: Authority) -> Iterator[Received]:
    """Run the upstreams inside the namespace until the block ends."""
    received = Received()
    process = subprocess.Popen(
        namespace.command([sys.executable, "-I", str(PROGRAM)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    reader = threading.Thread(target=received.read, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        process.stdin.write(json.dumps([_spec(upstream, authority) for upstream in upstreams]) + "\n")
        process.stdin.flush()
        received.ready.wait(START_SECONDS)
        if not received.started:
            raise RuntimeError(f"the upstreams in {namespace.name} did not start")
        yield received
    finally:
        process.kill()
        process.wait(timeout=10)
        reader.join(timeout=5)
        process.stdin.close()
        process.stdout.close()


def _spec(upstream: Upstream, authority: Authority) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "listen": upstream.listen,
        "speaks": upstream.speaks,
        "status": upstream.status,
        "name": upstream.name or upstream.listen,
    }
    if upstream.tls is not None:
        leaf = authority.leaf(uri_sans=upstream.tls.uri_sans, dns_sans=upstream.tls.dns_sans)
        spec["tls"] = {
            "certificate_file": str(leaf.certificate_file),
            "key_file": str(leaf.key_file),
            "root_file": str(authority.folder / "root.pem"),
            "alpn": list(upstream.tls.alpn),
            "client_certificate": upstream.tls.client_certificate,
        }
    return spec
