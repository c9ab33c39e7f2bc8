"""Field by field: an observation against a trace document. Both are plain JSON; only field names are known here.

A field is compared where both sides can tell it. What only an application can tell (its status) is not held
against a trace that says `forwarded`; a port the kernel chose is never compared.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]

HOP_FIELDS = ("listener", "filter_chain", "virtual_host", "route", "cluster", "endpoint", "original_destination")
ENDING_FIELDS = (
    "status",
    "response_code_details",
    "connection_termination_details",
    "downstream_local_close_reason",
    "upstream_transport_failure_reason",
)
REQUEST_FIELDS = ("protocol", "method", "path", "authority")
PASSAGE_FIELDS = ("sender", "rules", "result", "by")
LAST_SEEN_FIELDS = ("way", "destination", "interface", "mark")
"""What the kernel shows of a packet only when it came to the end of its hooks."""
REDIRECTED = "internal_redirect"
CLIENT_LEFT = "downstream_remote_disconnect"
BY_OTHERS = ("via_upstream", "websocket_handshake_unsuccessful", CLIENT_LEFT)
"""What an application or the client decided, not the proxy."""
NEVER_KEPT = frozenset({"date", "x-envoy-upstream-service-time"})
"""Made by clocks."""
KEPT_ELSEWHERE = NEVER_KEPT | {"host"}
"""Of a request, whose host is compared as the authority."""
PROXY_UID = 1337
PLAIN_ALERT = "\x15\x03"
"""A TLS alert, to a client that speaks none."""
LINGERED = "triggered_delayed_close_timeout"
"""The client did not hang up after the last answer: this takes the place of the reason to close."""
# An alert can be overtaken by the reset that follows it.
SEEN_ALIKE = {"tls_alert": "closed"}


def differences(observation: Document, trace: Document, not_comparable: Sequence[str] = ()) -> list[str]:
    """Everything the two say differently; empty when they agree."""
    found = [
        *_outcome(observation, trace),
        *_hops(observation, trace),
        *_passages(observation, trace),
    ]
    clusters = [hop.get("cluster") for hop in _of(observation["pod"], trace["hops"])]
    return [text for path, text in found if not _excused(path, clusters, not_comparable)]


def passage_differences(observation: Document, trace: Document) -> list[str]:
    """Only the kernel's side of it."""
    return [text for _, text in _passages(observation, trace)]


def pins(observation: Document, trace: Document) -> dict[str, str]:
    """What to pin so that the engine takes the course that was observed: choice site -> option."""
    chosen: dict[str, str] = {}
    for choice in trace.get("choices", []):
        hop, _, stage = choice["site"].partition("/")
        if not hop.isdigit() or int(hop) >= len(observation["hops"]):
            continue
        seen = observation["hops"][int(hop)].get(stage.partition("/")[0])
        if seen is not None and any(option["option"] == seen for option in choice["of"]):
            chosen[choice["site"]] = seen
    return chosen


def share_differences(counts: Mapping[str, int], shares: Mapping[str, float], *, deviations: float = 5.0) -> list[str]:
    """Options whose observed count lies further from the stated share than chance explains."""
    total = sum(counts.values())
    found = [f"{option} was picked and has no share" for option in counts if not shares.get(option)]
    for option, share in shares.items():
        allowed = deviations * math.sqrt(total * share * (1 - share)) + 1
        if abs(counts.get(option, 0) - total * share) > allowed:
            found.append(f"{option}: {counts.get(option, 0)} of {total}, stated share {share}")
    return found


