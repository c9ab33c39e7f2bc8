"""The pods of the differential suite: their addresses, routes, sysctls and sockets, once as text and once compiled."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from meshsim.address import format_endpoint, parse_ip
from meshsim.netfilter.netns import Netns, Socket, SocketTable, read_routes, read_routing_rules
from meshsim.netfilter.rules import RuleSet
from tests.netfilter.packets import prefix

CABLES = {"eth0": "cable0", "eth1": "cable1"}
"""The pod's device -> the world's end."""
POD, SECOND, OTHER = "10.77.0.1", "10.77.0.3", "10.88.0.1"
POD_V6, OTHER_V6 = "fd77::1", "fd88::1"


def _sockets() -> tuple[dict[str, Any], ...]:
    wildcards = [
        (port, uid, gid, transparent)
        for port, uid, gid, transparent in (
            (80, 1000, 1000, False),
            (8080, 1000, 1000, False),
            (9001, 0, 0, False),
            (15001, 1337, 1337, True),
            (15006, 1337, 1337, True),
            (15008, 0, 1337, True),
            (15053, 1337, 1337, False),
        )
    ]
    specs = [
        {"ip": ip, "port": port, "protocol": protocol, "uid": uid, "gid": gid, "transparent": transparent, "v6only": v6}
        for protocol in ("tcp", "udp")
        for ip, v6 in (("0.0.0.0", False), ("::", True))
        for port, uid, gid, transparent in wildcards
    ]
    for protocol in ("tcp", "udp"):
        for ip, port in ((POD, 9100), ("127.0.0.1", 9200), ("::1", 9200), (SECOND, 8080), (POD_V6, 9100)):
            specs.append({"ip": ip, "port": port, "protocol": protocol, "uid": 1000, "gid": 1000})
    specs.append({"ip": "::", "port": 9300, "protocol": "tcp", "uid": 1000, "gid": 1000})
    specs.append({"ip": POD, "port": 15009, "protocol": "tcp", "uid": 1337, "gid": 1337, "transparent": True})
    return tuple({"name": f"{spec['ip']} {spec['port']} {spec['protocol']}", **spec} for spec in specs)


SOCKETS = _sockets()


INTERFACES = {
    "eth0": (f"{POD}/24", f"{SECOND}/24", f"{POD_V6}/64"),
    "eth1": (f"{OTHER}/24", f"{OTHER_V6}/64"),
}
GATEWAYS = {"eth0": ("10.77.0.254", "fd77::ff"), "eth1": ("10.88.0.254", "fd88::ff")}
NEIGHBOURS = {
    "eth0": ("10.77.0.254", "fd77::ff", "10.77.0.2", "fd77::2"),
    "eth1": ("10.88.0.254", "fd88::ff", "10.88.0.2", "fd88::2"),
}


@frozen
class Host:
    name: str
    routes: tuple[str, ...] = ()
    """Besides the default routes by eth0."""
    rules: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(factory=dict)
    interfaces: Mapping[str, tuple[str, ...]] = field(factory=lambda: INTERFACES)
    gateways: Mapping[str, tuple[str, str]] = field(factory=lambda: GATEWAYS)
    neighbours: Mapping[str, tuple[str, ...]] = field(factory=lambda: NEIGHBOURS)
    sockets: tuple[dict[str, Any], ...] = SOCKETS

    def netns(self, rules_v4: RuleSet | None, rules_v6: RuleSet | None) -> Netns:
        routes = [f"default via {gateway} dev eth0" for gateway in self.gateways["eth0"]]
        interfaces = {"lo": ("127.0.0.1/8", "::1/128"), **self.interfaces}
        return Netns(
            self.name,
            {device: tuple(map(prefix, held)) for device, held in interfaces.items()},
            rules_v4=rules_v4,
            rules_v6=rules_v6,
            sockets=SocketTable(_socket(spec) for spec in self.sockets),
            routes=read_routes((*routes, *self.routes)) if self.routes or self.rules else (),
            routing_rules_v4=read_routing_rules(self.rules, v6=False),
            routing_rules_v6=read_routing_rules(self.rules, v6=True),
            sysctls=self.sysctls,
            forwarding_v4=False,
        )

    def facts(self) -> dict[str, Any]:
        """The same as host facts."""
        return {
            "kind": "HostFacts",
            "interfaces": {device: list(held) for device, held in self.interfaces.items()},
            "routes": [*(f"default via {gateway} dev eth0" for gateway in self.gateways["eth0"]), *self.routes],
            "rules": list(self.rules),
            "sysctls": {"net.ipv4.ip_forward": 0, **self.sysctls},
            "sockets": [
                {
                    "listen": format_endpoint(parse_ip(spec["ip"]), spec["port"]),
                    "protocol": spec["protocol"],
                    "uid": spec["uid"],
                    "gid": spec["gid"],
                    "transparent": spec.get("transparent", False),
                    "v6only": spec.get("v6only", False),
                }
                for spec in self.sockets
            ],
        }


def _socket(spec: dict[str, Any]) -> Socket:
    return Socket(
        parse_ip(spec["ip"]),
        spec["port"],
        v6only=spec.get("v6only", False),
        transparent=spec.get("transparent", False),
        name=spec["name"],
        protocol=spec["protocol"],
        uid=spec["uid"],
        gid=spec["gid"],
    )


_FORWARDING = {"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}
_TPROXY_ROUTES = ("local 0.0.0.0/0 dev lo table 133", "local ::/0 dev lo table 133")

HOSTS = {
    host.name: host
    for host in (
        Host("plain"),
        Host("router", sysctls=_FORWARDING),
        Host(
            "interceptor",
            routes=_TPROXY_ROUTES,
            rules=("fwmark 1337 lookup 133", "v6: fwmark 1337 lookup 133"),
            sysctls=_FORWARDING,
        ),
        Host(
            "policies",
            routes=(
                *_TPROXY_ROUTES,
                "default via 10.88.0.254 dev eth1 table 200",
                "default via fd88::ff dev eth1 table 200",
                "blackhole default table 201",
                "unreachable ::/0 table 201",
                "blackhole 10.66.0.0/16",
                "local 10.55.0.0/16 dev lo",
                "10.44.0.0/16 via 10.88.0.254 dev eth1",
                "throw 10.99.0.0/16 table 200",
                "prohibit 2001:db8:5::/48",
            ),
            rules=(
                "fwmark 0x539 lookup 133 pref 100",
                "fwmark 0x10/0xf0 lookup 200 pref 200",
                "fwmark 0x20/0xf0 lookup 201 pref 300",
                "from 10.77.0.3 lookup 200 pref 400",
                "uidrange 1337-1337 to 10.96.0.0/16 lookup 200 pref 500",
                "iif eth1 to 198.51.100.0/24 lookup 201 pref 600",
                "not from 10.0.0.0/8 to 10.99.0.0/16 ipproto udp lookup 200 pref 700",
                "from all lookup 200 suppress_prefixlength 0 pref 800",
                "v6: fwmark 0x539 lookup 133 pref 100",
                "v6: fwmark 0x10/0xf0 lookup 200 pref 200",
                "v6: fwmark 0x20/0xf0 lookup 201 pref 300",
            ),
            sysctls={**_FORWARDING, "net.ipv4.conf.all.rp_filter": "1"},
        ),
        Host(
            "lenient",
            sysctls={
                **_FORWARDING,
                "net.ipv4.conf.all.route_localnet": "1",
                "net.ipv4.conf.all.rp_filter": "2",
            },
        ),
        Host(
            "trusting",
            routes=("default via 10.88.0.254 dev eth1 table 200", "10.99.0.0/16 via 10.88.0.254 dev eth1"),
            rules=("fwmark 0x10/0xf0 lookup 200 pref 200",),
            sysctls={
                **_FORWARDING,
                "net.ipv4.conf.all.accept_local": "1",
                "net.ipv4.conf.eth0.src_valid_mark": "1",
                "net.ipv4.conf.eth0.rp_filter": "1",
                "net.ipv4.conf.eth1.rp_filter": "2",
                "net.ipv4.conf.eth1.route_localnet": "1",
            },
        ),
    )
}
