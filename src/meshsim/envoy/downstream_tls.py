"""What a TLS filter chain asks of its client, and how the handshake with one ends.

Only the certificate and ALPN sides of the handshake are modelled: versions, ciphers and revocation are not what routes
a call. Failure texts are what Envoy 1.40 writes to %DOWNSTREAM_TRANSPORT_FAILURE_REASON%; follows
envoyproxy/envoy source/common/tls/{context_impl,server_context_impl}.cc.
"""

from __future__ import annotations

from attrs import define, frozen

from ..config.view import View
from ..facts.connection import DownstreamTls, Peer
from ..facts.conversation import ClientCertificate, ClientTls, Conversation
from ..match import strings
from ..match.strings import TextTest
from ..place import Place
from ..reasons import Reason, because
from .first_bytes import WAITING, begins_with_tls, first_text, tls_in
from .matchers import compile_string_matcher
from .unmodelled import unmodelled_fields

_ERROR = "TLS_error:|{}:SSL_routines:OPENSSL_internal:{}:TLS_error_end"
HTTP_REQUEST = _ERROR.format(268435612, "HTTP_REQUEST")
PROXY_REQUEST = _ERROR.format(268435611, "HTTPS_PROXY_REQUEST")
WRONG_VERSION = _ERROR.format(268435703, "WRONG_VERSION_NUMBER")
NO_CERTIFICATE = _ERROR.format(
    268435648, "PEER_DID_NOT_RETURN_A_CERTIFICATE:peer_did_not_provide_required_client_certificate"
)
NOT_TRUSTED = _ERROR.format(268435581, "CERTIFICATE_VERIFY_FAILED:verify_cert_failed")
NOT_NAMED = _ERROR.format(268435581, "CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_matcher")
OWN_REFUSED = _ERROR.format(268436502, "SSLV3_ALERT_CERTIFICATE_UNKNOWN")
"""The client does not accept the certificate of this side."""
_HTTP_METHODS = ("GET ", "POST ", "HEAD ", "PUT ")
"""Plaintext that BoringSSL knows as HTTP; it closes on these without an alert."""


@define(eq=False)
class DownstreamTlsContext:
    """The TLS settings of a filter chain."""

    place: Place
    require_client_certificate: bool
    alpn_protocols: tuple[str, ...]
    verifies_clients: bool
    """A validation context with something to verify against is there, so a certificate is asked for."""
    accepts_untrusted: bool
    names: tuple[tuple[str, TextTest], ...]
    """SAN kind (URI, DNS; "" for either) and what such a name must be; one that fits is enough, () asks for none."""
    certificates: tuple[str, ...]
    """Names of the secrets with the server's certificates."""
    validation_secret: str | None
    tls13: bool
    """Whether TLS 1.3 may be spoken."""
    unmodelled: tuple[Reason, ...]
    """Fields that could refuse a client and are not evaluated."""


@frozen
class Handshake:
    """How the chain's transport socket and the client got on."""

    tls: DownstreamTls | None
    """The result; None when it failed, or when the chain speaks plaintext."""
    failure: str | None = None
    """The cause: plaintext, no-certificate, untrusted-certificate, other-name, own-name, silent; None: it went well."""
    text: str | None = None
    """Envoy's own text for it."""
    alert: bool = False
    """Whether the client gets a TLS alert before the close."""


def shake_hands(context: DownstreamTlsContext, conversation: Conversation) -> Handshake:
    """The handshake of a TLS chain with what the client sends."""
    if not begins_with_tls(conversation) or conversation.tls is None:
        return _plaintext(conversation)
    hello = conversation.tls
    certificate = hello.client_certificate if context.verifies_clients else None
    alpn = negotiated(context.alpn_protocols, hello)
    if certificate is None:
        if context.require_client_certificate and context.verifies_clients:
            return Handshake(None, "no-certificate", NO_CERTIFICATE, alert=True)
        return Handshake(DownstreamTls(alpn, Peer(presented=False, validated=False)))
    validated = certificate.trusted and not certificate.expired
    if not validated and not context.accepts_untrusted:
        return Handshake(None, "untrusted-certificate", NOT_TRUSTED, alert=True)
    if context.names and not _named(context.names, certificate):
        return Handshake(None, "other-name", not_named(certificate), alert=True)
    peer = Peer(True, validated, certificate.uri_sans, certificate.dns_sans, certificate.subject)
    return Handshake(DownstreamTls(alpn, peer))


def not_named(certificate: ClientCertificate) -> str:
    """Envoy's text for a certificate that carries none of the names asked for: it lists those it carries."""
    names = ",_".join(certificate.uri_sans + certificate.dns_sans)
    return NOT_NAMED.replace("_SAN_matcher", f"_SAN_matcher,_certificate_SANs_are_[{names}]")


