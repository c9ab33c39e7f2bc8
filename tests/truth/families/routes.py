"""Route tables nobody wrote: virtual hosts and routes that overlap, requests that nearly match."""

from collections.abc import Iterator

from tests.realism import random_routes
from tests.realism.upstreams import Upstream
from tests.truth.setting import Setting

PORTS = (80, 443, 9000)


def settings() -> Iterator[Setting]:
    sockets = [Upstream(f"0.0.0.0:{port}", "auto", name="any") for port in PORTS]
    for seed in range(100, 104):
        yield Setting(
            name=f"drawn from {seed}",
            dump=random_routes.dump(seed),
            calls=random_routes.calls(seed),
            rules=random_routes.RULES,
            world=sockets,
            pod_sockets=sockets,
        )
