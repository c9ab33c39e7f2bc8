"""What every running stack needs on its callers' side: defaults of a call, ports, certificates, and logs gone quiet."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import define

from tests.realism import bootstrap, namespaces
from tests.realism.certificates import Authority
from tests.realism.client import Clients

FIRST_CLIENT_PORT, LAST_CLIENT_PORT = 20000, 39999
LOG_QUIET_SECONDS, LOG_LIMIT_SECONDS = 0.3, 8.0
PAUSE_SECONDS = 0.02
"""Between calls: lets the proxy close what one call opened before the next is counted."""


@define
class ClientSide:
    """The clients of one stack."""

    clients: Clients
    authority: Authority
    _next_port: int = FIRST_CLIENT_PORT

    def ask(self, namespace: namespaces.Namespace, call: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """Make one completed call; what its client saw, and the port it came from."""
        address, _, stated_port = (call.get("source") or ":0").rpartition(":")
        port = int(stated_port) or self._take_port()
        host, _, destination_port = call["destination"].rpartition(":")
        wire = {**call, "destination": [host, int(destination_port)], "source": [address, port]}
        if call.get("tls") is not None:
            wire["tls"] = self._with_certificate(call["tls"])
        return self.clients.ask(namespace, call["uid"], call["gid"], wire), port

    def _with_certificate(self, tls: Mapping[str, Any]) -> dict[str, Any]:
        if not tls.get("client_certificate"):
            return dict(tls)
        leaf = self.authority.leaf(uri_sans=[tls["client_certificate"]])
        for path in (leaf.certificate_file, leaf.key_file):
            path.chmod(0o644)
        return {**tls, "certificate_file": str(leaf.certificate_file), "key_file": str(leaf.key_file)}

    def _take_port(self) -> int:
        port = self._next_port
        self._next_port = port + 1 if port < LAST_CLIENT_PORT else FIRST_CLIENT_PORT
        return port


def completed(call: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """The defaults of the call document, as far as a client needs them."""
    protocol = call.get("protocol", "http")
    host, _, port = call["destination"].rpartition(":")
    whole = {"uid": 1000, "gid": 1000, "protocol": protocol, "tls": None, "payload": "", **defaults}
    if protocol.startswith("http"):
        default_port = "443" if call.get("tls") else "80"
        authority = host if port == default_port else call["destination"]
        whole |= {"method": "GET", "path": "/", "headers": {}, "authority": authority}
    return {**whole, **call}


def identity(authority: Authority, name: str) -> bootstrap.Identity:
    """A proxy's certificate for a SPIFFE name, as its bootstrap holds it."""
    leaf = authority.leaf(uri_sans=[name])
    return bootstrap.Identity(
        certificate=leaf.certificate_file.read_text(), key=leaf.key_file.read_text(), root=authority.root
    )


def await_quiet(logs: Iterable[Path], *, quiet: float = LOG_QUIET_SECONDS, limit: float = LOG_LIMIT_SECONDS) -> None:
    """Returns once no log has grown for `quiet` seconds; after `limit` in any case."""
    paths = list(logs)
    deadline = time.monotonic() + limit
    sizes, since = [-1], time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < quiet:
        now = [path.stat().st_size for path in paths]
        if now != sizes:
            sizes, since = now, time.monotonic()
        time.sleep(0.03)
