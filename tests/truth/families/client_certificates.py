"""x-forwarded-client-cert: every mode, every detail, in text and JSON, with certificates of every kind."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.truth.families import _shapes
from tests.truth.families._managers import TABLE, UPSTREAM, call, chain, cluster, dump, listener, manager
from tests.truth.setting import Setting

Options = Mapping[str, Any]
FIRST_PORT = 9000
OWN_CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBvjCCAWSgAwIBAgIUayNWE1FOV5ipAiJcfMksf16EpYEwCgYIKoZIzj0EAwIw
FzEVMBMGA1UECgwMbWVzaHNpbSB0ZXN0MCAXDTI2MTEyMzA0MDg1NFoYDzIxMjYx
MDMwMDQwODU0WjAXMRUwEwYDVQQKDAxtZXNoc2ltIHRlc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAQkgrG6rODTMcgisuD2JuLkJQ40HS3FdWLAk44AkUIHf0jj
FnU3OZTXW1hDqZMND7/vC8XKZt8h3E82whAlzctmo4GLMIGIMB0GA1UdDgQWBBQt
wUOdjdfpe8S7HhGRuBsa4A0rGTAfBgNVHSMEGDAWgBQtwUOdjdfpe8S7HhGRuBsa
4A0rGTAPBgNVHRMBAf8EBTADAQH/MDUGA1UdEQQuMCyGKnNwaWZmZTovL2NsdXN0
ZXIubG9jYWwvbnMvZGVmYXVsdC9zYS9zbGVlcDAKBggqhkjOPQQDAgNIADBFAiEA
9XIkdE7FCvTC4jKogI2yiY7BWCFq2w9YxAl6INaqMOECIF3addJE4bgage3ooJGH
tR8kfRYbszL2Y+aL50G2kABi
-----END CERTIFICATE-----
"""
"""Made for this family; it holds the name that the proxy under observation presents."""
SECRETS = {
    "@type": f"{_shapes.ADMIN}SecretsConfigDump",
    "dynamic_active_secrets": [
        {
            "name": "default",
            "secret": {
                "name": "default",
                "tls_certificate": {"certificate_chain": {"inline_string": OWN_CERTIFICATE}},
            },
        }
    ],
}
CERTIFICATES: tuple[Any, ...] = (
    "spiffe://td/ns/a/sa/b",
    {"uri_sans": ["spiffe://a", "spiffe://b"], "dns_sans": ["a.test", "b.test"], "subject": "CN=cli,O=Org"},
    {"dns_sans": ["a.test"], "subject": "CN=a"},
    {},
    {"uri_sans": ["spiffe://x"], "trusted": False},
    None,
)
OLD = (
    "By=x;Hash=y",
    'By=spiffe://a;Hash=z;Subject="";URI=spiffe://b,By=c',
    '[{"by":["x"],"hash":"y"}]',
    "",
    ["By=1", "By=2"],
)
NAMES = {"subject": True, "dns": True, "uri": True}
_DETAILS: tuple[Options | None, ...] = (
    None,
    {"subject": True},
    {"dns": True},
    {"uri": True},
    NAMES,
    {"cert": True, "uri": True},
    {"chain": True, "cert": True},
    {**NAMES, "issuer": True, "cert": True},
    {"format": "JSON"},
    {**NAMES, "format": "JSON"},
    {**NAMES, "format": "JSON", "issuer": True, "cert": True, "chain": True},
)
_MODES = ("SANITIZE", "FORWARD_ONLY", "ALWAYS_FORWARD_ONLY")


def _of(mode: str, details: Options | None = None) -> Options:
    made: dict[str, Any] = {"forward_client_cert_details": mode}
    return made if details is None else {**made, "set_current_client_cert_details": dict(details)}


OPTIONS: tuple[Options, ...] = (
    *(_of(mode, NAMES) for mode in _MODES),
    *(_of("SANITIZE_SET", details) for details in _DETAILS),
    *(_of("APPEND_FORWARD", details) for details in (None, NAMES, _DETAILS[-1])),
)
ROUTES = {
    "name": "by certificate",
    "virtual_hosts": [
        {
            "name": "v",
            "domains": ["*"],
            "routes": [
                {
                    "name": "of a",
                    "match": {
                        "prefix": "/",
                        "headers": [
                            {
                                "name": "x-forwarded-client-cert",
                                "string_match": {"contains": "spiffe://td/ns/a/"},
                            }
                        ],
                    },
                    "route": {"cluster": "up"},
                },
                *TABLE["virtual_hosts"][0]["routes"],
            ],
        }
    ],
}


def tls_socket() -> dict[str, Any]:
    made = _shapes.tls_socket(certificate="asked", alpn=("h2", "http/1.1"))
    common = made["typed_config"]["common_tls_context"]
    common["combined_validation_context"] = {
        "default_validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"},
        "validation_context_sds_secret_config": common.pop("validation_context_sds_secret_config"),
    }
    return made


def settings() -> Iterator[Setting]:
    listeners, calls = [], []
    draw = random.Random("client certificates")
    for port, options in enumerate(OPTIONS, FIRST_PORT):
        made = manager(route_config=ROUTES, delayed_close_timeout="0.05s", **options)
        entry = listener(port, made)
        entry["listener_filters"] = [_shapes.filter_of("listener", "tls_inspector.v3.TlsInspector")]
        entry["filter_chains"] = [{**chain(made), "transport_socket": tls_socket()}]
        listeners.append(entry)
        for certificate in CERTIFICATES:
            for old in (None, draw.choice(OLD), draw.choice(OLD)):
                alpn = draw.choice(("h2", "http/1.1"))
                tls = {"sni": "a.test", "alpn": [alpn], "client_certificate": certificate}
                protocol = "http2" if alpn == "h2" else "http"
                headers = {} if old is None else {"x-forwarded-client-cert": old}
                calls.append(call(port, tls=tls, headers=headers, protocol=protocol))
    plain = FIRST_PORT + len(OPTIONS)
    for port, options in enumerate(OPTIONS[::4], plain):
        listeners.append(listener(port, manager(route_config=ROUTES, **options)))
        calls += [call(port, headers={"x-forwarded-client-cert": old}) for old in OLD]
    whole = dump(listeners, [cluster("up")])
    yield Setting(
        name="client certificates",
        dump={"configs": [*whole["configs"], SECRETS]},
        calls=calls,
        configurations=len(listeners),
        world=[UPSTREAM],
    )