def _outcome(observation: Document, trace: Document) -> Iterator[tuple[str, str]]:
    client, outcome = observation["client"], trace["outcome"]
    if outcome["kind"] == "loop":
        if len(observation["hops"]) < 2:
            yield "outcome.kind", "outcome.kind: the trace says loop, the call did not come back"
        return
    answered_by_proxy = outcome["answered_by"] is not None
    if answered_by_proxy or outcome["kind"] in ("closed", "hanging", "refused", "dropped", "replied"):
        alert = client["ended"] == "data" and client["body"].startswith(PLAIN_ALERT)
        seen = "closed" if alert else SEEN_ALIKE.get(client["ended"], client["ended"])
        told = SEEN_ALIKE.get(outcome["client_sees"], outcome["client_sees"])
        rejected = any(passage["result"] == "rejected" for passage in observation["netfilter"])
        if not (rejected and outcome["kind"] == "refused"):
            # Whether the answer of a REJECT gets through to the client is another packet's story.
            yield from _differ("outcome.client_sees", told, seen)
    if outcome["kind"] == "replied":
        yield from _differ("outcome.status", outcome["status"], client["status"])
        yield from _differ("outcome.location", outcome["location"], _header(client["headers"], "location"))
        for name, value in (outcome.get("response_headers") or {}).items():
            lines = [value] if isinstance(value, str) else value
            if lines is not None and None not in lines and name.lower() not in NEVER_KEPT:
                real = [line.strip() for key, line in client["headers"] if key == name.lower()]
                yield from _differ(f"outcome.response_headers.{name}", [line.strip() for line in lines], real)
        told = {name.lower() for name in outcome.get("response_headers") or {}}
        for name in sorted({name for name, _ in client["headers"]} - told - NEVER_KEPT):
            yield f"outcome.response_headers.{name}", f"outcome.response_headers.{name}: really there, not told"
        if client["body"] is not None and outcome["body"] is not None:
            yield from _differ("outcome.body", outcome["body"], client["body"])
    elif outcome["kind"] in ("delivered", "forwarded"):
        if outcome["status"] is not None:
            yield from _differ("outcome.status", outcome["status"], client["status"])
        reached = [record["local"] for record in observation["upstream"]]
        if not reached and not any(hop["cluster"] for hop in observation["hops"]):
            yield "outcome.kind", f"outcome.kind: the trace says {outcome['kind']}, no application received anything"
        elif reached and outcome["destination"] is not None:
            yield from _differ("outcome.destination", outcome["destination"], reached[-1])


def _hops(observation: Document, trace: Document) -> Iterator[tuple[str, str]]:
    seen, told = observation["hops"], _of(observation["pod"], trace["hops"])
    circular = trace["outcome"]["kind"] == "loop"
    if len(seen) != len(told) and not circular:
        yield "hops", f"hops: the trace has {len(told)}, the proxy logged {len(seen)}"
    # The last observed round of a circle ended for a reason of its own (its cap).
    compared = min(len(seen) - 1, len(told)) if circular else min(len(seen), len(told))
    for index in range(compared):
        yield from _hop(f"hops[{index}]", seen[index], told[index], observation, whole=not circular)


def _hop(path: str, seen: Document, told: Document, observation: Document, *, whole: bool) -> Iterator[tuple[str, str]]:
    tls, seen_tls = (told.get("downstream") or {}).get("tls") or {}, seen["downstream"]["tls"]
    # Once a redirect's location was looked up, the log tells of its target, followed or not.
    logged = (told.get("internal_redirect") or {}).get("target") or {}
    for name in HOP_FIELDS:
        if name == "endpoint" and seen[name] is None and tls.get("failure"):
            continue  # tcp_proxy dials while the client's handshake fails: who is first decides what the log knows
        if name == "listener" and not seen[name]:
            continue  # a listener without a name: only the trace can call it something
        if name == "cluster" and "NC" in seen["response_flags"]:
            continue  # the log cannot name a cluster that does not exist
        yield from _differ(f"{path}.{name}", logged.get(name, told[name]), seen[name])
    if not whole:
        return
    stated = observation["call"].get("max_time") is not None and seen["response_code_details"] == CLIENT_LEFT
    from_application = seen["response_code_details"] in BY_OTHERS and not stated
    if stated and told["status"] != seen["status"]:
        yield f"{path}.status", f"{path}.status: the trace says {told['status']}, really {seen['status']}"
    for name in ENDING_FIELDS:
        if from_application and told[name] is None:
            continue
        if seen[name] == LINGERED:
            continue
        yield from _differ(f"{path}.{name}", told[name], seen[name])
    name = "downstream_transport_failure_reason"
    if seen["kind"] != "http" or seen[name] is not None:
        # Of a connection that stays open only its requests are logged, and their lines do not say this.
        yield from _differ(f"{path}.{name}", told[name], seen[name])
    if stated or seen["response_code_details"] != CLIENT_LEFT or told["response_code_details"] is not None:
        yield from _differ(f"{path}.response_flags", sorted(told["response_flags"]), sorted(seen["response_flags"]))
    downstream = told.get("downstream") or {}
    for name in ("protocol", "remote", "direct_remote"):
        expected, real = downstream.get(name), seen["downstream"][name]
        if name == "protocol" and observation["call"]["protocol"] == "tcp":
            continue  # what is no HTTP: the log names the codec that refused it
        if expected is not None and real is not None:
            yield from _differ(f"{path}.downstream.{name}", _portless(expected, real), _portless(real, expected))
    if seen_tls["sni"] is not None or tls.get("terminated"):
        # Where no tls inspector runs, TLS passes through a proxy that cannot read it.
        yield from _differ(f"{path}.downstream.tls.sni", tls.get("sni"), seen_tls["sni"])
    if seen["kind"] != "listener" and not tls.get("failure"):
        # TLS 1.3 has a version before the client's certificate is looked at.
        yield from _differ(f"{path}.downstream.tls.terminated", tls.get("terminated"), seen_tls["terminated"])
        if seen_tls["terminated"] and path == "hops[0]" and observation["call"].get("tls"):
            yield from _differ(f"{path}.downstream.tls.alpn", tls.get("alpn"), observation["client"].get("alpn"))
    if seen["attempted"]:
        # The log names each host once, however often it was tried.
        attempts = [attempt for attempt in told.get("attempts") or [] if attempt["endpoint"]]
        tried = [attempt["endpoint"] for attempt in attempts]
        if attempts and attempts[-1].get("result") == "connected" and len(seen["attempted"]) == 1:
            tried = tried[-1:]  # what an upstream answered is logged with that upstream's own list
        yield from _differ(f"{path}.attempts", list(dict.fromkeys(tried)), list(dict.fromkeys(seen["attempted"])))
    yield from _upstream(path, seen, told, observation)


