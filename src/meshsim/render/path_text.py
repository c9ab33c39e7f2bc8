"""The path: each passage through packet rules and each hop through a proxy, in the order of the walk."""

from __future__ import annotations

from ..report import Downstream, Hop, NetfilterPassage, Report
from .page import Page
from .redact import Redactor
from .words import sentence

_INDENT = 4
_ARROW = " → "
_FROM = {"application": "the application", "proxy": "the proxy", "peer": "a peer"}


def write_path(report: Report, page: Page, redactor: Redactor) -> None:
    """Hops carry the numbers that --pick, --expect and the JSON document use."""
    if not report.netfilter and not report.hops:
        return
    page.line("path", style="label")
    written = 0
    for passage in report.netfilter:
        if passage.from_hop is not None:
            written = _write_hops(report, page, redactor, written, passage.from_hop + 1)
        page.entry("packet", _packet(passage), indent=2)
        if passage.to_hop is not None:
            written = _write_hops(report, page, redactor, written, passage.to_hop + 1)
    _write_hops(report, page, redactor, written, len(report.hops))


def _write_hops(report: Report, page: Page, redactor: Redactor, start: int, stop: int) -> int:
    for index in range(start, min(stop, len(report.hops))):
        _write_hop(index, report, page, redactor)
    return max(start, stop)


def _packet(passage: NetfilterPassage) -> str:
    """One line: who sent it, which rules matched, where it ended."""
    rules = ", ".join(passage.rules) if passage.rules else "no rule matches"
    sender = _FROM.get(passage.sender, passage.sender)
    via = f" on {passage.interface}" if passage.interface else ""
    by = f" by {passage.by}" if passage.by else ""
    ends = {
        "socket": f"{passage.destination}{via}, socket {passage.socket}",
        "wire": f"leaves{via} for {passage.destination}",
        "refused": f"{passage.destination}{via}: no socket, refused",
        "dropped": f"dropped{by}",
        "rejected": f"rejected{by}",
        "lost": f"lost{by}",
    }
    return f"{passage.pod}, {passage.way}, from {sender}: {rules}{_ARROW}{ends.get(passage.result, passage.result)}"


def _write_hop(index: int, report: Report, page: Page, redactor: Redactor) -> None:
    hop = report.hops[index]
    page.entry(f"hop {index}", _title(hop), indent=2)
    for label, text in _details(hop, report, redactor):
        if text:
            page.entry(label, text, indent=_INDENT)


def _title(hop: Hop) -> str:
    parts = [f"{hop.direction or 'proxy'} {hop.pod}"]
    if hop.original_destination:
        parts.append(f"for {hop.original_destination}")
    if hop.downstream is not None:
        parts.append(f"from {hop.downstream.remote}")
        if hop.downstream.protocol:
            parts.append(f"in {hop.downstream.protocol}")
    if hop.cause not in ("", "connect"):
        parts.append(f"({hop.cause.replace('_', ' ')} of hop {hop.from_hop})")
    return " ".join(parts)


def _details(hop: Hop, report: Report, redactor: Redactor) -> list[tuple[str, str]]:
    return [
        (
            "listener",
            _joined(hop.received_by, hop.listener if hop.listener != hop.received_by else None)
            + _origin(hop, "listener"),
        ),
        ("tls in", _downstream_tls(hop)),
        ("chain", _chain(hop)),
        ("route", _joined(hop.route_config, hop.virtual_host, hop.route) + _origin(hop, "route")),
        ("cluster", (hop.cluster or "") + _origin(hop, "cluster")),
        ("endpoint", _endpoint(hop)),
        ("tls", _tls(hop)),
        ("sends", _sends(hop, report, redactor)),
        ("mirrors", ", ".join(hop.mirrors)),
        ("redirect", _redirect(hop, redactor)),
        ("skipped", ", ".join(hop.filters_not_reached)),
        ("answer", _answer(hop)),
        ("failure", _failure(hop)),
        ("rejected", "; ".join(redactor.text(sentence(update)) for update in hop.rejected_updates)),
    ]


