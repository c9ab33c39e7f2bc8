"""What a TLS filter chain asks of its client, and how the handshake with one ends.

Versions, cipher suites, curves, ALPN and certificates are modelled; revocation is not what routes a call. Failure texts
are what Envoy 1.40 writes to %DOWNSTREAM_TRANSPORT_FAILURE_REASON%; follows
envoyproxy/envoy source/common/tls/{context_impl,server_context_impl}.cc.
"""

from __future__ import annotations

from attrs import define, frozen

from ..config.certificate_names import Certificate
from ..config.view import View
from ..facts.connection import DownstreamTls, Peer
from ..facts.conversation import ClientCertificate, ClientTls, Conversation
from ..place import Place
from ..reasons import Reason
from .first_bytes import WAITING, begins_with_tls, first_text, tls_in
from .peer_validation import PeerValidation, compile_peer_validation
from .server_certificates import read_inline
from .tls_parameters import Parameters, compile_parameters, parting, stated_ciphers, stated_curves
from .tls_versions import SERVER, Versions
from .unmodelled import unmodelled_fields

_ERROR = "TLS_error:|{}:SSL_routines:OPENSSL_internal:{}:TLS_error_end"
HTTP_REQUEST = _ERROR.format(268435612, "HTTP_REQUEST")
PROXY_REQUEST = _ERROR.format(268435611, "HTTPS_PROXY_REQUEST")
WRONG_VERSION = _ERROR.format(268435703, "WRONG_VERSION_NUMBER")
PARTINGS = {
    "no-version": _ERROR.format(268435736, "NO_SUPPORTED_VERSIONS_ENABLED"),
    "no-cipher": _ERROR.format(268435631, "NO_CIPHERS_AVAILABLE"),
    "other-version": _ERROR.format(268435696, "UNSUPPORTED_PROTOCOL"),
    "low-version": _ERROR.format(268436526, "TLSV1_ALERT_PROTOCOL_VERSION"),
    "other-curve": _ERROR.format(268435699, "WRONG_CURVE"),
    "no-shared-curve": _ERROR.format(268435722, "NO_SHARED_GROUP"),
    "no-shared-cipher": _ERROR.format(268435640, "NO_SHARED_CIPHER"),
}
"""Why two sides part before either shows a certificate -> Envoy's text on the server, or on a silent client."""
NO_CERTIFICATE = _ERROR.format(
    268435648, "PEER_DID_NOT_RETURN_A_CERTIFICATE:peer_did_not_provide_required_client_certificate"
)
_NOT_VERIFIED = "CERTIFICATE_VERIFY_FAILED:verify_cert_failed:"
_AT_LEAF = f"{_NOT_VERIFIED}_X509_verify_cert:_certificate_verification_error_at_depth_0:"
REFUSED_CERTIFICATES = {
    "untrusted-certificate": _ERROR.format(268435581, f"{_AT_LEAF}_unable_to_get_local_issuer_certificate"),
    "expired-certificate": _ERROR.format(268435581, f"{_AT_LEAF}_certificate_has_expired"),
}
"""What is wrong with a certificate -> Envoy's text for it, on either side."""
OWN_REFUSED = _ERROR.format(268436502, "SSLV3_ALERT_CERTIFICATE_UNKNOWN")
"""The client does not accept the certificate of this side."""
_UNALARMED = frozenset(("no-version", "low-version"))
SECRET_MISSING = "TLS_error:_Secret_is_not_supplied_by_SDS"
_HTTP_METHODS = ("GET ", "POST ", "HEAD ", "PUT ")
"""Plaintext that BoringSSL knows as HTTP; it closes on these without an alert."""


@define(eq=False)
class DownstreamTlsContext:
    """The TLS settings of a filter chain."""

    place: Place
    require_client_certificate: bool
    alpn_protocols: tuple[str, ...]
    validation: PeerValidation
    certificates: tuple[str, ...]
    """Names of the secrets with the server's certificates."""
    inline_certificates: tuple[Certificate | None, ...]
    """Those that stand in the message itself; None: not readable there."""
    scans_certificates: bool
    """full_scan_certs_on_sni_mismatch."""
    validation_secret: str | None
    parameters: Parameters
    unmodelled: tuple[Reason, ...]
    """Fields that could refuse a client and are not evaluated."""

    @property
    def verifies_clients(self) -> bool:
        """A validation context with something to verify against is there, so a certificate is asked for."""
        return self.validation.verifies

    @property
    def demands_certificate(self) -> bool:
        """Whether a client without one is refused."""
        return self.validation.verifies and (self.require_client_certificate or self.validation.demands)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets without which no handshake begins."""
        return (*self.certificates, *(() if self.validation_secret is None else (self.validation_secret,)))


@frozen
class Handshake:
    """How the chain's transport socket and the client got on."""

    tls: DownstreamTls | None
    """The result; None when it failed, or when the chain speaks plaintext."""
    failure: str | None = None
    """The cause: plaintext, one of PARTINGS, no-certificate, untrusted-certificate, expired-certificate, other-name,
    own-name, secret-missing, silent; None: it went well."""
    text: str | None = None
    """Envoy's own text for it."""
    alert: bool = False
    """Whether the client gets a TLS alert before the close."""
    key_decides: bool = False
    """It went well only because the server's key, which nobody shows, is taken to be of the kind that fits."""


