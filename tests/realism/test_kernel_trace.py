"""The parser of the kernel's packet trace, on lines as `nft -a monitor trace` prints them."""

from tests.realism import kernel_trace

RULESET = """{"nftables": [
 {"rule": {"family": "ip", "table": "nat", "chain": "OUTPUT", "handle": 16}},
 {"rule": {"family": "ip", "table": "nat", "chain": "ISTIO_OUTPUT", "handle": 20}},
 {"rule": {"family": "ip", "table": "nat", "chain": "ISTIO_OUTPUT", "handle": 23}},
 {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 4}}
]}"""
NUMBERS = kernel_trace.handles(RULESET)


def packet(id_: str, chain: str, source: str, destination: str, *, table: str = "meshsim_observer", **more: str) -> str:
    (saddr, sport), (daddr, dport) = source.split(":"), destination.split(":")
    interface = f'{more.get("way", "oif")} "{more.get("interface", "lo")}"'
    return (
        f"trace id {id_} ip {table} {chain} packet: {interface} ip saddr {saddr} ip daddr {daddr} ip dscp cs0 "
        f"ip ttl 64 ip id {more.get('ip_id', '7')} ip length 60 tcp sport {sport} tcp dport {dport} "
        f"tcp flags == {more.get('flags', 'syn')} tcp window 65495 "
    )


def rule(id_: str, chain: str, handle: int, verdict: str, table: str = "nat") -> str:
    what = f"meta l4proto tcp counter packets 0 bytes 0 # handle {handle} (verdict {verdict})"
    return f"trace id {id_} ip {table} {chain} rule {what}"


def read(*lines: str) -> list[dict[str, object]]:
    return kernel_trace.passages(kernel_trace.walks(kernel_trace.events(lines), NUMBERS))


REDIRECTED = (
    packet("a1", "first_out", "10.0.0.1:20000", "10.0.0.5:80", interface="eth0"),
    packet("a1", "OUTPUT", "10.0.0.1:20000", "10.0.0.5:80", table="nat", interface="eth0"),
    rule("a1", "OUTPUT", 16, "jump ISTIO_OUTPUT"),
    rule("a1", "ISTIO_OUTPUT", 23, "accept"),
    packet("a1", "POSTROUTING", "10.0.0.1:20000", "127.0.0.1:15001", table="nat"),
    "trace id a1 ip nat POSTROUTING policy accept ",
    packet("a1", "last_out", "10.0.0.1:20000", "127.0.0.1:15001"),
    packet("b2", "first", "10.0.0.1:20000", "127.0.0.1:15001", way="iif"),
    packet("b2", "last", "10.0.0.1:20000", "127.0.0.1:15001", way="iif"),
)


def test_handles_are_numbered_by_place_in_their_chain() -> None:
    assert NUMBERS[("ip", "nat", "ISTIO_OUTPUT", 23)] == 2
    assert NUMBERS[("ip", "filter", "INPUT", 4)] == 1


def test_a_redirected_packet_is_one_passage_that_comes_back_over_lo() -> None:
    (entry,) = read(*REDIRECTED)
    assert entry["way"] == "loop"
    assert entry["rules"] == ["nat/OUTPUT/1", "nat/ISTIO_OUTPUT/2"]
    assert entry["chains"] == ["nat/OUTPUT", "nat/POSTROUTING"]
    assert entry["before"] == {
        "protocol": "tcp",
        "source": "10.0.0.1:20000",
        "destination": "10.0.0.5:80",
        "mark": 0,
        "interface": "eth0",
    }
    assert (entry["destination"], entry["interface"], entry["result"]) == ("127.0.0.1:15001", "lo", None)


def test_the_answer_says_whether_a_socket_was_there() -> None:
    (taken,) = read(*REDIRECTED, packet("c3", "first_out", "127.0.0.1:15001", "10.0.0.1:20000", flags="0x12"))
    (refused,) = read(*REDIRECTED, packet("c3", "first_out", "127.0.0.1:15001", "10.0.0.1:20000", flags="0x14"))
    assert (taken["result"], refused["result"]) == ("socket", "refused")


def test_a_packet_that_leaves_by_a_cable_went_out() -> None:
    ends = ("10.0.0.1:41000", "10.0.0.5:80")
    (entry,) = read(packet("a", "first_out", *ends, interface="eth0"), packet("a", "last_out", *ends, interface="eth0"))
    assert (entry["way"], entry["result"], entry["rules"]) == ("out", "wire", [])


def test_an_arriving_packet_that_a_policy_drops() -> None:
    ends = ("10.0.0.9:3000", "10.0.0.1:80")
    (entry,) = read(
        packet("a", "first", *ends, way="iif", interface="eth0"),
        packet("a", "INPUT", *ends, table="filter", way="iif", interface="eth0"),
        "trace id a ip filter INPUT policy drop ",
    )
    assert (entry["way"], entry["result"], entry["by"]) == ("in", "dropped", "filter/INPUT/policy")


def test_an_arriving_packet_that_a_rule_drops() -> None:
    ends = ("10.0.0.9:3000", "10.0.0.1:80")
    (entry,) = read(
        packet("a", "first", *ends, way="iif", interface="eth0"),
        packet("a", "INPUT", *ends, table="filter", way="iif", interface="eth0"),
        rule("a", "INPUT", 4, "drop", table="filter"),
    )
    assert (entry["result"], entry["by"]) == ("dropped", "filter/INPUT/1")


def test_the_mark_is_told_where_a_base_chain_ends() -> None:
    ends = ("10.0.0.1:41000", "10.0.0.5:80")
    (entry,) = read(
        packet("a", "first_out", *ends, interface="eth0"),
        "trace id a ip meshsim_observer first_out policy accept ",
        "trace id a ip mangle OUTPUT policy accept meta mark 0x00000539 ",
        packet("a", "last_out", *ends, interface="eth0"),
        "trace id a ip meshsim_observer last_out policy accept meta mark 0x00000539 ",
    )
    assert entry["mark"] == 1337
    assert isinstance(entry["before"], dict)
    assert entry["before"]["mark"] == 0


def test_an_identifier_used_again_is_another_packet() -> None:
    first, second = ("10.0.0.1:41000", "10.0.0.5:80"), ("10.0.0.1:41001", "10.0.0.6:80")
    found = read(
        packet("a", "first_out", *first, interface="eth0"),
        packet("a", "last_out", *first, interface="eth0"),
        packet("a", "first_out", *second, interface="eth0", ip_id="8"),
        packet("a", "last_out", *second, interface="eth0", ip_id="8"),
    )
    assert [entry["destination"] for entry in found] == ["10.0.0.5:80", "10.0.0.6:80"]


def test_lines_of_other_kinds_are_passed_over() -> None:
    assert (
        read("", "# Warning: table ip nat is managed by iptables-nft, do not touch!", "trace id a ip nat OUTPUT") == []
    )
