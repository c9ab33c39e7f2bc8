"""Every rule set that is compared with the kernel: random ones, our own, and the published ones where they are here."""

from pathlib import Path
from random import Random

import yaml

from meshsim.istio.iptables import default_sidecar_rules
from tests.netfilter.random_sets import Case, case, probes
from tests.netfilter.rule_sets import RULE_SETS, RULE_SETS_V6, saved

DATA = Path(__file__).parents[3] / "shared" / "data"
RANDOM_SETS = (*range(170), 3152)
"""Seeds; beyond the run of them those that once told something new."""
LIVE_SETS = range(1000, 1008)
"""Asked anew in every run; the others are recorded."""

IP_SETS = """
create hosts hash:ip family inet hashsize 1024 maxelem 65536
add hosts 10.96.0.1
add hosts 10.77.0.2
add hosts 203.0.113.50
create nets hash:net family inet hashsize 1024 maxelem 65536
add nets 10.0.0.0/8
add nets 10.99.0.0/16 nomatch
add nets 198.51.100.5
create services hash:ip,port family inet hashsize 1024 maxelem 65536
add services 10.96.0.1,tcp:80
add services 10.77.0.1,udp:53
add services 10.77.0.1,tcp:8080
create pairs hash:net,port family inet hashsize 1024 maxelem 65536
add pairs 10.0.0.0/8,tcp:9000
add pairs 10.77.0.0/24,udp:80
create ports bitmap:port range 0-65535
add ports 80
add ports 9001
create lists list:set size 8
add lists hosts
add lists nets
create hosts6 hash:ip family inet6 hashsize 1024 maxelem 65536
add hosts6 2001:db8::1
add hosts6 fd77::2
"""

_SETS_IN_RULES = saved(
    mangle="""
        -A PREROUTING -m set --match-set hosts src -j MARK --set-xmark 0x1/0xf
        -A PREROUTING -m set ! --match-set nets dst -j MARK --set-xmark 0x10/0xf0
        -A OUTPUT -m set --match-set services dst,dst -j MARK --set-xmark 0x2/0xf
        -A OUTPUT -m set --match-set pairs dst,dst -j MARK --set-xmark 0x4/0x4
        -A OUTPUT -p tcp -m set --match-set ports dst
    """,
    nat="""
        -A PREROUTING -p tcp -m set --match-set services dst,dst -j REDIRECT --to-ports 15006
        -A OUTPUT -p tcp -m set --match-set lists dst -j REDIRECT --to-ports 15001
        -A OUTPUT -m set --match-set nets dst -m set ! --match-set hosts dst
        -A OUTPUT -m set --match-set services dst
        -A OUTPUT -m set ! --match-set services dst
    """,
    filter="""
        -A INPUT -m set --match-set hosts src -m set --match-set ports dst -j DROP
        -A OUTPUT -m set --match-set pairs src,dst -j ACCEPT
        -A OUTPUT -m set --match-set lists src
    """,
)

_TRANSPARENT = saved(
    mangle="""
        -A PREROUTING -p tcp -j INBOUND
        -A PREROUTING -p tcp -m mark --mark 0x539 -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
        -A OUTPUT -o lo -p tcp -m mark --mark 0x539 -j RETURN
        -A OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m owner --uid-owner 1337 -j MARK --set-xmark 0x53a/0xffffffff
        -A OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m owner --gid-owner 1337 -j MARK --set-xmark 0x53a/0xffffffff
        -A OUTPUT -p tcp -m connmark --mark 0x539 -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
        -A INBOUND -p tcp -m mark --mark 0x539 -j RETURN
        -A INBOUND -s 127.0.0.6/32 -i lo -p tcp -j RETURN
        -A INBOUND -i lo -p tcp -m mark ! --mark 0x53a -j RETURN
        -A INBOUND -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j DIVERT
        -A INBOUND -p tcp -j GIVE
        -A DIVERT -j MARK --set-xmark 0x539/0xffffffff
        -A DIVERT -j ACCEPT
        -A GIVE ! -d 127.0.0.1/32 -p tcp -j TPROXY --on-port 15006 --on-ip 0.0.0.0 --tproxy-mark 0x539/0xffffffff
    """
)