def shake_hands(context: DownstreamTlsContext, conversation: Conversation, key: str | None = None) -> Handshake:
    """The handshake of a TLS chain, whose server has a key of that kind, with what the client sends."""
    if not begins_with_tls(conversation) or conversation.tls is None:
        return _plaintext(conversation)
    hello = conversation.tls
    parted, key_decides = parting(parameters_of(hello), context.parameters, key)
    if parted is not None:
        return Handshake(None, parted, PARTINGS[parted], alert=parted not in _UNALARMED)
    validation = context.validation
    certificate = hello.client_certificate if validation.verifies else None
    alpn = negotiated(context.alpn_protocols, hello)
    if certificate is None:
        if context.demands_certificate:
            return Handshake(None, "no-certificate", NO_CERTIFICATE, alert=True)
        return Handshake(DownstreamTls(alpn, Peer(presented=False, validated=False)), key_decides=key_decides)
    fault = validation.fault(certificate)
    if fault is not None:
        return Handshake(None, fault, REFUSED_CERTIFICATES.get(fault) or not_named(certificate), alert=True)
    validated = validation.validated(certificate)
    peer = Peer(
        True, validated, certificate.uri_sans, certificate.dns_sans, certificate.subject, certificate.names_known
    )
    return Handshake(DownstreamTls(alpn, peer), key_decides=key_decides)


def parameters_of(hello: ClientTls) -> Parameters:
    """Of a ClientHello."""
    ciphers = None if hello.cipher_suites is None else stated_ciphers(hello.cipher_suites)
    curves = None if hello.curves is None else stated_curves(hello.curves)
    return Parameters(Versions(hello.lowest, hello.highest), ciphers, curves)


def not_named(certificate: ClientCertificate) -> str:
    """Envoy's text for a certificate that carries none of the names asked for: it lists those it carries."""
    names = ",_".join(certificate.uri_sans + certificate.dns_sans)
    return _ERROR.format(268435581, f"{_NOT_VERIFIED}_SAN_matcher,_certificate_SANs_are_[{names}]")


def _plaintext(conversation: Conversation) -> Handshake:
    text = first_text(conversation)
    if text is None or tls_in(text) == WAITING:
        return Handshake(None, "silent")
    if text.startswith(_HTTP_METHODS):
        return Handshake(None, "plaintext", HTTP_REQUEST)
    if text.startswith("CONNE"):
        return Handshake(None, "plaintext", PROXY_REQUEST)
    return Handshake(None, "plaintext", WRONG_VERSION, alert=True)


def negotiated(server: tuple[str, ...], hello: ClientTls) -> str | None:
    """The server's order decides; without a common protocol the handshake goes on and nothing is negotiated."""
    return next((protocol for protocol in server if protocol in hello.alpn), None)


_CONTEXT_KNOWN = frozenset(
    {
        "common_tls_context",
        "require_client_certificate",
        # none of these refuses or moves a client that can speak TLS at all
        "session_ticket_keys",
        "session_ticket_keys_sds_secret_config",
        "disable_stateless_session_resumption",
        "disable_stateful_session_resumption",
        "session_timeout",
        "ocsp_staple_policy",
        "full_scan_certs_on_sni_mismatch",
        "prefer_client_ciphers",
        "require_sni",
    }
)
_COMMON_KNOWN = frozenset(
    {
        "alpn_protocols",
        "tls_certificates",
        "tls_certificate_sds_secret_configs",
        "validation_context",
        "validation_context_sds_secret_config",
        "combined_validation_context",
        "tls_params",
        "key_log",
        "tls_certificate_provider_instance",
        "tls_certificate_certificate_provider",
        "tls_certificate_certificate_provider_instance",
        "validation_context_certificate_provider",
        "validation_context_certificate_provider_instance",
    }
)


def compile_downstream_tls(view: View) -> DownstreamTlsContext:
    """A DownstreamTlsContext message (or the old inline `tls_context`)."""
    common = view.view("common_tls_context") or View({}, view.place_of("common_tls_context"))
    combined = common.view("combined_validation_context")
    secret = (combined or common).view("validation_context_sds_secret_config")
    validation = compile_peer_validation(common)
    parameters, not_evaluated = compile_parameters(common, SERVER)
    return DownstreamTlsContext(
        place=view.place,
        require_client_certificate=view.boolean("require_client_certificate", False),
        alpn_protocols=common.texts("alpn_protocols"),
        validation=validation,
        certificates=tuple(each.text("name", "") for each in common.views("tls_certificate_sds_secret_configs")),
        inline_certificates=tuple(map(read_inline, common.views("tls_certificates"))),
        scans_certificates=view.boolean("full_scan_certs_on_sni_mismatch", False),
        validation_secret=secret.text("name") if secret is not None else None,
        parameters=parameters,
        unmodelled=(
            *not_evaluated,
            *validation.unmodelled,
            *unmodelled_fields(view, _CONTEXT_KNOWN, "DownstreamTlsContext"),
            *unmodelled_fields(common, _COMMON_KNOWN, "CommonTlsContext"),
        ),
    )
