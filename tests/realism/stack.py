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
from tests.realism.upstreams import Upstream

Observation = dict[str, Any]
FIRST_CLIENT_PORT, LAST_CLIENT_PORT = 20000, 39999
LOG_QUIET_SECONDS, LOG_LIMIT_SECONDS = 0.3, 8.0
PAUSE_SECONDS = 0.02
"""Between calls: lets the proxy close what one call opened before the next is counted."""
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
    clients: Clients
    log_path: Path
    received: Sequence[upstreams.Received]
    authority: Authority
    not_comparable: tuple[str, ...]
    _next_port: int = FIRST_CLIENT_PORT

    def observe(self, calls: Sequence[Mapping[str, Any]]) -> list[Observation]:
        """Make the calls one after the other and say what became of each."""
        self.monitor.forget()
        log_start = self.log_path.stat().st_size
        counts = [len(received.records) for received in self.received]
        made = []
        for call in calls:
            made.append(self._make(dict(call)))
            time.sleep(PAUSE_SECONDS)
        self._await_log()
        self.monitor.settle()
        hops = access_log.read(access_log.written(self.log_path, log_start))
        records = [
            record for received, count in zip(self.received, counts, strict=True) for record in received.records[count:]
        ]
        return _joined(made, self.monitor.passages(), hops, records, self.setup.pod)

    def _make(self, call: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], int]:
        call = _complete(call, self.setup)
        address, _, stated_port = (call.get("source") or ":0").rpartition(":")
        port = int(stated_port) or self._take_port()
        wire = dict(call)
        host, _, destination_port = call["destination"].rpartition(":")
        wire["destination"] = [host, int(destination_port)]
        wire["source"] = [address, port]
        if call.get("tls") is not None:
            wire["tls"] = self._with_certificate(call["tls"])
        namespace = self.network.world if call["from"] == "outside" else self.network.pod
        return call, self.clients.ask(namespace, call["uid"], call["gid"], wire), port

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

    def _await_log(self) -> None:
        deadline = time.monotonic() + LOG_LIMIT_SECONDS
        size, since = -1, time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < LOG_QUIET_SECONDS:
            now = self.log_path.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.03)


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
            conversion = bootstrap.convert(
                setup.dump, identity=_identity(authority, setup), log_path=str(log_path), names=setup.names
            )
            not_comparable = conversion.not_comparable
            cleanup.enter_context(envoy_process.running(network.pod, conversion.bootstrap, folder, log_path))
        clients = Clients()
        cleanup.callback(clients.close)
        watching = cleanup.enter_context(kernel.monitor(network.pod))
        yield Stack(
            setup=setup,
            network=network,
            monitor=watching,
            clients=clients,
            log_path=log_path,
            received=received,
            authority=authority,
            not_comparable=tuple(not_comparable),
        )


def _identity(authority: Authority, setup: Setup) -> bootstrap.Identity:
    leaf = authority.leaf(uri_sans=[setup.identity])
    return bootstrap.Identity(
        certificate=leaf.certificate_file.read_text(), key=leaf.key_file.read_text(), root=authority.root
    )


def _complete(call: dict[str, Any], setup: Setup) -> dict[str, Any]:
    """The defaults of the call document, as far as a client needs them."""
    outside = call.get("direction") == "inbound" or call.get("from") == "outside"
    protocol = call.get("protocol", "http")
    host, _, port = call["destination"].rpartition(":")
    whole = {
        "from": "outside" if outside else setup.pod,
        "direction": "inbound" if outside else "outbound",
        "uid": 1000,
        "gid": 1000,
        "protocol": protocol,
        "tls": None,
        "payload": "",
        "timeout": 4.0,
    }
    if protocol.startswith("http"):
        default_port = "443" if call.get("tls") else "80"
        authority = host if port == default_port else call["destination"]
        whole |= {"method": "GET", "path": "/", "headers": {}, "authority": authority}
    return whole | call


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
