"""Flags for istio-iptables, made at random: valid command lines, and the pods they are given in."""

from __future__ import annotations

from hypothesis import strategies as st

PORT = st.integers(1, 65535).map(str)
PORTS = st.lists(PORT, max_size=3).map(",".join)
USERS = st.lists(st.integers(0, 70000).map(str), min_size=1, max_size=2).map(",".join)
INTERFACES = st.lists(st.sampled_from(["eth1", "net1", "tap0"]), max_size=2, unique=True).map(",".join)
RANGE = st.sampled_from(["10.0.0.0/8", "192.0.2.7/32", "10.1.2.3/16", "127.1.2.3/32", "2001:db8::/32", "fd00::1/128"])
RANGES = st.lists(RANGE, max_size=3, unique=True).map(",".join)
GROUPS = st.lists(st.integers(0, 2000).map(str), max_size=3).map(",".join)


def _variable(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.one_of(st.just([]), values.map(lambda value: [f"{name}={value}"]))


def _switch(name: str) -> st.SearchStrategy[list[str]]:
    return st.sampled_from([[], [name], [f"{name}=false"]])


WORDS: st.SearchStrategy[list[str]] = st.tuples(
    st.one_of(st.just([]), PORT.map(lambda port: ["-p", port])),
    st.one_of(st.just([]), PORT.map(lambda port: ["--inbound-capture-port", port])),
    st.one_of(st.just([]), USERS.map(lambda users: ["-u", users])),
    st.one_of(st.just([]), USERS.map(lambda users: ["--proxy-gid", users])),
    st.sampled_from([[], ["-m", "REDIRECT"], ["-m", "TPROXY"]]),
    st.one_of(st.just(["-b", "*"]), PORTS.map(lambda ports: ["-b", ports])),
    PORTS.map(lambda ports: ["-d", ports]),
    st.one_of(st.just(["-i", "*"]), RANGES.map(lambda ranges: ["-i", ranges])),
    RANGES.map(lambda ranges: ["-x", ranges]),
    PORTS.map(lambda ports: [f"--istio-outbound-ports={ports}"]),
    PORTS.map(lambda ports: ["-o", ports]),
    INTERFACES.map(lambda names: ["-c", names]),
    INTERFACES.map(lambda names: [f"--kube-virt-interfaces={names}"]),
    _switch("--redirect-dns"),
    _switch("--capture-all-dns"),
    _switch("--drop-invalid"),
    _variable("ISTIO_OUTBOUND_OWNER_GROUPS", GROUPS),
    _variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", GROUPS),
    _variable("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", st.sampled_from(["127.0.0.0/8", "127.0.0.1/32"])),
).map(lambda parts: [word for part in parts for word in part])

SERVERS = st.lists(st.sampled_from(["10.96.0.10", "127.0.0.53", "fd00::a"]), max_size=2, unique=True).map(tuple)
ADDRESSES = st.sampled_from([("10.0.0.1",), ("fd00::1",), ()])
