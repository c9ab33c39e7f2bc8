"""Matcher trees nobody wrote, drawn for a filter_chain_matcher: every kind of tree, every network input, nested."""

import random
from typing import Any

from tests import builders_matchers as make
from tests.realism import random_chains

ADDRESSES = (*random_chains.DESTINATIONS, *random_chains.PEERS, "10.93.0.2", "127.0.0.1")
TEXTS = {
    "DestinationIPInput": random_chains.DESTINATIONS,
    "DestinationPortInput": ("80", "443", "9000"),
    "SourceIPInput": (*random_chains.PEERS, "10.93.0.2", "127.0.0.1"),
    "SourcePortInput": ("20001", "20004", "20010"),
    "DirectSourceIPInput": (*random_chains.PEERS, "10.93.0.2"),
    "SourceTypeInput": ("local",),
    "ServerNameInput": ("a.test", "b.a.test", "other", "X.TEST"),
    "TransportProtocolInput": ("tls", "raw_buffer"),
    "ApplicationProtocolInput": ("'h2'", "'http/1.1'", "'h2','http/1.1'", "'h2c'", "'http/1.0'"),
    "NetworkNamespaceInput": ("x",),
}
PREFIXES = {
    "SourceIPInput": ("10.", "10.93.", "203", ""),
    "ServerNameInput": ("a", "b.", ""),
    "DestinationPortInput": ("4", "80"),
}
RANGES = ("10.0.0.0/8", "10.93.0.0/16", "10.93.0.0/24", "203.0.113.0/24", "198.51.100.7/32", "0.0.0.0/0", "127.0.0.0/8")
DOMAINS = ("a.test", "b.a.test", "*.a.test", "*.test", "*", "other")
IP_INPUTS = ("DestinationIPInput", "SourceIPInput", "DirectSourceIPInput")
DEEPEST = 3


def matcher(draw: random.Random, names: list[str], depth: int = 0) -> dict[str, Any]:
    """One that leads to chains of these names, and now and then to one that does not exist."""

    def way() -> dict[str, Any]:
        if depth < DEEPEST and draw.random() < 0.25:
            return make.nested(matcher(draw, names, depth + 1))
        return make.leads_to(draw.choice([*names, *names, "missing"]))

    otherwise = way() if draw.random() < 0.4 else None
    kind = draw.choice(("listed", "listed", "exact", "prefix", "ranged", "domains"))
    if kind == "listed":
        rows = [(predicate(draw), way()) for _ in range(draw.randint(1, 4))]
        return make.listed(*rows, otherwise=otherwise)
    if kind == "ranged":
        ranges = [
            make.ip_range(way(), *draw.sample(RANGES, draw.randint(1, 2)), exclusive=draw.random() < 0.3)
            for _ in range(draw.randint(1, 3))
        ]
        return make.ranged(make.network_input(draw.choice(IP_INPUTS)), *ranges, otherwise=otherwise)
    if kind == "domains":
        domains = draw.sample(DOMAINS, draw.randint(1, 4))
        rows_of = [([name], way()) for name in domains]
        return make.by_domain(make.network_input("ServerNameInput"), *rows_of, otherwise=otherwise)
    table = PREFIXES if kind == "prefix" else TEXTS
    asked = draw.choice(sorted(table))
    keys = draw.sample(table[asked], draw.randint(1, len(table[asked])))
    return make.mapped(kind, make.network_input(asked), {key: way() for key in keys}, otherwise)


def predicate(draw: random.Random, depth: int = 0) -> dict[str, Any]:
    kind = draw.choice(("single",) * 5 + ("range",) + (("and", "or", "not") if depth < DEEPEST else ()))
    if kind == "not":
        return make.negated(predicate(draw, depth + 1))
    if kind in ("and", "or"):
        return make.combined(kind, *(predicate(draw, depth + 1) for _ in range(draw.randint(2, 3))))
    if kind == "range":
        address, _, length = draw.choice(RANGES).partition("/")
        ranges = [{"address_prefix": address, "prefix_len": int(length)}]
        asked = make.network_input(draw.choice(IP_INPUTS))
        return make.single_custom(asked, "ip.v3.Ip", cidr_ranges=ranges, stat_prefix="ip")
    if draw.random() < 0.05:
        return make.single(make.tls_input("UriSanInput"), exact="x")
    asked = draw.choice(sorted(TEXTS))
    text = draw.choice(TEXTS[asked])
    test = draw.choice(("exact", "exact", "prefix", "suffix", "contains", "safe_regex"))
    if test == "safe_regex":
        return make.single(make.network_input(asked), safe_regex={"google_re2": {}, "regex": f"{text[:2]}.*"})
    part = {"exact": text, "prefix": text[:2], "suffix": text[-2:], "contains": text[1:3] or text}[test]
    return make.single(make.network_input(asked), **{test: part, "ignore_case": draw.random() < 0.2})
