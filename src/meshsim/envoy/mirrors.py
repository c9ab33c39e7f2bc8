"""Copies of a request: which clusters get one, how often, and under which host. Their answers are thrown away.

envoyproxy/envoy source/common/router/router.cc (shouldShadow) and source/common/router/shadow_writer_impl.cc.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from ..config.view import View
from ..facts.request import Request
from .hosts import port_start
from .runtime import Runtime, RuntimeFraction, compile_runtime_fraction


@frozen(eq=False)
class MirrorPolicy:
    cluster: str
    cluster_header: str
    """Names the cluster where `cluster` is empty."""
    fraction: RuntimeFraction | None
    """None: every request."""
    host: str
    """host_rewrite_literal; empty: the request's own."""
    suffix: bool
    """Whether the request's own host is marked as a copy's."""


@frozen
class Mirror:
    """One copy of one request."""

    cluster: str
    numerator: int
    denominator: int
    authority: str

    def text(self) -> str:
        share = "" if self.numerator >= self.denominator else f", {self.numerator} of {self.denominator} requests"
        return f"{self.cluster} (as {self.authority}{share})"


def compile_mirrors(view: View) -> tuple[MirrorPolicy, ...]:
    """request_mirror_policies of a route action, virtual host or route configuration."""
    old = view.view("request_mirror_policy")
    return tuple(_policy(each) for each in (*view.views("request_mirror_policies"), *((old,) if old else ())))


def _policy(view: View) -> MirrorPolicy:
    fraction = view.view("runtime_fraction")
    return MirrorPolicy(
        cluster=view.text("cluster", ""),
        cluster_header=view.text("cluster_header", "").lower(),
        fraction=compile_runtime_fraction(fraction) if fraction is not None else None,
        host=view.text("host_rewrite_literal", ""),
        suffix=not view.boolean("disable_shadow_host_suffix_append", False),
    )


def mirrors_of(policies: Sequence[MirrorPolicy], sent: Request, runtime: Runtime) -> Iterator[Mirror]:
    """Of a request as it leaves; a policy of no share, or whose header is missing, sends nothing."""
    for policy in policies:
        numerator, denominator = policy.fraction.of(runtime) if policy.fraction is not None else (1, 1)
        values = sent.values(policy.cluster_header) if policy.cluster_header else ()
        cluster = policy.cluster or (values[0] if values else "")
        if cluster and numerator:
            own = sent.authority or ""
            host = policy.host or (shadowed(own) if policy.suffix else own)
            yield Mirror(cluster, min(numerator, denominator), denominator, host)


def shadowed(host: str) -> str:
    """`a.test:80` -> `a.test-shadow:80`."""
    start = port_start(host)
    return f"{host}-shadow" if start is None else f"{host[:start]}-shadow{host[start:]}"
