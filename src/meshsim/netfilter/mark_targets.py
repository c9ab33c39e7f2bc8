"""The targets that write on a packet or its connection: MARK, CONNMARK, CT, NOTRACK, and TPROXY.

Upstream: linux net/netfilter/xt_mark.c, xt_connmark.c, xt_CT.c, xt_TPROXY.c.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..address import ANY_V4, ANY_V6
from . import values
from .conntrack import Zone, template
from .frame import Frame
from .rules import Target, Verdict

Given = Mapping[str, tuple[str, ...]]
_ALL_BITS = 0xFFFFFFFF


def _value(given: Given, what: str) -> tuple[int, int]:
    """(value, mask): the bits of the mask are cleared, then the value is xored in."""
    if len(given) != 1:
        raise ValueError(f"{what} needs exactly one of --set-xmark, --set-mark, --and-mark, --or-mark, --xor-mark")
    (option, (text,)) = next(iter(given.items()))
    if option in ("--set-xmark", "--set-mark"):
        value, mask = values.mark(text)
        return value, mask | value if option == "--set-mark" else mask
    bits = values.decimal(text, _ALL_BITS)
    return {
        "--and-mark": (0, ~bits & _ALL_BITS),
        "--or-mark": (bits, bits),
        "--xor-mark": (bits, 0),
    }[option]


def set_mark(name: str, given: Given, _v6: bool) -> Target:
    value, mask = _value(given, "MARK")

    def apply(frame: Frame) -> Verdict:
        frame.mark = frame.mark & ~mask ^ value
        return Verdict.CONTINUE

    return Target(name, ("--set-xmark", f"{value:#x}/{mask:#x}"), Verdict.CHANGE, apply)


def set_connection_mark(name: str, given: Given, _v6: bool) -> Target:
    if "--save-mark" in given or "--restore-mark" in given:
        return _copy_mark(name, given)
    value, mask = _value(given, "CONNMARK")

    def apply(frame: Frame) -> Verdict:
        if frame.tracked is not None:
            frame.tracked = frame.tracked.marked(frame.tracked.mark & ~mask ^ value)
        return Verdict.CONTINUE

    return Target(name, ("--set-xmark", f"{value:#x}/{mask:#x}"), Verdict.CHANGE, apply)


def _copy_mark(name: str, given: Given) -> Target:
    save = "--save-mark" in given
    if "--restore-mark" in given and save:
        raise ValueError("CONNMARK either saves or restores")
    masks = {option: values.decimal(text, _ALL_BITS) for option, (text,) in _with_values(given)}
    if not masks.keys() <= {"--mask", "--nfmask", "--ctmask"}:
        raise ValueError("CONNMARK takes only masks beside --save-mark and --restore-mark")
    packets = masks.get("--nfmask", masks.get("--mask", _ALL_BITS))
    connections = masks.get("--ctmask", masks.get("--mask", _ALL_BITS))

    def apply(frame: Frame) -> Verdict:
        tracked = frame.tracked
        if tracked is not None:
            if save:
                frame.tracked = tracked.marked(tracked.mark & ~connections ^ (frame.mark & packets))
            else:
                frame.mark = frame.mark & ~packets ^ (tracked.mark & connections)
        return Verdict.CONTINUE

    option = "--save-mark" if save else "--restore-mark"
    words = (option, "--nfmask", f"{packets:#x}", "--ctmask", f"{connections:#x}")
    return Target(name, words, Verdict.CHANGE, apply)


def _with_values(given: Given) -> list[tuple[str, tuple[str]]]:
    return [(option, (found[0],)) for option, found in given.items() if found]


def connection_target(name: str, given: Given, _v6: bool) -> Target:
    """CT and NOTRACK: only the first one on a packet's way counts, and none once conntrack has seen it."""
    if "--notrack" in given or name == "NOTRACK":
        return Target(name, tuple(given), Verdict.CHANGE, _leave_untracked)
    words = tuple(word for option, found in given.items() for word in (option, *found))
    zone: Zone | None = Zone(0)
    for option, sides in _ZONES.items():
        if option in given:
            text = given[option][0]
            zone = None if text == "mark" else Zone(values.decimal(text, 65535), *sides)
            sides_of_zone = sides
            break
    else:
        sides_of_zone = (True, True)

    def apply(frame: Frame) -> Verdict:
        if frame.tracked is None and frame.state == "INVALID":
            chosen = zone if zone is not None else Zone(frame.mark & 0xFFFF, *sides_of_zone)
            frame.tracked, frame.state = template(frame.protocol, chosen), "NEW"
        return Verdict.CONTINUE

    return Target("CT", words, Verdict.CHANGE, apply)


_ZONES = {"--zone": (True, True), "--zone-orig": (True, False), "--zone-reply": (False, True)}


def _leave_untracked(frame: Frame) -> Verdict:
    if frame.tracked is None and frame.state == "INVALID":
        frame.state = "UNTRACKED"
    return Verdict.CONTINUE


def transparent_proxy(name: str, given: Given, v6: bool) -> Target:
    """Gives the packet to a transparent socket as it is; without one it is dropped."""
    if "--on-port" not in given:
        raise ValueError("TPROXY needs --on-port")
    port = values.port(given["--on-port"][0])
    on_ip = values.address(given["--on-ip"][0], v6=v6) if "--on-ip" in given else (ANY_V6 if v6 else ANY_V4)
    value, mask = values.mark(given["--tproxy-mark"][0]) if "--tproxy-mark" in given else (0, 0)
    words = ("--on-port", str(port), "--on-ip", values.address_text(on_ip), "--tproxy-mark", f"{value:#x}/{mask:#x}")

    def apply(frame: Frame) -> Verdict:
        if frame.sockets is not None:
            found = frame.established()
            if found is None:
                ip = on_ip if on_ip not in (ANY_V4, ANY_V6) else frame.addresses.primary(frame.incoming, v6=v6)
                found = frame.sockets.find(
                    frame.protocol, frame.destination if ip is None else ip, port or frame.destination_port
                )
            if found is None or not found.transparent:
                return Verdict.DROP
            frame.socket = found
        frame.given = True
        frame.mark = frame.mark & ~mask ^ value
        return Verdict.ACCEPT

    return Target(name, words, Verdict.CHANGE, apply)


Compile = Callable[[str, Given, bool], Target]
