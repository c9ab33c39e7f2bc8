"""What a TLS side asks of the other side's certificate, the same in both directions.

Follows envoyproxy/envoy source/common/tls/cert_validator/{default_validator,san_matcher}.cc and
source/common/tls/utility.cc (dnsNameMatch).
"""

from __future__ import annotations

from attrs import define, evolve, frozen

from ..config.view import View
from ..facts.conversation import ClientCertificate
from ..match import strings
from ..match.strings import TextTest
from ..reasons import Reason, because
from .matchers import compile_string_matcher
from .unmodelled import unmodelled_fields

_KNOWN = frozenset(
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
        "match_typed_subject_alt_names",
        "match_subject_alt_names",
        "verify_subject_alt_name",
    }
)
_AUTHORITIES = ("trusted_ca", "ca_certificate_provider_instance", "system_root_certs", "custom_validator_config")
_PINS = ("verify_certificate_hash", "verify_certificate_spki")
_KINDS = ("SAN_TYPE_UNSPECIFIED", "EMAIL", "DNS", "URI", "IP_ADDRESS", "OTHER_NAME")
_CHECK_LEAF = ("match_typed_subject_alt_names", "match_subject_alt_names", "verify_subject_alt_name", *_PINS)


@frozen
class NameMatch:
    """One entry of the list of names, of which one must fit."""

    kind: str
    """URI, DNS, another kind; "" for any."""
    test: TextTest
    exact: str | None = None
    """An exact name, which a wildcard in a DNS name of the certificate may stand for."""

    def fits(self, certificate: ClientCertificate) -> bool:
        if self.kind in ("", "URI") and any(map(self.test.holds, certificate.uri_sans)):
            return True
        if self.kind not in ("", "DNS"):
            return False
        if self.exact is not None:
            return any(is_dns_name(self.exact, name) for name in certificate.dns_sans)
        return any(map(self.test.holds, certificate.dns_sans))


@define(eq=False)
class PeerValidation:
    """A CertificateValidationContext, inline, from a secret, or both."""

    verifies: bool = False
    """Whether a certificate is asked for and looked at, at all."""
    demands: bool = False
    """A list of names or of pinned certificates: without a certificate there is nothing that could fit."""
    accepts_untrusted: bool = False
    accepts_expired: bool = False
    names: tuple[NameMatch, ...] = ()
    """() asks for none."""
    unmodelled: tuple[Reason, ...] = ()
    """Fields that could refuse a certificate and are not evaluated."""

    def fault(self, certificate: ClientCertificate) -> str | None:
        """untrusted-certificate, expired-certificate or other-name, in the order of the checks; None: it is taken."""
        if not self.verifies or self.accepts_untrusted:
            return None
        if not certificate.trusted:
            return "untrusted-certificate"
        if certificate.expired and not self.accepts_expired:
            return "expired-certificate"
        if self.names and certificate.names_known and not any(each.fits(certificate) for each in self.names):
            return "other-name"
        return None

    def validated(self, certificate: ClientCertificate) -> bool:
        """Whether a certificate that was taken also stood every check."""
        return self.verifies and certificate.trusted and (self.accepts_expired or not certificate.expired)


def named(validation: PeerValidation, name: str) -> PeerValidation:
    """The same with one name in place of its list."""
    return evolve(validation, names=(NameMatch("", strings.exact(name), name),))


def is_dns_name(name: str, pattern: str) -> bool:
    """Whether a certificate for `pattern`, whose first label may hold a star, is one for `name`."""
    name, pattern = name.lower(), pattern.lower()
    if name == pattern:
        return True
    label, _, parent = name.partition(".")
    wild, _, wild_parent = pattern.partition(".")
    if not parent or parent != wild_parent or wild.count("*") != 1 or wild.startswith("xn--"):
        return False
    before, _, after = wild.partition("*")
    return len(label) >= len(wild) and label.startswith(before) and label.endswith(after)


def compile_peer_validation(common: View | None) -> PeerValidation:
    """Of a CommonTlsContext; what a secret or a provider holds is taken to be an authority."""
    if common is None:
        return PeerValidation()
    combined = common.view("combined_validation_context")
    inline = common.view("validation_context")
    elsewhere = common.one_of(
        [
            "validation_context_sds_secret_config",
            "validation_context_certificate_provider",
            "validation_context_certificate_provider_instance",
        ]
    )
    if combined is not None:
        inline = combined.view("default_validation_context") or inline
        elsewhere = combined.one_of(["validation_context_sds_secret_config"]) or elsewhere
    if inline is None:
        return PeerValidation(verifies=elsewhere is not None)
    names, unknown = _names(inline)
    untrusted = inline.enum("trust_chain_verification", ("VERIFY_TRUST_CHAIN", "ACCEPT_UNTRUSTED"))
    accepts_untrusted = untrusted == "ACCEPT_UNTRUSTED"
    return PeerValidation(
        verifies=elsewhere is not None or accepts_untrusted or inline.one_of([*_AUTHORITIES, *_CHECK_LEAF]) is not None,
        demands=not accepts_untrusted and any(inline.has(name) for name in _CHECK_LEAF),
        accepts_untrusted=accepts_untrusted,
        accepts_expired=inline.boolean("allow_expired_certificate", False),
        names=names,
        unmodelled=(*unknown, *unmodelled_fields(inline, _KNOWN, "CertificateValidationContext")),
    )


def _names(view: View) -> tuple[tuple[NameMatch, ...], tuple[Reason, ...]]:
    """The names a certificate may carry, and what of them is not modelled (then none is asked for)."""
    found = [NameMatch("", strings.exact(name), name) for name in view.texts("verify_subject_alt_name")]
    typed = [(each.enum("san_type", _KINDS), each.view("matcher")) for each in _typed(view)]
    untyped = [("", each) for each in view.views("match_subject_alt_names")]
    for kind, matcher in (*typed, *untyped):
        test = compile_string_matcher(matcher) if matcher is not None else None
        if matcher is None or test is None:
            field = "match_typed_subject_alt_names" if kind else "match_subject_alt_names"
            facts = {"field": field, "resource": "CertificateValidationContext"}
            return (), (because("config.field-not-modelled", view.place_of(field), **facts),)
        exact = matcher.text("exact", "") if matcher.has("exact") else None
        found.append(NameMatch(kind, test, exact))
    return tuple(found), ()


def _typed(view: View) -> tuple[View, ...]:
    return tuple(view.views("match_typed_subject_alt_names"))
