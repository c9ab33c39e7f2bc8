"""A connection's first packet, as the kernel's rules see it."""

from __future__ import annotations

from attrs import frozen

from ..address import format_endpoint


@frozen
class Packet:
    """Addresses are ints (meshsim.address); owner fields are None for a packet that no local socket sent."""

    protocol: str
    """tcp or udp."""
    source: int
    source_port: int
    destination: int
    destination_port: int
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    mark: int = 0
    interface: str | None = None
    """Where it arrived; None for a packet made here whose way out the route decides."""
    transparent: bool = False
    """Whether the sending socket is IP_TRANSPARENT."""

    def source_text(self) -> str:
        return format_endpoint(self.source, self.source_port)

    def destination_text(self) -> str:
        return format_endpoint(self.destination, self.destination_port)
