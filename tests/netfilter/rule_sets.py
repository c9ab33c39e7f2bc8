"""Rule sets of our own for the differential test, and the connections that are tried against each of them."""

from meshsim.istio.iptables import default_sidecar_rules
from tests.netfilter.probe import GATEWAY_V6, POD, POD_V6, Dial

BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def saved(policies: dict[str, str] | None = None, **tables: str) -> str:
    """iptables-save text from rules by table; user chains are declared, `policies` are by "table/CHAIN"."""
    lines = []
    for table, text in tables.items():
        rules = [line.strip() for line in text.strip().splitlines()]
        lines.append(f"*{table}")
        lines += [f":{chain} {(policies or {}).get(f'{table}/{chain}', 'ACCEPT')} [0:0]" for chain in BUILT_IN[table]]
        users = dict.fromkeys(rule.split()[1] for rule in rules)
        lines += [f":{chain} - [0:0]" for chain in users if chain not in BUILT_IN[table]]
        lines += [*rules, "COMMIT"]
    return "\n".join(lines) + "\n"


_SIDECAR = default_sidecar_rules()

RULE_SETS: dict[str, str] = {
    "none": "",
    "default sidecar": _SIDECAR,
    "sidecar of 1.7": _SIDECAR.replace("-A OUTPUT -j", "-A OUTPUT -p tcp -j")
    .replace(" -p tcp -m tcp ! --dport 15008 -m owner", " -m owner")
    .replace("--dport 15090", "--dport 22"),
    "inbound ports listed": _SIDECAR.replace(
        "-A ISTIO_INBOUND -p tcp -j", "-A ISTIO_INBOUND -p tcp -m tcp --dport 8080 -j"
    ),
    "outbound ranges listed": _SIDECAR.replace(
        "-A ISTIO_OUTPUT -j ISTIO_REDIRECT", "-A ISTIO_OUTPUT -d 10.77.0.0/24 -j ISTIO_REDIRECT"
    ),
    "outbound port excluded": _SIDECAR.replace(
        "-A ISTIO_OUTPUT -s", "-A ISTIO_OUTPUT -p tcp -m tcp --dport 9001 -j RETURN\n-A ISTIO_OUTPUT -s"
    ),
    "sidecar without the owner rules": "\n".join(line for line in _SIDECAR.splitlines() if "-owner" not in line) + "\n",
    "jump, goto, return": saved(
        nat="""
            -A PREROUTING -g VIA
            -A PREROUTING -p tcp -j REDIRECT --to-ports 15006
            -A OUTPUT -j FIRST
            -A OUTPUT -d 127.0.0.5/32 -p tcp -j REDIRECT --to-ports 15006
            -A OUTPUT -d 10.96.0.0/16 -p tcp -j REDIRECT --to-ports 8080
            -A FIRST -d 10.96.0.1/32 -g SECOND
            -A FIRST -d 10.99.0.0/16 -j RETURN
            -A FIRST -d 127.0.0.5/32 -j SECOND
            -A FIRST -p tcp -m tcp --dport 9000:9001 -j REDIRECT --to-ports 15001
            -A SECOND -m owner --uid-owner 0 -j RETURN
            -A SECOND
            -A VIA -p tcp -m tcp --dport 22 -j RETURN
            -A VIA -p tcp -m tcp --dport 8080 -j ACCEPT
            -A VIA -p tcp -m tcp --dport 9001 -j REDIRECT
        """
    ),
    "owner ranges and negations": saved(
        nat="""
            -A OUTPUT -p tcp -m owner --uid-owner 0-999 -j REDIRECT --to-ports 15001
            -A OUTPUT -p tcp -m owner ! --uid-owner 1337 ! --gid-owner 1000-1336 -j REDIRECT --to-ports 15006
            -A OUTPUT -p tcp -m owner --uid-owner 1337 --gid-owner 1337 -j REDIRECT --to-ports 15008
        """,
        filter="""
            -A OUTPUT -m owner --socket-exists -j CHECK
            -A OUTPUT -m owner ! --socket-exists -j CHECK
            -A CHECK -m comment --comment "counts only"
        """,
    ),
    "filter policies and rejects": saved(
        {"filter/INPUT": "DROP"},
        filter="""
            -A INPUT -i lo -j ACCEPT
            -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            -A INPUT -p tcp -m multiport --dports 22,8080,15000:15010 -j ACCEPT
            -A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            -A OUTPUT -d 10.96.0.1/32 -j DROP
            -A OUTPUT -d 10.96.0.9/32 -p tcp -j REJECT --reject-with tcp-reset
            -A OUTPUT ! -d 10.0.0.0/8 ! -o lo -j INNER
            -A INNER -p tcp -m tcp ! --sport 1:1024 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j RETURN
            -A INNER -j DROP
        """,
    ),
    "marks": saved(
        raw="""
            -A PREROUTING -i eth0 -j MARK --set-xmark 0x10/0xff
            -A OUTPUT -m owner --uid-owner 1000 -j MARK --set-xmark 0x5/0xffffffff
        """,
        mangle="""
            -A PREROUTING -m mark --mark 0x5 -j MARK --set-xmark 0x100/0x0
            -A PREROUTING -i lo -m mark ! --mark 0x105 -j MARK --set-xmark 0x7/0xf
            -A INPUT -m mark --mark 0x10/0x10 -j MARK --set-xmark 0x1/0x1
            -A OUTPUT -m mark --mark 0x4/0x6 -o eth+ -j MARK --set-xmark 0x0/0xfffffffe
        """,
        nat="""
            -A OUTPUT -p tcp -m mark --mark 0x1 -j REDIRECT --to-ports 15001
            -A OUTPUT -p tcp -m mark --mark 0x5 -m tcp --dport 8080 -j REDIRECT --to-ports 15006
        """,
    ),
    "connection states": saved(
        raw="""
            -A PREROUTING -m conntrack --ctstate INVALID
            -A PREROUTING -m conntrack --ctstate NEW
            -A OUTPUT -m conntrack --ctstate INVALID
            -A OUTPUT -m conntrack --ctstate NEW
        """,
        mangle="""
            -A PREROUTING -m conntrack --ctstate NEW
            -A PREROUTING -m conntrack --ctstate INVALID -j DROP
            -A INPUT -m state --state RELATED,ESTABLISHED
            -A INPUT -m conntrack --ctstate DNAT
            -A INPUT -m conntrack ! --ctstate DNAT
            -A OUTPUT -m state --state NEW
        """,
        nat="""
            -A OUTPUT -d 10.96.0.0/16 -p tcp -j REDIRECT --to-ports 15001
        """,
        filter="""
            -A OUTPUT -m conntrack --ctstate NEW,DNAT -j ACCEPT
            -A INPUT -m conntrack --ctstate NEW -j ACCEPT
        """,
    ),
    "destination nat": saved(
        nat=f"""
            -A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination {POD}:15020
            -A PREROUTING -p tcp -m tcp --dport 22 -j DNAT --to-destination 127.0.0.1:15021
            -A OUTPUT -d 10.96.0.1/32 -p tcp -j DNAT --to-destination 10.99.0.7:9000
            -A OUTPUT -d 10.96.0.10/32 -p tcp -j DNAT --to-destination {POD}
            -A OUTPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 9001 -j DNAT --to-destination 10.99.0.7:9000
            -A OUTPUT -d {POD}/32 -p tcp -m tcp --dport 9001 -j DNAT --to-destination 10.99.0.7:9000
            -A POSTROUTING -o lo
            -A POSTROUTING -o eth0
        """,
        filter="""
            -A OUTPUT -o lo
            -A OUTPUT -o eth0
            -A OUTPUT -d 10.99.0.7/32 -j ACCEPT
        """,
    ),
    "local addresses": saved(
        nat="""
            -A PREROUTING -p tcp -m addrtype ! --dst-type LOCAL -j REDIRECT --to-ports 15001
            -A PREROUTING -p tcp -m addrtype --src-type LOCAL -j REDIRECT --to-ports 15006
            -A OUTPUT ! -o lo -p tcp -m addrtype --dst-type LOCAL -j REDIRECT --to-ports 15001
            -A OUTPUT -p tcp -m addrtype ! --dst-type LOCAL -m multiport --ports 9000,9001 -j REDIRECT --to-ports 15006
            -A OUTPUT -p tcp -m multiport ! --dports 8080 -m addrtype --dst-type LOCAL -j REDIRECT
        """
    ),
    "nat that only returns": saved(nat="-A OUTPUT -j RETURN"),
    "states without nat": saved(filter="-A INPUT -m conntrack --ctstate NEW -j ACCEPT"),
}

