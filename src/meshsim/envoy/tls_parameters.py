"""What two sides of a TLS handshake must share before either looks at a certificate: version, cipher suite, curve.

Follows envoyproxy/envoy source/common/tls/context_config_impl.cc for the defaults; which fault wins is BoringSSL's
order (ssl/handshake_server.cc), seen on Envoy 1.40.
"""

from __future__ import annotations

from attrs import frozen

from ..config.view import View
from ..errors import Rejected
from ..reasons import Reason
from .tls_versions import TLS_1_2, TLS_1_3, Versions, compile_versions
from .unmodelled import unmodelled_fields

RSA = "RSA"
_DEFAULT_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_LEGACY_CIPHERS = (
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
)
"""The only ones that TLS before 1.2 knows."""
_OTHER_CIPHERS = ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256", "AES128-GCM-SHA256", "AES256-GCM-SHA384")
_CIPHERS = frozenset((*_DEFAULT_CIPHERS, *_LEGACY_CIPHERS, *_OTHER_CIPHERS))
_PSK_CIPHERS = (
    "PSK-AES128-CBC-SHA",
    "PSK-AES256-CBC-SHA",
    "ECDHE-PSK-AES128-CBC-SHA",
    "ECDHE-PSK-AES256-CBC-SHA",
    "ECDHE-PSK-CHACHA20-POLY1305",
)
_RULE_WORDS = (
    *("ALL", "DEFAULT", "HIGH", "FIPS", "@STRENGTH", "SSLv3", "TLSv1", "TLSv1.2", "SHA", "SHA1", "3DES"),
    *("AES", "AES128", "AES256", "AESGCM", "CHACHA20", "RSA", "kRSA", "aRSA", "PSK", "kPSK", "aPSK"),
    *("ECDHE", "EECDH", "kECDHE", "kEECDH", "ECDSA", "aECDSA"),
)
"""What BoringSSL's rules (`ALL:!RSA`, `ECDHE+AESGCM`) are made of (google/boringssl ssl/ssl_cipher.cc)."""
_KNOWN_WORDS = _CIPHERS.union(_PSK_CIPHERS, _RULE_WORDS)
_CURVES = {
    "P-256": "P-256",
    "prime256v1": "P-256",
    "P-384": "P-384",
    "secp384r1": "P-384",
    "P-521": "P-521",
    "secp521r1": "P-521",
    "X25519": "X25519",
    "x25519": "X25519",
    "X25519MLKEM768": "X25519MLKEM768",
    "MLKEM1024": "MLKEM1024",
}
_DEFAULT_CURVES = frozenset(("X25519MLKEM768", "X25519", "P-256"))
_OF_1_3_ALONE = frozenset(("X25519MLKEM768", "MLKEM1024"))
_KEYS = (RSA, "P-256")
"""What a server's key may be where nothing shows it."""
_PARAMS_KNOWN = frozenset(
    ("tls_minimum_protocol_version", "tls_maximum_protocol_version", "cipher_suites", "ecdh_curves")
)


@frozen
class Parameters:
    """What one side speaks. Ciphers and curves of None: whatever the other side wants, as far as anybody said."""

    versions: Versions
    ciphers: frozenset[str] | None = frozenset(_DEFAULT_CIPHERS)
    """Of TLS 1.2 and before; those of 1.3 are nobody's choice."""
    curves: frozenset[str] | None = _DEFAULT_CURVES

    @property
    def own_fault(self) -> str | None:
        """Why this side as a client sends no ClientHello at all: no-version or no-cipher; None: it sends one."""
        if self.versions.lowest > self.versions.highest:
            return "no-version"
        if self.ciphers is None or self.versions.highest > TLS_1_2:
            return None
        return None if any(map(self._fits_version, self.ciphers)) else "no-cipher"

    def _fits_version(self, cipher: str) -> bool:
        return self.versions.highest >= TLS_1_2 or cipher in _LEGACY_CIPHERS


def parting(client: Parameters, server: Parameters, key: str | None) -> tuple[str | None, bool]:
    """Why the two have nothing in common, and whether that hangs on a key that nobody shows.

    The fault: no-version (the server speaks none itself), other-version, other-curve, no-shared-curve,
    no-shared-cipher, low-version (the client notices that the server answers with one below its lowest); None: they
    go on. `key` is the server's: RSA, or the curve of an ECDSA key; None: not known, and
    where only one kind would do it is taken to be that one.
    """
    faults = [_fault(client, server, each) for each in (_KEYS if key is None else (key,))]
    return (None, True) if None in faults and any(faults) else (faults[0], False)