_CAPTURED_DNS = saved(
    raw="""
        -A PREROUTING -j ISTIO_INBOUND
        -A OUTPUT -j ISTIO_OUTPUT_DNS
        -A ISTIO_OUTPUT_DNS -p udp -m udp --dport 53 -m owner --uid-owner 1337 -j CT --zone 1
        -A ISTIO_OUTPUT_DNS -p udp -m udp --sport 15053 -m owner --uid-owner 1337 -j CT --zone 2
        -A ISTIO_OUTPUT_DNS -p udp -m udp --dport 53 -m owner --gid-owner 1337 -j CT --zone 1
        -A ISTIO_OUTPUT_DNS -p udp -m udp --sport 15053 -m owner --gid-owner 1337 -j CT --zone 2
        -A ISTIO_OUTPUT_DNS -p udp -m udp --dport 53 -j CT --zone 2
        -A ISTIO_INBOUND -p udp -m udp --sport 53 -j CT --zone 1
    """,
    nat="""
        -A OUTPUT -j ISTIO_OUTPUT
        -A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
        -A ISTIO_OUTPUT -p tcp -m tcp --dport 53 -j REDIRECT --to-ports 15053
        -A ISTIO_OUTPUT -p udp -m udp --dport 53 -j REDIRECT --to-ports 15053
        -A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
        -A ISTIO_OUTPUT -p tcp -j REDIRECT --to-ports 15001
    """,
)

OWN: dict[str, tuple[str, str]] = {
    "transparent interception": ("interceptor", _TRANSPARENT),
    "transparent interception without its routes": ("router", _TRANSPARENT),
    "captured names": ("plain", _CAPTURED_DNS),
    "captured names answered by others": ("plain", _CAPTURED_DNS.replace("1337", "1338")),
    "zones in one direction": (
        "router",
        _CAPTURED_DNS.replace("--sport 15053 -m owner --uid-owner 1337 -j CT --zone 2", "--sport 15053"),
    ),
    "default sidecar on a router": ("router", default_sidecar_rules()),
    "default sidecar with loopback allowed": ("lenient", default_sidecar_rules()),
}


def own_cases() -> list[Case]:
    found = [_case(f"own: {name}", "plain", {"v4": rules}) for name, rules in RULE_SETS.items()]
    found += [_case(f"own v6: {name}", "plain", {"v6": rules}) for name, rules in RULE_SETS_V6.items()]
    found += [_case(f"own: {name}", host, {"v4": rules}) for name, (host, rules) in OWN.items()]
    for name in ("plain", "router"):
        found.append(_case(f"own: sets on {name}", name, {"v4": _SETS_IN_RULES}, sets=IP_SETS))
    return found


def published_cases() -> list[Case]:
    """Empty where ../shared/data is not here."""
    found = []
    for name, host in (("capture", "interceptor"), ("cni-ambient", "interceptor")):
        path = DATA / "istio-iptables" / f"{name}.yaml"
        if path.exists():
            for one in yaml.safe_load(path.read_text())["cases"]:
                rules = {family: one.get(f"iptables_save_{family}") or "" for family in ("v4", "v6")}
                if any(rules.values()):
                    found.append(_case(f"published: {name} {one['name']}", host, rules))
    for path in sorted((DATA / "iptables-captured").glob("*")):
        text = path.read_text()
        if "weave" not in path.name and not text.startswith("-") and "statistic" not in text:
            found.append(_case(f"published: {path.name}", "router", {"v4": text}))
    return found


def _case(name: str, host: str, rules: dict[str, str], sets: str = "") -> Case:
    return Case(name, host, {"v4": "", "v6": "", **rules}, probes(Random(name)), sets)


def all_cases() -> list[Case]:
    return [*(case(seed) for seed in RANDOM_SETS), *own_cases(), *published_cases()]
