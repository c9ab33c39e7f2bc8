"""Filter chain matches nobody wrote: overlapping criteria, and connections that fall between them."""

from collections.abc import Iterator

from tests.realism import random_chains
from tests.realism.upstreams import ServerTls, Upstream
from tests.truth.setting import REDIRECTED, Setting

PORTS = (80, 443, 9000)
TLS = ServerTls(dns_sans=("a.test",), alpn=("http/1.1",), client_certificate="none")


def settings() -> Iterator[Setting]:
    sockets = [Upstream(f"0.0.0.0:{port}", "auto", name="any", tls=TLS) for port in PORTS]
    for seed in range(100, 110):
        calls = random_chains.calls(seed, 60)
        yield Setting(
            name=f"drawn from {seed}",
            dump=random_chains.dump(seed),
            calls=calls,
            rules=REDIRECTED,
            world=sockets,
            pod_sockets=sockets,
        )