def _upstream(path: str, seen: Document, told: Document, observation: Document) -> Iterator[tuple[str, str]]:
    upstream, tls = told.get("upstream") or {}, told.get("tls") or {}
    connection = (seen["upstream"]["local"], seen["endpoint"])
    received = next((one for one in observation["upstream"] if (one["peer"], one["local"]) == connection), None)
    if received is None:
        # The upstream was this proxy itself: its log holds the request as it left.
        # Of a redirect that was followed, the log has the request as it went on.
        own = seen["kind"] == "http" and seen["endpoint"] and seen["response_code_details"] != REDIRECTED
        leaving = seen["upstream"] if own else {}
        if upstream.get("protocol") == "tcp" and leaving.get("protocol") is None:
            return  # a tunnel's bytes: the log has the request that asked for it
        for name in REQUEST_FIELDS:
            if leaving.get(name) is not None:
                yield from _differ(f"{path}.upstream.{name}", upstream.get(name), leaving[name])
        return
    if upstream.get("protocol") not in (None, "tcp"):
        told_by_server = [name for name in REQUEST_FIELDS if received.get(name) is not None]
        if upstream.get("method") == "CONNECT" and upstream.get("protocol") != "http2":
            told_by_server.remove("path")  # on the wire, the request line names the authority
        for name in told_by_server:
            yield from _differ(f"{path}.upstream.{name}", upstream.get(name), received.get(name))
        if "headers" in received:
            yield from _headers(f"{path}.upstream.headers", upstream.get("headers"), received["headers"])
    if tls.get("mode") is not None and seen["upstream"]["tls"] != (tls["mode"] != "plaintext"):
        yield f"{path}.tls.mode", f"{path}.tls.mode: the trace says {tls['mode']}, TLS was {seen['upstream']['tls']}"
    if seen["upstream"]["tls"] and received["tls"] is not None:
        yield from _differ(f"{path}.tls.sni", tls.get("sni"), received["tls"]["sni"])
        yield from _differ(
            f"{path}.tls.alpn_offered", list(tls.get("alpn_offered") or []), received["tls"]["alpn_offered"]
        )
        if received["tls"]["client_certificate"]:
            yield from _differ(f"{path}.tls.mode", tls.get("mode"), "mtls")
        if tls.get("alpn") is not None:
            yield from _differ(f"{path}.tls.alpn", tls["alpn"], received["tls"]["alpn"])


