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
from tests.realism.client_side import PAUSE_SECONDS, ClientSide, await_quiet, completed, identity
from tests.realism.mesh_network import MeshNetwork, mesh_network
from tests.realism.stack import Observation
from tests.realism.upstreams import Upstream

CLIENT_SECONDS = 6.0


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
    clients: ClientSide
    log_paths: Mapping[str, Path]
    received: Mapping[str | None, upstreams.Received]
    """By pod; None: the world's."""
    not_comparable: Mapping[str, tuple[str, ...]]
    """By pod, what the conversion of its dump touched."""

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
        await_quiet(self.log_paths.values())
        for monitor in self.monitors.values():
            monitor.settle()
        hops = {pod: access_log.read(access_log.written(path, starts[pod])) for pod, path in self.log_paths.items()}
        records = {pod: received.records[counts[pod] :] for pod, received in self.received.items()}
        passages = {pod: monitor.passages() for pod, monitor in self.monitors.items()}
        return mesh_join.joined(made, passages, hops, records)

    def _make(self, call: dict[str, Any]) -> mesh_join.Made:
        whole = completed({"direction": "outbound", **call}, timeout=CLIENT_SECONDS)
        sender = None if whole["from"] == "outside" else whole["from"]
        namespace = self.network.world if sender is None else self.network.pods[sender]
        client, port = self.clients.ask(namespace, whole)
        return mesh_join.Made(whole, client, port, sender)


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
            kernel.load_rules(namespace, pod.rules)
            received[name] = cleanup.enter_context(upstreams.serving(namespace, pod.sockets, authority))
            if pod.dump is not None:
                (folder / name).mkdir()
                log_paths[name] = folder / name / "access.jsonl"
                own = identity(authority, pod.identity)
                conversion = bootstrap.convert(pod.dump, identity=own, log_path=str(log_paths[name]), names=pod.names)
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
            clients=ClientSide(clients, authority),
            log_paths=log_paths,
            received=received,
            not_comparable=not_comparable,
        )
