"""The kernel's packet rules: iptables-save text, compiled, and a first packet's walk through them. Knows no proxy."""
