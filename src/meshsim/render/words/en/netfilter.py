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
}
