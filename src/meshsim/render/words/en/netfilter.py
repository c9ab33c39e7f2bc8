"""Sentences of the packet rules."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "netfilter.unmodelled-match": "`{what}` in rule {rule} is not modelled; taken as not matching",
    "netfilter.unmodelled-target": "the target `{what}` of rule {rule} is not modelled; taken as without effect",
}
