"""Certificates as a dump shows them, in public: made once, for names and kinds of keys, and trusted by nobody.

Where the real Envoy is asked, each is replaced by one of the same names and kind that the test authority signs.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen


@frozen
class Shown:
    """One certificate: what the dump has of it, and what its twin is made from."""

    pem: str
    leaf: Mapping[str, Any]


ECDSA = Shown(
    """\
-----BEGIN CERTIFICATE-----
MIIBqDCCAU+gAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQKDAxtZXNoc2lt
IHRlc3QwHhcNMjYxMTIzMDM0NzE0WhcNMzYxMTIwMDM0NzE0WjAXMRUwEwYDVQQK
DAxtZXNoc2ltIHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ72njqvx1u
IQgw2QdHGUw88Ed8h4taWW42Q9CU5e2josIaXOmSnDJCs5iU1v/B8WJZCG7nF3gv
XBF/X9Tmb6Qio4GLMIGIMB0GA1UdDgQWBBSSAW6rHC+ZfkyBuMX31L6AK3d0pjAf
BgNVHSMEGDAWgBSSAW6rHC+ZfkyBuMX31L6AK3d0pjAPBgNVHRMBAf8EBTADAQH/
MDUGA1UdEQQuMCyGKnNwaWZmZTovL2NsdXN0ZXIubG9jYWwvbnMvZGVmYXVsdC9z
YS9zbGVlcDAKBggqhkjOPQQDAgNHADBEAiBOBC259PVzRYDfM1KR3PQNNoE/7tDt
0pDdAetAuHKL+AIgDvdz2lvitFaUJ1VOQc431DLCtDlCQxz1sZSwckMx0xg=
-----END CERTIFICATE-----
""",
    {"uri_sans": ["spiffe://cluster.local/ns/default/sa/sleep"]},
)
TWO_NAMES = Shown(
    """\
-----BEGIN CERTIFICATE-----
MIIBjDCCATGgAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQKDAxtZXNoc2lt
IHRlc3QwHhcNMjYxMTIzMDM0NzE0WhcNMzYxMTIwMDM0NzE0WjAXMRUwEwYDVQQK
DAxtZXNoc2ltIHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASZacVoeebo
B4YYcBYRes6NMJuxGPa85iq9Hci7xoVgMjd0scBJDIE5zXHAVTSm202uE73JF9Ba
/nNNp0s8qCB5o24wbDAdBgNVHQ4EFgQUHe0ja9fRMUO3l6i7uxxgZOTU804wHwYD
VR0jBBgwFoAUHe0ja9fRMUO3l6i7uxxgZOTU804wDwYDVR0TAQH/BAUwAwEB/zAZ
BgNVHREEEjAQggZhLnRlc3SCBmIudGVzdDAKBggqhkjOPQQDAgNJADBGAiEAk2uG
Mx4+I6q6ukX8fj/66KAuzqMhqDVW+NYeuqrvsdwCIQCGVWQujb8tNhyz64BNevaK
vg7hxh9dk9oxn4JPkL42xA==
-----END CERTIFICATE-----
""",
    {"dns_sans": ["a.test", "b.test"]},
)
STAR = Shown(
    """\
-----BEGIN CERTIFICATE-----
MIIBhDCCASmgAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQKDAxtZXNoc2lt
IHRlc3QwHhcNMjYxMTIzMDM0NzE0WhcNMzYxMTIwMDM0NzE0WjAXMRUwEwYDVQQK
DAxtZXNoc2ltIHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ4XlbPiLHh
3SvMexoZEozKKeRCJaxLO4PF7eCaP7cLLhcAOtM06QY00eSIaPV0XRYA0Hl6YJBe
Fn0szkFNubfGo2YwZDAdBgNVHQ4EFgQU1yDRtUOUjhOdQCI1Z6dErp9lQvIwHwYD
VR0jBBgwFoAU1yDRtUOUjhOdQCI1Z6dErp9lQvIwDwYDVR0TAQH/BAUwAwEB/zAR
BgNVHREECjAIggYqLnRlc3QwCgYIKoZIzj0EAwIDSQAwRgIhAJxEGf2UEYx8krOT
mY0LmNuAtiJXIOwkF9hF0szuR6SCAiEA9hNNE5wTFMPbXtzVlEXtt2Xxjd+yRE7t
Y5QOJnQo+kc=
-----END CERTIFICATE-----
""",
    {"dns_sans": ["*.test"]},
)
P384 = Shown(
    """\
-----BEGIN CERTIFICATE-----
MIIBwTCCAUagAwIBAgIBATAKBggqhkjOPQQDAjAXMRUwEwYDVQQKDAxtZXNoc2lt
IHRlc3QwHhcNMjYxMTIzMDM0NzE0WhcNMzYxMTIwMDM0NzE0WjAXMRUwEwYDVQQK
DAxtZXNoc2ltIHRlc3QwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAAREh5RbvchuQK/d
w9i2ohoIHBiKRa5XeiY0pDt1KdKoUPS2jWQtZ0/iaUBVbhfli5WMgHZPqJWVCXIs
uKQ+0DLCUW7+eqmQX70+JRk+i2yqOg535RxNOYxUz4jRbT/0HAijZjBkMB0GA1Ud
DgQWBBSmD0ZEOjyFGPXb9av9dsDi4sqAAjAfBgNVHSMEGDAWgBSmD0ZEOjyFGPXb
9av9dsDi4sqAAjAPBgNVHRMBAf8EBTADAQH/MBEGA1UdEQQKMAiCBmMudGVzdDAK
BggqhkjOPQQDAgNpADBmAjEAro/xV/OJskAIzNmnBOu1UEaIpOrk6Bwj7wq0qdVp
Pxr1oYfqwIBmDTe4SNZX+1S6AjEAiQKmwSPECOgaIC6LNI+x+cDJPC3E3cL+GGfG
6j3KaN6fqoCKfw+3o0MG0xBGoDAm
-----END CERTIFICATE-----
""",
    {"dns_sans": ["c.test"], "key": "P-384"},
)
RSA_SAME_NAME = Shown(
    """\
