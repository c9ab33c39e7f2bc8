"""Who owns which address, which network namespace, which proxy; and the one place of a call's defaults.

`netfilter`, `envoy` and `istio` meet here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field

from .address import format_ip, is_v6, make_prefix
from .config.host_facts import HostFacts
from .envoy.proxy import Proxy
from .netfilter.netns import Netns
from .place import Place
from .reasons import Reason, because
from .report import ConfigNote


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
    documents: tuple[str, ...] = ()
    """The names of what it was read from."""
    aliases: tuple[str, ...] = ()
    """Other names it goes by."""
    addresses_stated: bool = True
    """False where no input names an address of this pod; documentation addresses stand in."""

    @property
    def sockets_stated(self) -> bool:
        """Whether somebody said which sockets exist; otherwise an application is assumed where it is called."""
        return self.facts is not None and self.facts.sockets_stated

    def source_address(self, destination: int) -> int:
        """The address the kernel picks for a connection to `destination`: the first of the right family."""
        family = is_v6(destination)
        if destination in self.addresses:
            return destination
        return next((address for address in self.addresses if is_v6(address) is family), self.addresses[0])

    def as_receiver_of(self, destination: int) -> Pod:
        """This pod; where nobody stated its addresses, one that owns `destination`, which is then assumed."""
        if self.addresses_stated or destination in self.addresses:
            return self
        assumed = because("hook.address-assumed", pod=self.name, address=format_ip(destination))
        return evolve(
            self,
            addresses=(destination, *self.addresses),
            netns=self._netns_that_owns(destination),
            assumptions=(*self.assumptions, assumed),
        )

    def _netns_that_owns(self, address: int) -> Netns:
        device = self.netns.addresses.device
        held = ((address, make_prefix(address, 128)[1]), *self.netns.interfaces.get(device, ()))
        return evolve(self.netns, interfaces={**self.netns.interfaces, device: held})

    def arrival_interface(self, destination: int) -> str:
        """The interface on which a packet for that address comes in: the one that holds it, else the first."""
        for device, addresses in self.netns.interfaces.items():
            if device != "lo" and any(address == destination for address, _mask in addresses):
                return device
        return self.netns.addresses.device

    def config_note(self) -> ConfigNote:
        """Which configuration this pod answers from."""
        document = self.proxy.document if self.proxy is not None else None
        return ConfigNote(
            pod=self.name,
            documents=self.documents,
            sections=tuple(sorted(document.sections)) if document is not None else (),
            last_updated=self.proxy.last_updated if self.proxy is not None else None,
            envoy_version=self.proxy.envoy_version if self.proxy is not None else None,
        )


_KEPT_RUNTIMES = 16
"""Meshes of other runtime values that are kept, for calls that state the same ones."""


def _unlocated(place: Place) -> Place:
    return place


@define(eq=False)
class Mesh:
    """Everything a walk can ask; immutable once built (compiled objects fill their caches)."""

    pods: tuple[Pod, ...]
    stages: Mapping[type, Any]
    """State type -> Stage; handed in, so that this floor does not know the stages."""
    max_moves: int = 400
    demo: bool = False
    locate: Callable[[Place], Place] = _unlocated
    """A place with its line number, found on demand in the document's text."""
    _owners: dict[int, Pod] = field(factory=dict, init=False)
    _by_name: dict[str, Pod] = field(factory=dict, init=False)
    _with_runtime: dict[str, Mesh] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        for pod in self.pods:
            self._by_name.setdefault(pod.name, pod)
            for address in pod.addresses:
                self._owners.setdefault(address, pod)

    def with_runtime(self, values: Mapping[str, Any]) -> Mesh:
        """The same mesh, every proxy of which has these runtime values; itself where there are none."""
        if not values:
            return self
        key = repr(sorted(values.items(), key=str))
        made = self._with_runtime.get(key)
        if made is None:
            if len(self._with_runtime) >= _KEPT_RUNTIMES:
                self._with_runtime.clear()
            pods = tuple(
                pod if pod.proxy is None else evolve(pod, proxy=pod.proxy.with_runtime(values)) for pod in self.pods
            )
            made = self._with_runtime[key] = Mesh(pods, self.stages, self.max_moves, self.demo, self.locate)
        return made

    def owner(self, address: int) -> Pod | None:
        return self._owners.get(address)

    def pod(self, name: str) -> Pod | None:
        return self._by_name.get(name)