def _headers(path: str, told: Document | None, received: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Names and values; a value the trace leaves open may be any, and a generated request id is never kept."""
    if told is None:
        return
    real: dict[str, list[str]] = {}
    for name, value in received:
        real.setdefault(name, []).append(value)
    for name in sorted((told.keys() | real.keys()) - KEPT_ELSEWHERE):
        values = told.get(name)
        if name.startswith(":") or (values is None and (name == "x-request-id" or (name in told and name in real))):
            continue
        expected = [values] if isinstance(values, str) else values
        lines = expected and [line.strip(" \t") for line in expected]  # what the wire does to any value
        if "[redacted" in str(lines) and len(lines or ()) == len(real.get(name, ())):
            continue
        yield from _differ(f"{path}.{name}", lines, real.get(name))


def _passages(observation: Document, trace: Document) -> Iterator[tuple[str, str]]:
    seen, told = observation["netfilter"], _of(observation["pod"], trace["netfilter"])
    circular = trace["outcome"]["kind"] == "loop"
    if len(seen) != len(told) and not circular:
        yield "netfilter", f"netfilter: the trace has {len(told)} first packets, the kernel saw {len(seen)}"
    for index, (real, expected) in enumerate(zip(seen, told, strict=False)):
        path = f"netfilter[{index}]"
        for name in PASSAGE_FIELDS:
            if name in ("result", "by") and real[name] is None:
                continue
            if name == "sender" and real[name] == "application" and observation["call"]["uid"] == PROXY_UID:
                continue  # a process of the proxy's user: nothing but the proxy is expected to be one
            yield from _differ(f"{path}.{name}", expected[name], real[name])
        for name in LAST_SEEN_FIELDS if real["finished"] else ():
            yield from _differ(f"{path}.{name}", expected[name], real[name])
        before, really = expected["before"], real["before"]
        yield from _differ(f"{path}.before.destination", before["destination"], really["destination"])
        yield from _differ(f"{path}.before.mark", before["mark"], really["mark"])
        for name, ours, theirs in (
            ("before.source", before["source"], really["source"]),
            ("source", expected["source"], real["source"]),
        ):
            by_proxy = real["sender"] == "proxy"
            pair = (_host(ours), _host(theirs)) if by_proxy else (ours, theirs)
            yield from _differ(f"{path}.{name}", *pair)
        if before.get("interface") is not None:
            yield from _differ(f"{path}.before.interface", before["interface"], really["interface"])
        if not _in_order(real["chains"], expected["chains"]):
            yield (
                f"{path}.chains",
                f"{path}.chains: the trace says {expected['chains']}, the kernel passed {real['chains']}",
            )


def _of(pod: str, entries: Sequence[Document]) -> list[Document]:
    """Only the pod under observation was watched; a trace may go on into others."""
    return [entry for entry in entries if entry["pod"] == pod]


def _differ(path: str, told: Any, seen: Any) -> Iterator[tuple[str, str]]:
    if (told or None) != (seen or None):
        yield path, f"{path}: the trace says {told!r}, really {seen!r}"


def _excused(path: str, clusters: Sequence[str | None], not_comparable: Iterable[str]) -> bool:
    index = re.match(r"hops\[(\d+)\]", path)
    cluster = clusters[int(index[1])] if index and int(index[1]) < len(clusters) else None
    general = re.sub(r"^hops\[\d+\]", "hops[]", path)
    specific = re.sub(r"^hops\[\d+\]", lambda _: f"hops[cluster={cluster}]", path)
    return any(name in (general, specific) or general.startswith(f"{name}.") for name in not_comparable)


def _in_order(part: Sequence[str], whole: Sequence[str]) -> bool:
    rest = iter(whole)
    return all(any(name == other for other in rest) for name in part)


def _host(address: str | None) -> str | None:
    return None if address is None else address.rpartition(":")[0]


def _portless(address: str, other: str) -> str:
    """The address alone where either port was the kernel's choice."""
    return address if _known_port(address) and _known_port(other) else address.rpartition(":")[0] or address


def _known_port(address: str) -> bool:
    _, colon, port = address.rpartition(":")
    return not colon or not port.isdigit() or int(port) < 40000


def _header(headers: Sequence[Sequence[str]], name: str) -> str | None:
    return next((value for key, value in headers if key == name), None)
