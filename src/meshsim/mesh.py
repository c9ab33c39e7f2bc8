"""Who owns which address, which network namespace, which proxy; and the one place of a call's defaults.

`netfilter`, `envoy` and `istio` meet here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from .config.host_facts import HostFacts
from .envoy.proxy import Proxy
from .netfilter.netns import Netns
from .reasons import Reason


@define(eq=False)
class Pod:
    """One host of the mesh: a pod, or a machine with a proxy of its own."""

    name: str
    addresses: tuple[int, ...]
    """The first is the primary one."""
    netns: Netns
    proxy: Proxy | None = None
    facts: HostFacts | None = None
    assumptions: tuple[Reason, ...] = ()
    """Assumed about this pod whenever a packet walks through it (such as the default rules)."""
    names: Mapping[str, tuple[int, ...]] = field(factory=dict)
    """Name resolution as this pod sees it."""
    proxy_uid: int = 1337
    proxy_gid: int = 1337

    @property
    def sockets_stated(self) -> bool:
        """Whether somebody said which sockets exist; otherwise an application is assumed where it is called."""
        return self.facts is not None and bool(self.facts.sockets)


@define(eq=False)
class Mesh:
    """Everything a walk can ask; immutable once built (compiled objects fill their caches)."""

    pods: tuple[Pod, ...]
    stages: Mapping[type, Any]
    """State type -> Stage; handed in, so that this floor does not know the stages."""
    max_moves: int = 400
    demo: bool = False
    _owners: dict[int, Pod] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        for pod in self.pods:
            for address in pod.addresses:
                self._owners.setdefault(address, pod)

    def owner(self, address: int) -> Pod | None:
        return self._owners.get(address)

    def pod(self, name: str) -> Pod | None:
        return next((pod for pod in self.pods if pod.name == name), None)
