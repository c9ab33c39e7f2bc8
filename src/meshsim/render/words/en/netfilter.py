"""Sentences of the packet rules."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "netfilter.unmodelled-match": "`{what}` in rule {rule} is not modelled; taken as not matching",
    "netfilter.unmodelled-target": "the target `{what}` of rule {rule} is not modelled; taken as without effect",
    "netfilter.chance": "`{what}` of rule {rule} leaves it to chance which packets match",
    "netfilter.limit-assumed": "`{what}` of rule {rule} counts packets; its limit is taken as not yet reached",
    "netfilter.rule-from-flag": "rule {rule} is what istio-iptables makes of {flags}",
    "netfilter.rule-from-annotation": (
        "rule {rule} is what istio-iptables makes of {flags} (annotation of the pod: {annotations})"
    ),
    "netfilter.redirected": "rule {rule} sends what was for {before} to {after}",
    "netfilter.no-rule-redirects": "no rule changes the destination {destination}",
    "netfilter.dropped-by-rule": "rule {rule} drops the packet",
    "netfilter.dropped-by-policy": "no rule of chain {chain} accepts the packet, and the chain's policy drops it",
    "netfilter.rejected-by-rule": "rule {rule} rejects the packet",
    "netfilter.no-route": "after the rules no route leads to {destination}",
    "netfilter.martian": "the kernel refuses a packet from {source} to {destination} that arrives from outside",
}