-----BEGIN CERTIFICATE-----
MIICCjCCAXOgAwIBAgIBATANBgkqhkiG9w0BAQsFADAXMRUwEwYDVQQKDAxtZXNo
c2ltIHRlc3QwHhcNMjYxMTIzMDM0NzE0WhcNMzYxMTIwMDM0NzE0WjAXMRUwEwYD
VQQKDAxtZXNoc2ltIHRlc3QwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBANtr
3gZ+yVR8PkyDAIlste7lP/1Q/+JciBPHHnG7ysxauic7M4U/seKwGyEtp3YcjFBk
9PGUfd5+6ys6K61E0Ziw+voBk9A1hfZGeXLMSCQLDNCCvDMF9Qwi4SFQUzy3lcGG
3yiLNSqfYIhPCH3XdYxYtBqb8xw4MOmTi9kWSkHZAgMBAAGjZjBkMB0GA1UdDgQW
BBQLaWDF13s67yk4FmYQpDNDaBJbhDAfBgNVHSMEGDAWgBQLaWDF13s67yk4FmYQ
pDNDaBJbhDAPBgNVHRMBAf8EBTADAQH/MBEGA1UdEQQKMAiCBmEudGVzdDANBgkq
hkiG9w0BAQsFAAOBgQDPGMmSif6LQ+biyxYRWBwplgw6oi3skFvRX2dT5YNgDHnF
rDUPj0PkuuxCy+j3pTNCpxpnk260ozyj6L07wM8/mX86kLJveNUDQo27KavSK9Xb
yCsy8SuJ71Q93AWjGGYGoeF3yGbCuZA1+W6kZ4zrWw3skN64OeBLBicn8HQoHQ==
-----END CERTIFICATE-----
""",
    {"dns_sans": ["a.test"], "key": "RSA"},
)
RSA_DEEP = Shown(
    """\
-----BEGIN CERTIFICATE-----
MIIDHDCCAgSgAwIBAgIBATANBgkqhkiG9w0BAQsFADAXMRUwEwYDVQQKDAxtZXNo
c2ltIHRlc3QwHhcNMjYxMTIzMDM0NzE1WhcNMzYxMTIwMDM0NzE1WjAXMRUwEwYD
VQQKDAxtZXNoc2ltIHRlc3QwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIB
AQCnkwVLGK5UEAdl6DSBhw1XkIPv8OgrUXCmi8N6UBpeY8WC1/2uf0lPteljplC1
i2oOaj1/etkzXIcfdsIZbmYghyj95XiO8TNkLINL8Gd0in1em+881gY+zCPq6v5u
mNGXh3YPuWQM6flPoPAOgRQx2UhzG8TFlH2bnP2BvrfcA2tuUPEp7G+jwJVg3Y/4
r9FNwf+FOAlONDPCznoEhlqjyT+VDcUMMe4jjGlp6Lj6fNgvGhIIE60IOVY8QKSF
9AgRCysZ+oYCo3/+kUlyj9W02GSXoAmD8jkXnQZKzWb+cOkR7RgaRdj6P+7hk+58
3753cmiHTrwNkFdCAn2RaWi3AgMBAAGjczBxMB0GA1UdDgQWBBR7Cu8kTuZPdR0D
dmJlk+mKufTtMDAfBgNVHSMEGDAWgBR7Cu8kTuZPdR0DdmJlk+mKufTtMDAPBgNV
HRMBAf8EBTADAQH/MB4GA1UdEQQXMBWCBmMudGVzdIILKi5kZWVwLnRlc3QwDQYJ
KoZIhvcNAQELBQADggEBADXqjStQ0aF60hCXt4E2gWV228PWRl/6kA44uwuAj6lj
o+GPrrwnJ8PUiDExY4saYfWT6yrP/wK76h4OlKBxtm32TKRfxgepkn9+R405HNR0
PVgJLwdZuhIEiQMDgwf5a7vyKseLfPn77EmcvbUXVvbShGwmLKtPAIaO6z0qLgnl
bcpF+dtbsfC2b5TBKd9R1O9hTsvwtu7b4nSmvUvfNXS3GRYl1eM+K3jiJ/b2BKyw
yp9LaM3p2G3l2C0g2DyvCSEj5cGmAIwy+tcMoj/GHu0TvVavfMSox0e04SlQ5btv
WVxVUEsPNidCbMgXxE4UEY79CCH5C3eXkLLoCbpFPkw=
-----END CERTIFICATE-----
""",
    {"dns_sans": ["c.test", "*.deep.test"], "key": "RSA"},
)


def secrets(default: Shown | None = None, /, **named: Shown) -> dict[str, Any]:
    """A dump's section with these certificates; the first is the secret `default`."""
    held = ({} if default is None else {"default": default}) | named
    active = [
        {
            "name": name,
            "secret": {"name": name, "tls_certificate": {"certificate_chain": {"inline_string": each.pem}}},
        }
        for name, each in held.items()
    ]
    return {"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump", "dynamic_active_secrets": active}
