"""Listeners nobody wrote: owners of an address, listener filters, overlapping chains and matcher trees."""

from collections.abc import Iterator

from tests.realism import random_listeners
from tests.realism.upstreams import ServerTls, Upstream
from tests.truth.setting import REDIRECTED, Setting

PORTS = random_listeners.PORTS
TLS = ServerTls(dns_sans=("a.test",), alpn=("http/1.1",), client_certificate="none")
SETTINGS, PROBES = 8, 200
MARKS = (
    "hand-off by original destination",
    "additional_addresses",
    "filter_disabled",
    "filter_chain_match",
    "filter_chain_matcher",
    "proxy_protocol",
    "listener_filters_timeout",
)


def settings() -> Iterator[Setting]:
    sockets = [Upstream(f"0.0.0.0:{port}", "auto", name="any", tls=TLS) for port in PORTS]
    for seed in range(200, 200 + SETTINGS):
        dump = random_listeners.dump(seed)
        yield Setting(
            name=f"drawn from {seed}",
            dump=dump,
            calls=random_listeners.calls(seed, PROBES),
            rules=REDIRECTED,
            configurations=len(random_listeners.listeners_of(dump)),
            world=sockets,
            pod_sockets=sockets,
            marks=MARKS,
        )
