"""The trace document of INTERFACE as plain JSON values: names, order and nulls exactly as users' scripts expect them.

Addresses are texts already; a place is written as its document and JSON pointer (or line), which needs no search.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..explanation import Candidate, Change, Check, Decision
from ..facts.answer import Answer
from ..facts.call import TLS_VERSIONS, UNSET, Call
from ..facts.conversation import ClientCertificate, ClientTls
from ..outcome import Outcome
from ..place import Place
from ..reasons import Reason
from ..report import (
    Attempt,
    ChoiceReport,
    Downstream,
    Hop,
    InternalRedirect,
    NetfilterPassage,
    Remainder,
    Report,
    Resolution,
    Upstream,
    UpstreamTls,
)
from .redact import Redactor
from .summary import summary
from .words import sentence

VERSION = 1


def document(report: Report, *, show_secrets: bool = False, depth: int = 0) -> dict[str, Any]:
    """The trace document. `depth` 1 adds the decisions with their candidates, 2 every check too."""
    redactor = Redactor.of(report, show_secrets=show_secrets)
    made: dict[str, Any] = {
        "version": VERSION,
        "id": report.call.id,
        "call": call_document(report.call, redactor),
        "resolution": _resolution(report.resolution),
        "outcome": _outcome(report.outcome, redactor, redactor.text(summary(report))),
        "probability": report.probability,
        "choices": [_choice(choice) for choice in report.choices],
        "assumptions": [_reason(reason, redactor) for reason in report.assumptions],
        "hops": [_hop(hop, redactor) for hop in report.hops],
        "netfilter": [_passage(passage) for passage in report.netfilter],
    }
    if report.merged is not None:
        made["merged"] = {
            "courses": report.merged.courses,
            "endpoints": [list(dialled) for dialled in report.merged.endpoints],
        }
    if depth > 0 and report.decisions is not None:
        made["decisions"] = [_decision(decision, redactor, depth) for decision in report.decisions]
    return made


def remainder_document(remainder: Remainder, call_id: Any) -> dict[str, Any]:
    """What stands in the place of the branches that are not shown; no trace document."""
    return {
        "version": VERSION,
        "id": call_id,
        "remainder": {
            "branches": remainder.branches,
            "share": remainder.share,
            "complete": remainder.complete,
        },
    }


def call_document(call: Call, redactor: Redactor) -> dict[str, Any]:
    """A call as a call document; reading it again gives the same call (secrets apart)."""
    return {
        "id": call.id,
        "from": call.from_,
        "direction": call.direction,
        "pod": call.pod,
        "source": call.source,
        "uid": call.uid,
        "gid": call.gid,
        "groups": list(call.groups),
        "mark": call.mark,
        "transparent": call.transparent,
        "destination": call.destination,
        "cluster": call.cluster,
        "protocol": call.protocol,
        "tls": _client_tls(call.tls if call.tls is not UNSET else None),
        "server_first": call.server_first,
        "payload": redactor.payload(call.payload),
        "proxy_protocol": None
        if call.proxy_protocol is None
        else {"source": call.proxy_protocol.source, "destination": call.proxy_protocol.destination},
        "method": call.method,
        "authority": redactor.authority(call.authority) if isinstance(call.authority, str) else None,
        "path": redactor.target(call.path),
        "headers": _headers({name: _values(value) for name, value in call.headers.items()}, redactor),
        "runtime": {key: redactor.named(key, value) for key, value in call.runtime.items()},
        "random_value": call.random_value,
        "choices": dict(call.choices),
        "answers": {site: _answer(answer, redactor) for site, answer in call.answers.items()},
        "resolve": dict(call.resolve),
        **({} if call.max_time is None else {"max_time": call.max_time}),
    }


def _answer(answer: Answer, redactor: Redactor) -> dict[str, Any]:
    return {
        "status": answer.status,
        "headers": _headers({name: _values(value) for name, value in answer.headers.items()}, redactor),
        "body": redactor.text(answer.body),
    }


def _client_tls(tls: ClientTls | None) -> dict[str, Any] | None:
    if tls is None:
        return None
    made = {"sni": tls.sni, "alpn": list(tls.alpn), "client_certificate": _certificate(tls.client_certificate)}
    return made | _limits_of(tls)


def _limits_of(tls: ClientTls) -> dict[str, Any]:
    """What a call states of versions, cipher suites and curves; nothing where it states none."""
    usual = ClientTls()
    limits: dict[str, Any] = {}
    if (tls.lowest, tls.highest) != (usual.lowest, usual.highest):
        limits["minimum_version"], limits["maximum_version"] = TLS_VERSIONS[tls.lowest], TLS_VERSIONS[tls.highest]
    if tls.cipher_suites is not None:
        limits["cipher_suites"] = list(tls.cipher_suites)
    if tls.curves is not None:
        limits["curves"] = list(tls.curves)
    return limits


def _certificate(certificate: ClientCertificate | None) -> str | dict[str, Any] | None:
    if certificate is None:
        return None
    if len(certificate.uri_sans) == 1 and certificate == ClientCertificate(uri_sans=certificate.uri_sans):
        return certificate.uri_sans[0]
    return {
        "uri_sans": list(certificate.uri_sans),
        "dns_sans": list(certificate.dns_sans),
        "subject": certificate.subject,
        "trusted": certificate.trusted,
        "expired": certificate.expired,
    }


def _values(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _headers(headers: Mapping[str, tuple[str, ...]], redactor: Redactor) -> dict[str, Any]:
    """One value is a text, several are a list; a value that hangs on clock or chance is null."""
    written: dict[str, Any] = {}
    for name, values in headers.items():
        shown = [None if value is None else redactor.header(name, value) for value in values or (None,)]
        written[name] = shown[0] if len(shown) == 1 else shown
    return written


def _place(place: Place | None) -> str | None:
    return None if place is None else str(place)


def _reason(reason: Reason, redactor: Redactor) -> dict[str, Any]:
    return {"code": reason.code, "text": redactor.text(sentence(reason)), "place": _place(reason.place)}


def _resolution(resolution: Resolution | None) -> dict[str, Any] | None:
    if resolution is None:
        return None
    return {
        "name": resolution.name,
        "tried": list(resolution.tried),
        "addresses": list(resolution.addresses),
        "address": resolution.address,
        "by": resolution.by,
        "place": _place(resolution.place),
    }


def _outcome(outcome: Outcome, redactor: Redactor, text: str) -> dict[str, Any]:
    return {
        "kind": outcome.kind,
        "after": outcome.after,
        "status": outcome.status,
        "grpc_status": outcome.grpc_status,
        "location": None if outcome.location is None else redactor.header("location", outcome.location),
        "body": None if outcome.body is None else redactor.text(outcome.body),
        "response_headers": _headers(outcome.response_headers, redactor),
        "response_flags": list(outcome.response_flags),
        "response_code_details": outcome.response_code_details,
        "answered_by": outcome.answered_by,
        "client_sees": outcome.client_sees,
        "destination": outcome.destination,
        "pod": outcome.pod,
        "summary": text,
    }


def _choice(choice: ChoiceReport) -> dict[str, Any]:
    options = [{"option": option.option, "share": option.share} for option in choice.of]
    return {"site": choice.site, "picked": choice.picked, "of": options}


def _hop(hop: Hop, redactor: Redactor) -> dict[str, Any]:
    return {
        "pod": hop.pod,
        "direction": hop.direction,
        "from_hop": hop.from_hop,
        "cause": hop.cause,
        "original_destination": hop.original_destination,
        "received_by": hop.received_by,
        "listener": hop.listener,
        "filter_chain": hop.filter_chain,
        "network_filter": hop.network_filter,
        "downstream": _downstream(hop.downstream),
        "route_config": hop.route_config,
        "virtual_host": hop.virtual_host,
        "route": hop.route,
        "filters_not_reached": list(hop.filters_not_reached),
        "cluster": hop.cluster,
        "aggregate": hop.aggregate,
        "service": hop.service,
        "port": hop.port,
        "subset": hop.subset,
        "endpoint": hop.endpoint,
        "attempts": [_attempt(attempt) for attempt in hop.attempts],
        "upstream": _upstream(hop.upstream, redactor),
        "tls": _upstream_tls(hop.tls),
        "mirrors": list(hop.mirrors),
        "internal_redirect": _redirect(hop.internal_redirect, redactor),
        "status": hop.status,
        "response_flags": list(hop.response_flags),
        "response_code_details": hop.response_code_details,
        "connection_termination_details": hop.connection_termination_details,
        "downstream_local_close_reason": hop.downstream_local_close_reason,
        "downstream_transport_failure_reason": hop.downstream_transport_failure_reason,
        "upstream_transport_failure_reason": hop.upstream_transport_failure_reason,
        "origin": dict(hop.origin),
        "config_version": hop.config_version,
        "rejected_updates": [_reason(reason, redactor) for reason in hop.rejected_updates],
    }


def _redirect(redirect: InternalRedirect | None, redactor: Redactor) -> dict[str, Any] | None:
    if redirect is None:
        return None
    target = redirect.target
    return {
        "location": None if redirect.location is None else redactor.header("location", redirect.location),
        "followed": redirect.followed,
        "target": None
        if target is None
        else {"virtual_host": target.virtual_host, "route": target.route, "cluster": target.cluster},
    }


def _downstream(downstream: Downstream | None) -> dict[str, Any] | None:
    if downstream is None:
        return None
    tls = downstream.tls
    return {
        "protocol": downstream.protocol,
        "remote": downstream.remote,
        "direct_remote": downstream.direct_remote,
        "tls": None
        if tls is None
        else {
            "terminated": tls.terminated,
            "sni": tls.sni,
            "alpn_offered": list(tls.alpn_offered),
            "alpn": tls.alpn,
            "peer": None
            if tls.peer is None
            else {
                "presented": tls.peer.presented,
                "validated": tls.peer.validated,
                "uri_sans": list(tls.peer.uri_sans),
            },
            "failure": tls.failure,
        },
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "endpoint": attempt.endpoint,
        "result": attempt.result,
        "status": attempt.status,
        "next_hop": attempt.next_hop,
    }


def _upstream(upstream: Upstream | None, redactor: Redactor) -> dict[str, Any] | None:
    if upstream is None:
        return None
    return {
        "protocol": upstream.protocol,
        "authority": None if upstream.authority is None else redactor.authority(upstream.authority),
        "path": None if upstream.path is None else redactor.target(upstream.path),
        "method": upstream.method,
        "headers": None if upstream.headers is None else _headers(upstream.headers, redactor),
    }


def _upstream_tls(tls: UpstreamTls | None) -> dict[str, Any]:
    """Always an object: `tls.mode` is null where no upstream was chosen."""
    return {
        "mode": None if tls is None else tls.mode,
        "sni": None if tls is None else tls.sni,
        "alpn_offered": [] if tls is None else list(tls.alpn_offered),
        "alpn": None if tls is None else tls.alpn,
        "certificate_requested": None if tls is None else tls.certificate_requested,
        "san": [] if tls is None else list(tls.san),
        "transport_socket_match": None if tls is None else tls.transport_socket_match,
    }


def _passage(passage: NetfilterPassage) -> dict[str, Any]:
    before = passage.before
    return {
        "pod": passage.pod,
        "way": passage.way,
        "sender": passage.sender,
        "from_hop": passage.from_hop,
        "to_hop": passage.to_hop,
        "before": {
            "protocol": before.protocol,
            "source": before.source,
            "destination": before.destination,
            "uid": before.uid,
            "gid": before.gid,
            "mark": before.mark,
            "interface": before.interface,
        },
        "rules": list(passage.rules),
        "chains": list(passage.chains),
        "source": passage.source,
        "destination": passage.destination,
        "mark": passage.mark,
        "interface": passage.interface,
        "original_destination": passage.original_destination,
        "result": passage.result,
        "socket": passage.socket,
        "by": passage.by,
    }


def _decision(decision: Decision, redactor: Redactor, depth: int) -> dict[str, Any]:
    return {
        "stage": decision.stage,
        "pod": decision.pod,
        "hop": decision.hop,
        "question": _reason(decision.question, redactor),
        "chosen": None if decision.chosen is None else redactor.text(decision.chosen.label),
        "reason": _reason(decision.reason, redactor),
        "trivial": decision.trivial,
        "deciding": decision.deciding,
        "candidates": [_candidate(candidate, redactor, depth) for candidate in decision.candidates],
        "changes": [_change(change, redactor) for change in decision.changes],
        "notes": [_reason(note, redactor) for note in decision.notes],
    }


def _candidate(candidate: Candidate, redactor: Redactor, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "label": redactor.text(candidate.label),
        "kind": candidate.kind,
        "fate": candidate.fate.value,
        "near_miss": candidate.near_miss,
        "lost_at": candidate.lost_at or None,
        "place": _place(candidate.place),
    }
    if depth > 1:
        made["checks"] = [_check(check, redactor) for check in candidate.checks]
    return made


def _check(check: Check, redactor: Redactor) -> dict[str, Any]:
    return {
        "what": check.what,
        "want": redactor.value(check.want, check.what),
        "seen": redactor.value(check.seen, check.what),
        "ok": check.ok,
        "place": _place(check.place),
    }


def _change(change: Change, redactor: Redactor) -> dict[str, Any]:
    return {
        "field": change.field,
        "before": redactor.value(change.before, change.field),
        "after": redactor.value(change.after, change.field),
        "reason": None if change.reason is None else _reason(change.reason, redactor),
    }