_OUT = (
    ("10.77.0.2", 9000),
    ("10.96.0.1", 80),
    ("10.96.0.10", 8080),
    ("10.99.0.7", 9001),
    (POD, 8080),
    (POD, 9001),
    (POD, 15008),
    (POD, 7777),
    ("127.0.0.1", 8080),
    ("127.0.0.1", 9001),
    ("127.0.0.5", 8080),
)
_USERS = ((1000, 1000), (1337, 1337), (1000, 1337), (1337, 1000), (0, 1337))

DIALS: tuple[Dial, ...] = (
    *(
        Dial(ip, port, uid, gid, source="127.0.0.1" if ip.startswith("127.") else POD)
        for uid, gid in _USERS
        for ip, port in _OUT
    ),
    Dial("10.96.0.9", 80),
    Dial("203.0.113.9", 80),
    Dial(POD, 8080, 1337, 1337, source="127.0.0.6"),
    Dial("127.0.0.1", 8080, 1337, 1337, source="127.0.0.6"),
    Dial("127.0.0.1", 9001, 1000, 1000, source=POD),
    Dial(POD, 9001, 1000, 1000, source="127.0.0.1"),
    *(Dial(POD, port, source="10.77.0.2", inbound=True) for port in (22, 8080, 9001, 15021, 15008, 15006, 15001, 7777)),
    Dial("198.51.100.5", 8080, source="10.77.0.2", inbound=True),
    Dial("198.51.100.5", 9000, source="10.77.0.2", inbound=True),
)

_SIDECAR_V6 = _SIDECAR.replace("127.0.0.6/32", "::6/128").replace("127.0.0.1/32", "::1/128")

RULE_SETS_V6: dict[str, str] = {
    "none": "",
    "default sidecar": _SIDECAR_V6,
    "destination nat": saved(
        nat=f"""
            -A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination [{POD_V6}]:15020
            -A OUTPUT -d 2001:db8::1/128 -p tcp -j DNAT --to-destination [2001:db8::7]:9000
            -A OUTPUT -d 2001:db8::/32 -p tcp -j DNAT --to-destination ::1
        """
    ),
}

V6_DIALS: tuple[Dial, ...] = (
    *(
        Dial(ip, port, uid, uid, source="::1" if ip == "::1" else POD_V6)
        for uid in (1000, 1337)
        for ip, port in (("2001:db8::1", 80), ("2001:db8::2", 9001), (POD_V6, 8080), (POD_V6, 7777), ("::1", 8080))
    ),
    *(Dial(POD_V6, port, source=GATEWAY_V6, inbound=True) for port in (22, 8080, 15021, 15001, 7777)),
)
