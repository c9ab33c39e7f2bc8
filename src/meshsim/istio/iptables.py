"""The packet rules istio-iptables writes, as the text iptables-save prints afterwards. Text only, nothing compiled."""

from __future__ import annotations

PROXY_ID = 1337
"""User and group of the proxy."""
OUTBOUND_PORT = 15001
INBOUND_PORT = 15006
TUNNEL_PORT = 15008
METRICS_PORT = 15090
HEALTH_PORT = 15021
STATUS_PORT = 15020
INBOUND_SOURCE = "127.0.0.6/32"
"""The address Envoy's inbound upstream connections come from."""
LOOPBACK = "127.0.0.1/32"

_NAT_CHAINS = ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")
_ISTIO_CHAINS = ("ISTIO_INBOUND", "ISTIO_IN_REDIRECT", "ISTIO_OUTPUT", "ISTIO_REDIRECT")


def default_sidecar_rules() -> str:
    """The nat table of a sidecar pod in REDIRECT mode with default flags (istio/istio since 1.25, IPv4)."""
    return "\n".join(
        (
            "*nat",
            *(f":{chain} ACCEPT [0:0]" for chain in _NAT_CHAINS),
            *(f":{chain} - [0:0]" for chain in _ISTIO_CHAINS),
            "-A PREROUTING -p tcp -j ISTIO_INBOUND",
            "-A OUTPUT -j ISTIO_OUTPUT",
            *(
                f"-A ISTIO_INBOUND -p tcp -m tcp --dport {port} -j RETURN"
                for port in (TUNNEL_PORT, METRICS_PORT, HEALTH_PORT, STATUS_PORT)
            ),
            "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT",
            f"-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports {INBOUND_PORT}",
            f"-A ISTIO_OUTPUT -s {INBOUND_SOURCE} -o lo -j RETURN",
            *_owner_rules("uid"),
            *_owner_rules("gid"),
            f"-A ISTIO_OUTPUT -d {LOOPBACK} -j RETURN",
            "-A ISTIO_OUTPUT -j ISTIO_REDIRECT",
            f"-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports {OUTBOUND_PORT}",
            "COMMIT",
            "",
        )
    )


def _owner_rules(kind: str) -> tuple[str, ...]:
    """The proxy's calls to this very pod go through its inbound side; others over lo, and the proxy's own, go free."""
    owner = f"--{kind}-owner {PROXY_ID}"
    return (
        f"-A ISTIO_OUTPUT ! -d {LOOPBACK} -o lo -p tcp -m tcp ! --dport {TUNNEL_PORT} "
        f"-m owner {owner} -j ISTIO_IN_REDIRECT",
        f"-A ISTIO_OUTPUT -o lo -m owner ! {owner} -j RETURN",
        f"-A ISTIO_OUTPUT -m owner {owner} -j RETURN",
    )
