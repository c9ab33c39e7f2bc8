"""forward_client_cert_matcher: what is done about x-forwarded-client-cert, chosen for each request.

envoyproxy/envoy source/common/http/conn_manager_utility.cc and
source/extensions/filters/network/http_connection_manager/forward_client_cert_details.cc. It is asked when the manager
takes the request: cleaned, with the headers that the manager adds, before any client is detected and any filter runs.
What it sees was observed on Envoy 1.40, with which keep_matching anywhere makes the whole matcher find nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from ..config.view import TypedConfig, View
from ..errors import Rejected
from ..facts.connection import Connection
from ..facts.request import Request
from ..match.tree import Missing
from ..place import Place
from ..reasons import Reason, because
from .client_certificate_header import ClientCertificateHeader, compile_client_certificate_header
from .match_tree import CompiledMatcher, Vocabulary, compile_matcher
from .network_inputs import NETWORK_INPUTS
from .query_parameters import decoded_parameters

_FIELD = "forward_client_cert_matcher"
_ACTION = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ForwardClientCertConfig"
_HTTP = "envoy.type.matcher.v3."
_NETWORK = "envoy.extensions.matching.common_inputs.network.v3."
_NOT_OVER_HTTP = ("TransportProtocolInput", "ApplicationProtocolInput")
"""Inputs that only filter chains have."""


@frozen
class CertificateFacts:
    request: Request
    """As the manager has it by then."""
    connection: Connection


@frozen(eq=False)
class ClientCertificatePolicy:
    """The manager's own settings, and the matcher that may replace them."""

    own: ClientCertificateHeader
    matcher: CompiledMatcher[CertificateFacts, ClientCertificateHeader] | None = None
    place: Place | None = None

    def of(self, facts: CertificateFacts) -> ClientCertificateHeader:
        """What only run time knows does not match."""
        if self.matcher is None or self.matcher.keeps_matching:
            return self.own
        return self.matcher.tree.pick(facts, lambda _row: False) or self.own

    def doubt(self, facts: CertificateFacts) -> Reason | None:
        """Where something was asked that only run time knows."""
        if self.matcher is None or self.matcher.keeps_matching:
            return None
        asked: list[object] = []

        def note(row: object) -> bool:
            asked.append(row)
            return False

        self.matcher.tree.pick(facts, note)
        return because("http.client-certificate-open", self.place) if asked else None


def compile_client_certificate_policy(view: View) -> ClientCertificatePolicy:
    """Of a connection manager."""
    own = compile_client_certificate_header(view)
    below = view.view(_FIELD)
    if below is None:
        return ClientCertificatePolicy(own)
    return ClientCertificatePolicy(own, compile_matcher(below, _VOCABULARY), below.place)


def _action(typed: TypedConfig) -> tuple[str, ClientCertificateHeader]:
    if typed.type_name != _ACTION:
        raise _refused(f"an action of {_FIELD} is a {_ACTION}, not a {typed.type_name}", typed.view)
    made = compile_client_certificate_header(typed.view)
    return made.mode, made


def _header(view: View) -> tuple[str, Callable[[CertificateFacts], Any]]:
    """All values in one text; one that run time makes is not known."""
    name = view.text("header_name", "").lower()

    def read(facts: CertificateFacts) -> str | Missing | None:
        values = facts.request.values(name)
        if not values:
            return Missing.UNKNOWN if name in facts.request.headers else None
        return ",".join(values)

    return f"header {name}", read


def _query(view: View) -> tuple[str, Callable[[CertificateFacts], Any]]:
    """The first of the name."""
    name = view.text("query_param", "")

    def read(facts: CertificateFacts) -> str | None:
        return next(iter(decoded_parameters(facts.request.path).get(name, ())), None)

    return f"query parameter {name}", read


def _later(view: View) -> tuple[str, Callable[[CertificateFacts], Any]]:
    return f"{view.text('header_name', '') or 'status'} of what comes later", lambda _facts: Missing.NOT_YET


def _filter_state(view: View) -> tuple[str, Callable[[CertificateFacts], Any]]:
    """Of the connection: HTTP filters come later. What Envoy's own parts wrote there is not known."""
    key = view.text("key", "")

    def read(facts: CertificateFacts) -> str | Missing | None:
        return facts.connection.filter_state.get(key, Missing.UNKNOWN if key.startswith("envoy.") else None)

    return f"filter state {key}", read


def _nothing(_view: View) -> tuple[str, Callable[[CertificateFacts], Any]]:
    return "dynamic metadata", lambda _facts: None


def _of_connection(make: Callable[[View], Any]) -> Callable[[View], tuple[str, Callable[[CertificateFacts], Any]]]:
    def made(view: View) -> tuple[str, Callable[[CertificateFacts], Any]]:
        what, read = make(view)
        return what, lambda facts: read(facts.connection)

    return made


def _missing(name: str) -> Callable[[View], tuple[str, Callable[[CertificateFacts], Any]]]:
    def made(view: View) -> tuple[str, Callable[[CertificateFacts], Any]]:
        raise _refused(f"{_FIELD} has no input {name}", view)

    return made


def _refused(message: str, view: View) -> Rejected:
    hint = "mend the matcher; Envoy refuses this listener too"
    return Rejected("bad-client-certificate-matcher", message, place=view.place, hint=hint)


_VOCABULARY: Vocabulary[CertificateFacts, ClientCertificateHeader] = Vocabulary(
    "client_certificate_action",
    {
        **{name: _of_connection(make) for name, make in NETWORK_INPUTS.items()},
        **{_NETWORK + name: _missing(name) for name in _NOT_OVER_HTTP},
        "xds.type.matcher.v3.HttpAttributesCelMatchInput": _missing("HttpAttributesCelMatchInput"),
        _NETWORK + "FilterStateInput": _filter_state,
        _NETWORK + "DynamicMetadataInput": _nothing,
        _HTTP + "HttpRequestHeaderMatchInput": _header,
        _HTTP + "HttpRequestQueryParamMatchInput": _query,
        **{
            f"{_HTTP}Http{name}MatchInput": _later
            for name in (
                "RequestTrailer",
                "ResponseHeader",
                "ResponseTrailer",
                "ResponseStatusCode",
                "ResponseStatusCodeClass",
                "ResponseLocalReply",
            )
        },
    },
    _action,
)