def _redirect(hop: Hop, redactor: Redactor) -> str:
    """An upstream's redirect that the route has a policy for."""
    redirect = hop.internal_redirect
    if redirect is None:
        return ""
    location = redactor.text(redirect.location or "without a location")
    return f"{location} ({'followed' if redirect.followed else 'left to the client'})"


def _joined(*names: str | None) -> str:
    return _ARROW.join(name for name in names if name)


def _chain(hop: Hop) -> str:
    if hop.network_filter is None:
        return hop.filter_chain or ""
    return _joined(hop.filter_chain or "(no name)", hop.network_filter)


def _origin(hop: Hop, what: str) -> str:
    """The Istio object that a listener, route or cluster was made from."""
    origin = hop.origin.get(what)
    return f" ({origin})" if origin else ""


def _downstream_tls(hop: Hop) -> str:
    tls = hop.downstream.tls if hop.downstream is not None else None
    if tls is None:
        return ""
    state = "handshake failed" if tls.failure else "terminated" if tls.terminated else "passed through"
    parts = [state, f"sni {tls.sni or 'none'}"]
    if tls.alpn:
        parts.append(f"alpn {tls.alpn}")
    if tls.peer is not None and tls.peer.presented:
        names = ", ".join(tls.peer.uri_sans) or "a certificate without URI name"
        parts.append(f"peer {names}{'' if tls.peer.validated else ' (not validated)'}")
    return ", ".join(parts)


def _endpoint(hop: Hop) -> str:
    if not hop.attempts:
        return hop.endpoint or ""
    attempts = []
    for attempt in hop.attempts:
        status = f" {attempt.status}" if attempt.status is not None else ""
        into = f", into hop {attempt.next_hop}" if attempt.next_hop is not None else ""
        attempts.append(f"{attempt.endpoint or 'none'} {attempt.result}{status}{into}")
    return "; ".join(attempts)


def _tls(hop: Hop) -> str:
    tls = hop.tls
    if tls is None:
        return ""
    parts = [_mode(tls.mode, hop.downstream)]
    if tls.sni:
        parts.append(f"sni {tls.sni}")
    if tls.alpn:
        parts.append(f"alpn {tls.alpn}")
    elif tls.alpn_offered:
        parts.append(f"alpn offered {' '.join(tls.alpn_offered)}")
    if tls.transport_socket_match:
        parts.append(f"by {tls.transport_socket_match}")
    return ", ".join(parts)


def _mode(mode: str, downstream: Downstream | None) -> str:
    """Plaintext is what the proxy adds; bytes that the client itself encrypted stay so."""
    inner = downstream.tls if downstream is not None else None
    if inner is None or inner.terminated or inner.failure:
        return mode
    return "the client's own" if mode == "plaintext" else f"{mode} around the client's own"


def _sends(hop: Hop, report: Report, redactor: Redactor) -> str:
    """What leaves towards the endpoint, where a hop changed it."""
    upstream = hop.upstream
    if upstream is None or upstream.method is None:
        return ""
    same = (upstream.method, upstream.authority, upstream.path, upstream.protocol) == (
        report.call.method,
        report.call.authority,
        report.call.path,
        report.call.protocol,
    )
    if same:
        return ""
    host = "no host" if upstream.authority is None else f"host {redactor.authority(upstream.authority)}"
    return f"{upstream.method} {redactor.target(upstream.path or '')}, {host}, {upstream.protocol}"


def _answer(hop: Hop) -> str:
    if hop.status is None and not hop.response_flags and not hop.response_code_details:
        return ""
    stands = not hop.response_code_details and bool(hop.attempts) and hop.attempts[-1].result == "connected"
    ended = "not known" if stands else "closed"
    parts = [ended if hop.status is None else str(hop.status), *hop.response_flags]
    if hop.response_code_details:
        parts.append(hop.response_code_details)
    return " ".join(parts)


def _failure(hop: Hop) -> str:
    tls = hop.downstream.tls if hop.downstream is not None else None
    # Where no handshake failed, the field only holds tls_inspector's note on plain bytes.
    handshake = hop.downstream_transport_failure_reason if tls is not None and tls.failure else None
    reasons = (
        hop.connection_termination_details,
        hop.downstream_local_close_reason,
        handshake,
        hop.upstream_transport_failure_reason,
    )
    return "; ".join(reason for reason in reasons if reason)
