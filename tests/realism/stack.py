"""A whole sidecar, really running: namespaces, rules, Envoy, upstreams; calls go in, observations come out.

An observation is a JSON-safe dict in the trace document's field names: `pod` (whose stack it was), `call` (as
completed), `client` (what the caller saw), `hops` (Envoy's access log), `netfilter` (the kernel's rule path of
every connection's first packet, in order), `upstream` (what the called applications received).
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from tests.realism import access_log, bootstrap, envoy_process, kernel, namespaces, upstreams
from tests.realism.certificates import Authority
from tests.realism.client import Clients
from tests.realism.client_side import PAUSE_SECONDS, ClientSide, await_quiet, completed, identity
from tests.realism.upstreams import Upstream

Observation = dict[str, Any]
CLIENT_SECONDS = 4.0
DEFAULT_SPIFFE = "spiffe://cluster.local/ns/default/sa/sleep"


@frozen(kw_only=True)
class Setup:
    """Everything a stack is made from; all of it states, none of it processes."""

    dump: Mapping[str, Any] | None
    """None: a pod without a proxy."""
    rules: str
    pod: str
    pod_address: str
    world: Sequence[Upstream] = ()
    pod_sockets: Sequence[Upstream] = ()
    names: Mapping[str, Sequence[str]] = field(factory=dict)
    unreachable: Sequence[str] = ()
    identity: str = DEFAULT_SPIFFE


@define
class Stack:
    """The running processes of one setup."""

    setup: Setup
    network: namespaces.Network
    monitor: kernel.Monitor
    clients: ClientSide
    log_path: Path
    received: Sequence[upstreams.Received]
    not_comparable: tuple[str, ...]

    def observe(self, calls: Sequence[Mapping[str, Any]]) -> list[Observation]:
        """Make the calls one after the other and say what became of each."""
        self.monitor.forget()
        log_start = self.log_path.stat().st_size
        counts = [len(received.records) for received in self.received]
        made = []
        for call in calls:
            made.append(self._make(dict(call)))
            time.sleep(PAUSE_SECONDS)
        await_quiet([self.log_path])
        self.monitor.settle()
        hops = access_log.read(access_log.written(self.log_path, log_start))
        records = [
            record for received, count in zip(self.received, counts, strict=True) for record in received.records[count:]
        ]
        return _joined(made, self.monitor.passages(), hops, records, self.setup.pod)

    def _make(self, call: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], int]:
        outside = call.get("direction") == "inbound" or call.get("from") == "outside"
        sender, direction = ("outside", "inbound") if outside else (self.setup.pod, "outbound")
        whole = completed({"from": sender, "direction": direction, **call}, timeout=CLIENT_SECONDS)
        namespace = self.network.world if whole["from"] == "outside" else self.network.pod
        client, port = self.clients.ask(namespace, whole)
        return whole, client, port


@contextlib.contextmanager
def stack(setup: Setup) -> Iterator[Stack]:
    """Bring a setup to life; everything is gone when the block ends."""
    with contextlib.ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="meshsim-truth-")))
        folder.chmod(0o755)
        (folder / "certificates").mkdir()
        authority = Authority.create(folder / "certificates")
        log_path = folder / "access.jsonl"
        log_path.touch()
        network = cleanup.enter_context(namespaces.network(setup.pod_address, unreachable=setup.unreachable))
        kernel.load_rules(network.pod, setup.rules)
        received = [
            cleanup.enter_context(upstreams.serving(network.world, setup.world, authority)),
            cleanup.enter_context(upstreams.serving(network.pod, setup.pod_sockets, authority)),
        ]
        not_comparable: list[str] = []
        if setup.dump is not None:
            own = identity(authority, setup.identity)
            conversion = bootstrap.convert(setup.dump, identity=own, log_path=str(log_path), names=setup.names)
            not_comparable = conversion.not_comparable
            cleanup.enter_context(envoy_process.running(network.pod, conversion.bootstrap, folder, log_path))
        clients = Clients()
        cleanup.callback(clients.close)
        watching = cleanup.enter_context(kernel.monitor(network.pod))
        yield Stack(
            setup=setup,
            network=network,
            monitor=watching,
            clients=ClientSide(clients, authority),
            log_path=log_path,
            received=received,
            not_comparable=tuple(not_comparable),
        )


def _joined(
    made: Sequence[tuple[dict[str, Any], dict[str, Any], int]],
    passages: Sequence[dict[str, Any]],
    hops: Sequence[dict[str, Any]],
    records: Sequence[dict[str, Any]],
    pod: str,
) -> list[Observation]:
    """Give each call its share: calls run one at a time, so a passage belongs to the client connection before it."""
    mine: list[list[dict[str, Any]]] = [[] for _ in made]
    by_port = {port: index for index, (_, _, port) in enumerate(made)}
    current: int | None = None
    known: set[tuple[str, str]] = set()
    for passage in passages:
        before = passage["before"]
        ends = (before["source"], before["destination"])
        if ends in known:
            continue  # the same first packet, sent again
        known.add(ends)
        opened = by_port.get(int(before["source"].rpartition(":")[2]))
        if opened is not None:
            current = opened
        if current is not None:
            sender = "proxy" if opened is None else "peer" if passage["way"] == "in" else "application"
            mine[current].append({"pod": pod, "way": passage["way"], "sender": sender, **passage})
    return [
        _observation(call, client, share, hops, records, pod)
        for (call, client, _), share in zip(made, mine, strict=True)
    ]


def _observation(
    call: dict[str, Any],
    client: dict[str, Any],
    passages: list[dict[str, Any]],
    hops: Sequence[dict[str, Any]],
    records: Sequence[dict[str, Any]],
    pod: str,
) -> Observation:
    # A port alone does not tell connections apart: the kernel gives it out again towards another destination.
    order: dict[tuple[str, str], int] = {}
    for place, passage in enumerate(passages):
        order.setdefault((passage["source"], passage["destination"]), place)
    mine = [hop for hop in hops if _accepted(hop) in order]
    own_hops = sorted(mine, key=lambda hop: order[_accepted(hop)])
    source = next(
        (passage["before"]["source"] for passage in passages if passage["sender"] != "proxy"), client["local"]
    )
    if source is not None and source.startswith("0.0.0.0:"):
        source = client["local"] or source
    call = {name: value for name, value in call.items() if name != "timeout"} | {"source": source}
    return {
        "pod": pod,
        "call": call,
        "client": {name: value for name, value in client.items() if name != "local"},
        "hops": [{"pod": pod, **hop} for hop in own_hops],
        "netfilter": passages,
        "upstream": [record for record in records if (record["peer"], record["local"]) in order],
    }


def _accepted(hop: dict[str, Any]) -> tuple[str, str]:
    return hop["downstream"]["direct_remote"], hop["accepted_at"]
