"""The completed call in one line."""

from __future__ import annotations

from ..facts.call import UNSET, Call
from ..report import Report
from .redact import Redactor

_RAW = ("tcp", "udp")


def call_line(report: Report, redactor: Redactor) -> str:
    """Who connects, to where, saying what."""
    return line_of(report.call, redactor)


def line_of(call: Call, redactor: Redactor) -> str:
    """The same of a completed call alone."""
    who = call.from_ or "outside"
    if call.direction == "inbound":
        who = f"a peer of {call.pod}" if call.pod else "a peer"
    sender = [part for part in (call.source, None if call.uid is None else f"uid {call.uid}") if part]
    if call.direction == "inbound" or call.from_ == "outside":
        sender = sender[:1]
    origin = f"{who} ({', '.join(sender)})" if sender else who
    where = f"cluster {call.cluster}" if call.cluster is not None else call.destination
    waits = "" if call.max_time is None else f", waiting {call.max_time} at most"
    return f"{_said(call, redactor)}, from {origin} to {where}{waits}"


def _said(call: Call, redactor: Redactor) -> str:
    tls = None if call.tls is UNSET else call.tls
    under = ""
    if tls is not None:
        under = f" in TLS (sni {tls.sni or 'none'}, alpn {', '.join(tls.alpn) or 'none'})"
    if call.protocol in _RAW:
        first = "the server speaks first" if call.server_first else f"{len(call.payload)} bytes" if call.payload else ""
        return f"{call.protocol}{under}{', ' + first if first else ''}"
    authority = redactor.authority(call.authority) if isinstance(call.authority, str) else ""
    scheme = "https" if tls is not None else "http"
    host = authority or "(no host)"
    headers = len(call.header_values())
    more = f" with {headers} header{'s' if headers != 1 else ''}" if headers else ""
    return f"{call.method} {scheme}://{host}{redactor.target(call.path)} {call.protocol}{under}{more}"