def _named(names: tuple[tuple[str, TextTest], ...], certificate: ClientCertificate) -> bool:
    sans = {"URI": certificate.uri_sans, "DNS": certificate.dns_sans, "": certificate.uri_sans + certificate.dns_sans}
    return any(test.holds(san) for kind, test in names for san in sans.get(kind, ()))


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


_VERSIONS = ("TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3")
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
_VALIDATION_KNOWN = frozenset(
    {
        "trusted_ca",
        "ca_certificate_provider_instance",
        "system_root_certs",
        "trust_chain_verification",
        "allow_expired_certificate",
        "watched_directory",
        "max_verify_depth",
        "only_verify_leaf_cert_crl",
        "require_signed_certificate_timestamp",
    }
)
_NAME_FIELDS = ("match_typed_subject_alt_names", "match_subject_alt_names", "verify_subject_alt_name")
_VERIFIES = ("trusted_ca", "ca_certificate_provider_instance", "system_root_certs", "custom_validator_config")
_VERIFIES_LEAF = ("verify_certificate_hash", "verify_certificate_spki")


def compile_downstream_tls(view: View) -> DownstreamTlsContext:
    """A DownstreamTlsContext message (or the old inline `tls_context`)."""
    common = view.view("common_tls_context") or View({}, view.place_of("common_tls_context"))
    combined = common.view("combined_validation_context")
    inline = common.view("validation_context")
    secret = common.view("validation_context_sds_secret_config")
    provider = common.one_of(
        ["validation_context_certificate_provider", "validation_context_certificate_provider_instance"]
    )
    if combined is not None:
        inline = combined.view("default_validation_context") or inline
        secret = combined.view("validation_context_sds_secret_config") or secret
    verifies = (
        secret is not None
        or provider is not None
        or (inline is not None and inline.one_of([*_VERIFIES, *_VERIFIES_LEAF]) is not None)
    )
    certificates = tuple(each.text("name", "") for each in common.views("tls_certificate_sds_secret_configs"))
    names, unknown = _names(inline) if inline is not None else ((), ())
    known_validation = _VALIDATION_KNOWN.union(_NAME_FIELDS)
    unmodelled = (
        *unknown,
        *unmodelled_fields(view, _CONTEXT_KNOWN, "DownstreamTlsContext"),
        *unmodelled_fields(common, _COMMON_KNOWN, "CommonTlsContext"),
        *(unmodelled_fields(inline, known_validation, "CertificateValidationContext") if inline is not None else ()),
    )
    return DownstreamTlsContext(
        place=view.place,
        require_client_certificate=view.boolean("require_client_certificate", False),
        alpn_protocols=common.texts("alpn_protocols"),
        verifies_clients=verifies,
        accepts_untrusted=inline is not None
        and inline.enum("trust_chain_verification", ("VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED")) == "ACCEPT_UNTRUSTED",
        names=names,
        certificates=certificates,
        validation_secret=secret.text("name") if secret is not None else None,
        tls13=_maximum(common) in ("TLS_AUTO", "TLSv1_3"),
        unmodelled=unmodelled,
    )


def _maximum(common: View) -> str:
    params = common.view("tls_params")
    return "TLS_AUTO" if params is None else params.enum("tls_maximum_protocol_version", _VERSIONS)


def _names(view: View) -> tuple[tuple[tuple[str, TextTest], ...], tuple[Reason, ...]]:
    """The names a client's certificate may carry, and what of them is not modelled (then none is asked for)."""
    found: list[tuple[str, TextTest]] = [("", strings.exact(name)) for name in view.texts("verify_subject_alt_name")]
    for each in view.views("match_typed_subject_alt_names"):
        kind = each.enum("san_type", ("SAN_TYPE_UNSPECIFIED", "EMAIL", "DNS", "URI", "IP_ADDRESS", "OTHER_NAME"))
        matcher = each.view("matcher")
        test = compile_string_matcher(matcher) if matcher is not None else None
        if test is None or kind not in ("DNS", "URI"):
            return (), _unmodelled_names(view, "match_typed_subject_alt_names")
        found.append((kind, test))
    for each in view.views("match_subject_alt_names"):
        test = compile_string_matcher(each)
        if test is None:
            return (), _unmodelled_names(view, "match_subject_alt_names")
        found.append(("", test))
    return tuple(found), ()


def _unmodelled_names(view: View, field: str) -> tuple[Reason, ...]:
    place = view.place_of(field)
    return (because("config.field-not-modelled", place, field=field, resource="CertificateValidationContext"),)