def _fault(client: Parameters, server: Parameters, key: str) -> str | None:
    if server.versions.lowest > server.versions.highest:
        return "no-version"
    version = _answered(client.versions, server.versions)
    if version is None:
        return "other-version"
    shared = _shared(client.curves, server.curves)
    if version == TLS_1_3:
        return "no-shared-curve" if shared == frozenset() else None
    if key != RSA and client.curves is not None and key not in client.curves:
        return "other-curve"
    ciphers = _shared(client.ciphers, server.ciphers)
    agree_on_keys = shared is None or bool(shared - _OF_1_3_ALONE)
    if ciphers is not None and not any(_serves(each, version, key, agree_on_keys) for each in ciphers):
        return "no-shared-cipher"
    return "low-version" if version < client.versions.lowest else None


def _answered(client: Versions, server: Versions) -> int | None:
    """The version that the server answers with; a client of 1.2 and before names its highest alone (RFC 5246)."""
    lowest = 0 if client.highest < TLS_1_3 else client.lowest
    return server.spoken_with(Versions(lowest, client.highest))


def _serves(cipher: str, version: int, key: str, agree_on_keys: bool) -> bool:
    """Whether a server with that key can use it."""
    if version < TLS_1_2 and cipher not in _LEGACY_CIPHERS:
        return False
    if cipher.startswith("ECDHE-") and not agree_on_keys:
        return False
    return ("-ECDSA-" in cipher) == (key != RSA)


def _shared(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def compile_parameters(common: View | None, versions: Versions) -> tuple[Parameters, tuple[Reason, ...]]:
    """`tls_params` of a CommonTlsContext, and what of them is not evaluated. Rejected: names that Envoy refuses."""
    params = common.view("tls_params") if common is not None else None
    if params is None:
        return Parameters(versions), ()
    known = _PARAMS_KNOWN
    made: dict[str, frozenset[str] | None] = {}
    for field, compile_names in (("cipher_suites", _ciphers), ("ecdh_curves", _curves)):
        try:
            made[field] = compile_names(params)
        except Rejected:
            if common is None or not secrets_of(common):
                raise
            # envoy: no context is made before its secrets are there, and then it is the secrets that are refused.
            known, made[field] = known - {field}, None
    unmodelled = unmodelled_fields(params, known, "TlsParameters")
    return Parameters(compile_versions(common, versions), made["cipher_suites"], made["ecdh_curves"]), unmodelled


def secrets_of(common: View) -> tuple[str, ...]:
    """The names of the secrets without which Envoy makes no context."""
    views = list(common.views("tls_certificate_sds_secret_configs"))
    combined = common.view("combined_validation_context")
    for holder in (common, combined):
        config = holder.view("validation_context_sds_secret_config") if holder is not None else None
        if config is not None:
            views.append(config)
    return tuple(view.text("name", "") for view in views)


def stated_ciphers(names: tuple[str, ...]) -> frozenset[str]:
    """Those of a list that are known by name; others are nobody's here."""
    return frozenset(_plain(name) for name in names) & _CIPHERS


def stated_curves(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_CURVES[name] for name in names if name in _CURVES)


def _ciphers(params: View) -> frozenset[str] | None:
    """None: a rule of BoringSSL's own language (`ALL:!RSA`) stands among them."""
    written = _entries(params, "cipher_suites", "[]|:")
    if not written:
        return frozenset(_DEFAULT_CIPHERS)
    names = [_plain(name) for name in written]
    if all(name in _CIPHERS for name in names):
        return frozenset(names)
    for name in written:
        if not all(_plain(word) in _KNOWN_WORDS for word in name.lstrip("!+-").split("+")):
            raise Rejected(
                "unknown-cipher-suite",
                f"{name} is no cipher suite that can be chosen",
                place=params.place_of("cipher_suites"),
                hint="of " + ", ".join(sorted(_CIPHERS)) + "; those of TLS 1.3 are always on",
            )
    return None


def _plain(name: str) -> str:
    """OpenSSL's name of a suite that may be written as IANA does."""
    if not name.startswith("TLS_"):
        return name
    words = name.removeprefix("TLS_").replace("_WITH_", "_").replace("AES_", "AES").replace("_CBC", "")
    plain = words.replace("_", "-").removeprefix("RSA-").replace("POLY1305-SHA256", "POLY1305")
    return plain if not name.startswith(("TLS_AES", "TLS_CHACHA20")) else name.replace("_", "-")


def _curves(params: View) -> frozenset[str]:
    written = _entries(params, "ecdh_curves", ":")
    if not written:
        return _DEFAULT_CURVES
    for name in written:
        if name not in _CURVES:
            raise Rejected(
                "unknown-curve",
                f"{name} is no curve that Envoy knows",
                place=params.place_of("ecdh_curves"),
                hint="of " + ", ".join(sorted(set(_CURVES.values()))) + "; Envoy refuses this one too",
            )
    return stated_curves(tuple(written))


def _entries(params: View, field: str, separators: str) -> list[str]:
    text = ":".join(params.texts(field))
    for each in separators:
        text = text.replace(each, " ")
    return text.split()
