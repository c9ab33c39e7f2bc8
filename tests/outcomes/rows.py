"""A row of the tables of endings: the call that reaches it, and what the first hop's log says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from meshsim.config.capture import PodDocuments
from meshsim.mesh import Mesh
from tests.outcomes.worlds import TYPES, ask, cluster, gate, hcm, tcp_proxy, world

Document = dict[str, Any]


@frozen
class Row:
    """The gate's chain and clusters, who is beyond, the call, and what is logged of it."""

    chain: Document
    """Its filters, and the fields beside them."""
    clusters: tuple[Document, ...]
    call: Document
    status: int | None = None
    flags: tuple[str, ...] = ()
    details: str | None = None
    close: str | None = None
    made: int | None = None
    """How many attempts."""
    at: PodDocuments | None = None
    gate: Mapping[str, Any] = {}
    """More of the gate's own host or dump."""

    def mesh(self) -> Mesh:
        fields = dict(self.chain)
        pods = [gate(*fields.pop("filters"), clusters=self.clusters, **self.gate, **fields)]
        return world(*pods, *(() if self.at is None else (self.at,)))


Table = dict[str, Row | None]
NOT_YET_MODELLED = None
DRAINED = "deferred_close_on_drained_connection"
CODEC_ERROR = "codec_error:http/1.1_protocol_error:_"


def over_http(
    status: int | None,
    flags: tuple[str, ...],
    details: str | None,
    *,
    at: PodDocuments | None = None,
    route: Document | None = None,
    manager: Document | None = None,
    to: Document | None = None,
    gate_more: Document | None = None,
    made: int | None = None,
    close: str | None = None,
    **call: Any,
) -> Row:
    chain = {"filters": [hcm(route, **(manager or {}))]}
    return Row(chain, (cluster(**(to or {})),), call, status, flags, details, close, made, at, gate_more or {})


def over_tcp(
    flags: tuple[str, ...],
    close: str | None = None,
    *,
    at: PodDocuments | None = None,
    filters: tuple[Document, ...] = (),
    to: Document | None = None,
    gate_more: Document | None = None,
    details: str | None = None,
    made: int | None = None,
    **call: Any,
) -> Row:
    chain = {"filters": [*(filters or (tcp_proxy(),))]}
    said = {"protocol": "tcp", "payload": "hello", **call}
    return Row(chain, (cluster(**(to or {})),), said, None, flags, details, close, made, at, gate_more or {})


def chained(*filters: Document, call: Document, chain: Document | None = None, **expected: Any) -> Row:
    """Of the gate alone, with a chain of its own; `chain` are the fields beside its filters."""
    return Row({"filters": [*filters], **(chain or {})}, (cluster(),), call, **expected)


def retry(on: str, tries: int = 2, **fields: Any) -> Document:
    return {"retry_policy": {"retry_on": on, "num_retries": tries, **fields}}


def http_filter(name: str, kind: str, /, **fields: Any) -> Document:
    return {"name": name, "typed_config": {"@type": f"{TYPES}filters.http.{kind}", **fields}}


def network_filter(name: str, kind: str, /, **fields: Any) -> Document:
    return {"name": name, "typed_config": {"@type": f"{TYPES}filters.network.{kind}", **fields}}


def reached(table: Table) -> list[str]:
    return [condition for condition, row in table.items() if row is not None]


def unreached(table: Table) -> set[str]:
    return {condition for condition, row in table.items() if row is None}


def check(row: Row | None) -> None:
    """The call ends as the row says."""
    assert row is not None
    done = ask(row.mesh(), **row.call)
    hop = done.hops[0]
    assert (hop.status, hop.response_flags, hop.response_code_details) == (row.status, row.flags, row.details)
    assert hop.downstream_local_close_reason == row.close
    assert row.made is None or len(hop.attempts) == row.made
    if done.outcome.answered_by == 0:
        assert (done.outcome.status, done.outcome.response_flags) == (row.status, row.flags)
