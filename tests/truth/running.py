"""Runs a setting: one Envoy in a namespace, calls one after the other, its log read back.

Unlike `tests.realism.stack` nobody listens to the kernel here, which makes a probe cost milliseconds: log lines belong
to a call by the client's own port, and a further hop by the connection that opened it.
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.realism import access_log, bootstrap, envoy_process, kernel, namespaces, upstreams
from tests.realism.certificates import Authority
from tests.realism.client import Clients
from tests.realism.client_side import FIRST_CLIENT_PORT, await_quiet, completed, identity
from tests.realism.record import stable
from tests.realism.stack import DEFAULT_SPIFFE
from tests.truth.joining import joined
from tests.truth.presented import Presented
from tests.truth.setting import POD, POD_ADDRESS, Setting

XFCC = "hops[].upstream.headers.x-forwarded-client-cert"
Observation = dict[str, Any]
ANSWER_SECONDS = 4.0
LOG_LIMIT_SECONDS, LOG_QUIET_SECONDS = 20.0, 1.5
"""A connection that nobody ends lingers for a second after its last answer."""
PAUSE_SECONDS = 0.004
"""Lets the proxy close what one call opened before the next one counts connections."""


def observe(setting: Setting) -> tuple[list[Observation], list[str]]:
    """What became of each call, and the trace fields that cannot be compared."""
    with contextlib.ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="meshsim-truth-")))
        folder.chmod(0o755)
        (folder / "certificates").mkdir()
        authority = Authority.create(folder / "certificates")
        log_path = folder / "access.jsonl"
        own = identity(authority, DEFAULT_SPIFFE)
        others = {name: _identity(authority, leaf) for name, leaf in setting.leaves.items()}
        conversion = bootstrap.convert(
            setting.dump, identity=own, log_path=str(log_path), names=setting.names, others=others
        )
        network = cleanup.enter_context(namespaces.network(POD_ADDRESS, unreachable=setting.unreachable))
        kernel.load_rules(network.pod, setting.rules)
        received = [
            cleanup.enter_context(upstreams.serving(network.world, setting.world, authority)),
            cleanup.enter_context(upstreams.serving(network.pod, setting.pod_sockets, authority)),
        ]
        cleanup.enter_context(envoy_process.running(network.pod, conversion.bootstrap, folder, log_path))
        clients, certificates = Clients(), Presented(authority)
        cleanup.callback(clients.close)
        made = []
        for index, call in enumerate(setting.calls):
            made.append(_make(call, FIRST_CLIENT_PORT + index, network, clients, certificates))
            time.sleep(PAUSE_SECONDS)
        await_quiet([log_path], quiet=LOG_QUIET_SECONDS, limit=LOG_LIMIT_SECONDS)
        lines = access_log.written(log_path)
    records = [record for each in received for record in each.records]
    untouched = (XFCC,) if _shows_its_certificate(setting.dump) else ()
    not_comparable = [name for name in conversion.not_comparable if name not in untouched]
    return list(_observations(made, access_log.read(lines), records)), not_comparable


def _shows_its_certificate(dump: Mapping[str, Any]) -> bool:
    """Whether the dump says what the proxy presents here."""
    return any(section["@type"].endswith("SecretsConfigDump") for section in dump["configs"])


def _identity(authority: Authority, stated: Mapping[str, Any]) -> bootstrap.Identity:
    leaf = authority.leaf(**stated)
    certificate, key = leaf.certificate_file.read_text(), leaf.key_file.read_text()
    return bootstrap.Identity(certificate=certificate, key=key, root=authority.root)


def _make(
    call: Mapping[str, Any], port: int, network: namespaces.Network, clients: Clients, certificates: Presented
) -> tuple[dict[str, Any], dict[str, Any]]:
    direction = "inbound" if call.get("from") == "outside" else "outbound"
    whole = completed({"from": POD, "direction": direction, **call})
    host, _, destination_port = whole["destination"].rpartition(":")
    source = (whole.get("source") or ("127.0.0.1" if host.startswith("127.") else "0.0.0.0") + ":0").rpartition(":")[0]
    wire = {**whole, "destination": [host, int(destination_port)], "source": [source, port]}
    patience = whole.get("max_time")
    wire["timeout"] = whole.pop("timeout", ANSWER_SECONDS if patience is None else float(patience[:-1]))
    if whole.get("tls"):
        wire["tls"] = certificates.shown_by(whole["tls"])
    namespace = network.world if whole["from"] == "outside" else network.pod
    seen = clients.ask(namespace, whole["uid"], whole["gid"], wire)
    local = seen.pop("local", None) or f"{source}:{port}"
    return {**whole, "source": local}, seen


def _observations(
    made: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    hops: Sequence[dict[str, Any]],
    records: Sequence[dict[str, Any]],
) -> Iterator[Observation]:
    of_calls = joined(hops, (call["source"] for call, _ in made))
    for (call, client), mine in zip(made, of_calls, strict=True):
        ends = {(hop["upstream"]["local"], hop["endpoint"]) for hop in mine}
        upstream = [record for record in records if (record["peer"], record["local"]) in ends]
        own = [{"pod": POD, **hop} for hop in mine]
        yield stable({"pod": POD, "call": call, "client": client, "hops": own, "netfilter": [], "upstream": upstream})
