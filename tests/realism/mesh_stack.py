"""A whole mesh, really running: a namespace, the real rules and where there is a proxy an Envoy for each pod.

Calls go in, observations come out, as from stack.py; hops and first packets are those of every pod on the way.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from tests.realism import access_log, bootstrap, envoy_process, kernel, mesh_join, upstreams
from tests.realism.certificates import Authority
from tests.realism.client import Clients
from tests.realism.mesh_network import MeshNetwork, further_cable, mesh_network
from tests.realism.stack import (
    FIRST_CLIENT_PORT,
    LAST_CLIENT_PORT,
    LOG_LIMIT_SECONDS,
    LOG_QUIET_SECONDS,
    PAUSE_SECONDS,
    Observation,
)
from tests.realism.upstreams import Upstream


@frozen(kw_only=True)
class PodSetup:
    """What one pod is made from."""

    address: str
    dump: Mapping[str, Any] | None = None
    """None: a pod without a proxy."""
    rules: str = ""
    sockets: Sequence[Upstream] = ()
    names: Mapping[str, Sequence[str]] = field(factory=dict)
    identity: str = ""
    """The SPIFFE name of the certificate the pod's proxy presents."""
    further: Mapping[str, str] = field(factory=dict)
    """Devices beside eth0, each with its address and prefix length."""


@frozen(kw_only=True)
class MeshSetup:
    """Everything a running mesh is made from; all of it states, none of it processes."""

    pods: Mapping[str, PodSetup]
    world: Sequence[Upstream] = ()


@define
class MeshStack:
    """The running processes of one mesh."""

    setup: MeshSetup
    network: MeshNetwork
    monitors: Mapping[str, kernel.Monitor]
    clients: Clients
    log_paths: Mapping[str, Path]
    received: Mapping[str | None, upstreams.Received]
    """By pod; None: the world's."""
    authority: Authority
    not_comparable: Mapping[str, tuple[str, ...]]
    """By pod, what the conversion of its dump touched."""
    _next_port: int = FIRST_CLIENT_PORT

    def observe(self, calls: Sequence[Mapping[str, Any]]) -> list[Observation]:
        """Make the calls one after the other and say what became of each."""
        for monitor in self.monitors.values():
            monitor.forget()
        starts = {pod: path.stat().st_size for pod, path in self.log_paths.items()}
        counts = {pod: len(received.records) for pod, received in self.received.items()}
        made = []
        for call in calls:
            made.append(self._make(dict(call)))
            time.sleep(PAUSE_SECONDS)
        self._await_logs()
        for monitor in self.monitors.values():
            monitor.settle()
        hops = {pod: access_log.read(access_log.written(path, starts[pod])) for pod, path in self.log_paths.items()}
        records = {pod: received.records[counts[pod] :] for pod, received in self.received.items()}
        passages = {pod: monitor.passages() for pod, monitor in self.monitors.items()}
        return mesh_join.joined(made, passages, hops, records)

    def _make(self, call: dict[str, Any]) -> mesh_join.Made:
        call = _complete(call)
        outside = call["from"] == "outside"
        address, _, stated_port = (call.get("source") or ":0").rpartition(":")
        port = int(stated_port) or self._take_port()
        host, _, destination_port = call["destination"].rpartition(":")
        wire = {**call, "destination": [host, int(destination_port)], "source": [address, port]}
        if call.get("tls") is not None:
            wire["tls"] = self._with_certificate(call["tls"])
        namespace = self.network.world if outside else self.network.pods[call["from"]]
        client = self.clients.ask(namespace, call["uid"], call["gid"], wire)
        return mesh_join.Made(call, client, port, None if outside else call["from"])

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

    def _await_logs(self) -> None:
        deadline = time.monotonic() + LOG_LIMIT_SECONDS
        sizes, since = [-1], time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < LOG_QUIET_SECONDS:
            now = [path.stat().st_size for path in self.log_paths.values()]
            if now != sizes:
                sizes, since = now, time.monotonic()
            time.sleep(0.03)


@contextlib.contextmanager
def mesh_stack(setup: MeshSetup) -> Iterator[MeshStack]:
    """Bring a mesh to life; everything is gone when the block ends."""
    with contextlib.ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="meshsim-truth-")))
        folder.chmod(0o755)
        (folder / "certificates").mkdir()
        authority = Authority.create(folder / "certificates")
        network = cleanup.enter_context(mesh_network({name: pod.address for name, pod in setup.pods.items()}))
        received: dict[str | None, upstreams.Received] = {
            None: cleanup.enter_context(upstreams.serving(network.world, setup.world, authority))
        }
        log_paths: dict[str, Path] = {}
        not_comparable: dict[str, tuple[str, ...]] = {}
        for name, pod in setup.pods.items():
            namespace = network.pods[name]
            for device, address in pod.further.items():
                further_cable(network, name, device, address)
            kernel.load_rules(namespace, pod.rules)
            received[name] = cleanup.enter_context(upstreams.serving(namespace, pod.sockets, authority))
            if pod.dump is not None:
                (folder / name).mkdir()
                log_paths[name] = folder / name / "access.jsonl"
                conversion = bootstrap.convert(
                    pod.dump, identity=_identity(authority, pod), log_path=str(log_paths[name]), names=pod.names
                )
                not_comparable[name] = tuple(conversion.not_comparable)
                cleanup.enter_context(
                    envoy_process.running(namespace, conversion.bootstrap, folder / name, log_paths[name])
                )
        clients = Clients()
        cleanup.callback(clients.close)
        monitors = {name: cleanup.enter_context(kernel.monitor(network.pods[name])) for name in setup.pods}
        yield MeshStack(
            setup=setup,
            network=network,
            monitors=monitors,
            clients=clients,
            log_paths=log_paths,
            received=received,
            authority=authority,
            not_comparable=not_comparable,
        )


def _identity(authority: Authority, pod: PodSetup) -> bootstrap.Identity:
    leaf = authority.leaf(uri_sans=[pod.identity])
    return bootstrap.Identity(
        certificate=leaf.certificate_file.read_text(), key=leaf.key_file.read_text(), root=authority.root
    )


def _complete(call: dict[str, Any]) -> dict[str, Any]:
    """The defaults of the call document, as far as a client needs them."""
    protocol = call.get("protocol", "http")
    host, _, port = call["destination"].rpartition(":")
    whole = {
        "direction": "outbound",
        "uid": 1000,
        "gid": 1000,
        "protocol": protocol,
        "tls": None,
        "payload": "",
        "timeout": 6.0,
    }
    if protocol.startswith("http"):
        default_port = "443" if call.get("tls") else "80"
        authority = host if port == default_port else call["destination"]
        whole |= {"method": "GET", "path": "/", "headers": {}, "authority": authority}
    return whole | call
