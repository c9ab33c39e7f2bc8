"""iptables-save text in, rules out, text back; and what is said about text that is broken."""

import pytest

from meshsim.errors import InputError
from meshsim.netfilter.rules import RuleSet
from meshsim.netfilter.save import parse_iptables_save


def table(*rules: str, name: str = "nat", chains: str = "CHAIN") -> str:
    return "\n".join((f"*{name}", ":OUTPUT ACCEPT [0:0]", f":{chains} - [0:0]", *rules, "COMMIT", ""))


def parse(text: str) -> RuleSet:
    return parse_iptables_save(text, "rules.v4")


def printed(rule: str, name: str = "nat") -> str:
    """The rule as it is printed back, after `-A OUTPUT `."""
    lines = parse(table(f"-A OUTPUT {rule}", name=name)).save_text().splitlines()
    return next(line.removeprefix("-A OUTPUT ") for line in lines if line.startswith("-A OUTPUT"))


@pytest.mark.parametrize(
    ("written", "saved"),
    [
        ("-j REDIRECT -p tcp --to-port 15001 --dport 80", "-p tcp -m tcp --dport 80 -j REDIRECT --to-ports 15001"),
        ("--protocol 6 --destination-port=80 -j RETURN", "-p tcp -m tcp --dport 80 -j RETURN"),
        ("-p tcp --dport ! 80:90 -j RETURN", "-p tcp -m tcp ! --dport 80:90 -j RETURN"),
        ("-p udp -m udp --sport :53", "-p udp -m udp --sport 0:53"),
        ("-d 10.1.2.3 -s 10.0.0.9/8", "-s 10.0.0.0/8 -d 10.1.2.3/32"),
        ("-s 10.0.0.1/255.0.255.0", "-s 10.0.0.0/255.0.255.0"),
        ("-s 0.0.0.0/0 -p all -j ACCEPT", "-j ACCEPT"),
        (
            "! -o eth+ -m owner --gid-owner 0x10 ! --uid-owner 1-5",
            "! -o eth+ -m owner ! --uid-owner 1-5 --gid-owner 16",
        ),
        ("-p tcp -m multiport --destination-ports 1,2:3", "-p tcp -m multiport --dports 1,2:3"),
        (
            "-m mark --mark 1337/0xfff -j MARK --set-mark 0x1/0x6",
            "-m mark --mark 0x539/0xfff -j MARK --set-xmark 0x1/0x7",
        ),
        ("-m state --state NEW,INVALID", "-m state --state INVALID,NEW"),
        ("-p tcp --syn", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN"),
        ('-m comment --comment "say \\"no\\"" -g CHAIN', '-m comment --comment "say \\"no\\"" -g CHAIN'),
        ("-m comment --comment single", "-m comment --comment single"),
        ("-c 12 34 -j ACCEPT", "-j ACCEPT"),
        ("-m set ! --match-set a dst,src -p tcp --dport 1", "-p tcp -m set ! --match-set a dst,src -m tcp --dport 1"),
        ("-m mark --mark 0x1 -m connmark --mark 0x2", "-m mark --mark 0x1 -m connmark --mark 0x2"),
        ('-j LOG --log-prefix "-j DROP" --log-level 4', '-j LOG --log-prefix "-j DROP" --log-level 4'),
        ("-p tcp -j DNAT --to 10.0.0.1:80", "-p tcp -j DNAT --to-destination 10.0.0.1:80"),
        ("-j SNAT --to-source 10.0.0.1", "-j SNAT --to-source 10.0.0.1"),
    ],
)
def test_rules_are_printed_as_iptables_save_prints_them(written: str, saved: str) -> None:
    assert printed(written) == saved
    assert printed(saved) == saved


def test_a_rule_knows_its_name_text_and_line() -> None:
    text = "# saved\n" + table("[3:4] -A OUTPUT -j CHAIN", "-A CHAIN -p tcp -j REDIRECT --to-ports 1", "-A CHAIN")
    rules = list(parse(text).rules())
    assert [rule.name for rule in rules] == ["nat/OUTPUT/1", "nat/CHAIN/1", "nat/CHAIN/2"]
    assert [str(rule.place) for rule in rules] == ["rules.v4:5", "rules.v4:6", "rules.v4:7"]
    assert rules[1].text == "-A CHAIN -p tcp -j REDIRECT --to-ports 1"


def test_what_is_not_modelled_is_named() -> None:
    rules = parse(
        table(
            "-A OUTPUT -m set --match-set x dst -m recent --set -j TEE --gateway 10.0.0.1",
            "-A OUTPUT -m owner --uid-owner istio-proxy -j RETURN",
            "-A OUTPUT -m conntrack --ctexpire 1 -j FARTHER --with option",
        )
    )
    assert [rule.unmodelled for rule in rules.rules()] == [
        ("-m set --match-set", "-m recent", "-j TEE"),
        ("-m owner --uid-owner",),
        ("-m conntrack --ctexpire", "-j FARTHER"),
    ]


def test_rules_may_be_inserted_and_chains_made_by_command() -> None:
    text = "*nat\n-N MINE\n-A OUTPUT -j MINE\n-I OUTPUT 1 -p udp -j RETURN\n-I OUTPUT 3 -j ACCEPT\nCOMMIT\n"
    assert [rule.text for rule in parse(text).rules()] == [
        "-I OUTPUT 1 -p udp -j RETURN", "-A OUTPUT -j MINE", "-I OUTPUT 3 -j ACCEPT",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "name"),
    [
        ("PREROUTING INPUT OUTPUT POSTROUTING", "nat"),
        ("INPUT FORWARD OUTPUT", "filter"),
        ("PREROUTING INPUT FORWARD OUTPUT POSTROUTING", "mangle"),
        ("PREROUTING OUTPUT", "raw"),
        ("", "nat"),
    ],
)
def test_the_listing_form_tells_its_table_by_its_policies(policies: str, name: str) -> None:
    text = "".join(f"-P {chain} ACCEPT\n" for chain in policies.split()) + "-N MINE\n-A OUTPUT -j MINE\n"
    assert list(parse(text).tables) == [name]


BROKEN = {
    "": ("no packet rules", 1),
    "# only a comment\n": ("no packet rules", 1),
    "*nat\n:OUTPUT ACCEPT [0:0]\n": ("not closed by COMMIT", 1),
    "*nat\n*filter\nCOMMIT\n": ("not closed by COMMIT", 2),
    "*nat\nCOMMIT\n-A OUTPUT -j ACCEPT\n": ("outside a table", 3),
    ":OUTPUT ACCEPT [0:0]\n-A OUTPUT -j ACCEPT\n": ("outside a table", 1),
    "*nat\nCOMMIT\nCOMMIT\n": ("outside a table", 3),
    "*nat\nCOMMIT\n*nat\nCOMMIT\n": ("stands twice", 3),
    "*gnat\nCOMMIT\n": ("no table 'gnat'", 1),
    "*nat\n:OUTPUT\nCOMMIT\n": ("a chain line reads", 2),
    "*nat\n:OUTPUT MAYBE [0:0]\nCOMMIT\n": ("not a policy", 2),
    "*nat\n:MINE DROP [0:0]\nCOMMIT\n": ("not built into table nat", 2),
    "*nat\n:MINE - [0:0]\n:MINE - [0:0]\nCOMMIT\n": ("declared twice", 3),
    "hello\n": ("does not begin a rule", 1),
    "iptables -t nat -A OUTPUT -j ACCEPT\n": ("shell command", 1),
    table("-A NOWHERE -j ACCEPT"): ("not declared", 4),
    table("-A OUTPUT -j NOWHERE"): ("neither a chain", 4),
    table("-A OUTPUT -g NOWHERE"): ("does not exist", 4),
    table("-A OUTPUT -j CHAIN", "-A CHAIN -j CHAIN"): ("leads back to itself", 5),
    table("-A OUTPUT -p tcp --dport 80000"): ("larger than 65535", 4),
    table("-A OUTPUT -p tcp --dport 90:80"): ("ends before it begins", 4),
    table("-A OUTPUT -p tpc"): ("not a protocol", 4),
    table("-A OUTPUT -s 10.0.0.300"): ("not an address", 4),
    table("-A OUTPUT -s 10.0.0.0/33"): ("prefix length above 32", 4),
    table("-A OUTPUT -s ::1"): ("IPv6 address in IPv4 rules", 4),
    table("-A OUTPUT --dport 80"): ("not known here", 4),
    table("-A OUTPUT -m tcp --dport 80"): ("needs -p tcp", 4),
    table("-A OUTPUT -p tcp --dport"): ("lacks its value", 4),
    table("-A OUTPUT -p tcp ! ! --dport 80"): ("twice", 4),
    table("-A OUTPUT -p tcp --dport 80 !"): ("end of the rule", 4),
    table("-A OUTPUT -p tcp -p udp"): ("stands twice", 4),
    table("-A OUTPUT -j ACCEPT -j DROP"): ("only one target", 4),
    table('-A OUTPUT -m comment --comment "open'): ("quote is not closed", 4),
    table("-A OUTPUT stray"): ("where an option is expected", 4),
    table("-A OUTPUT -p tcp -j REDIRECT --to-ports 1", name="filter"): ("valid in table nat only", 4),
    table("-A OUTPUT -m owner --uid-owner x@y"): ("not a number", 4),
    table("-A OUTPUT -m conntrack --ctstate NEWISH"): ("not connection states", 4),
    table("-I OUTPUT 3 -j ACCEPT"): ("no position 3", 4),
    table("-D OUTPUT 1"): ("does not begin a rule", 4),
}


@pytest.mark.parametrize("text", BROKEN)
def test_broken_text_names_line_and_remedy(text: str) -> None:
    problem, line = BROKEN[text]
    with pytest.raises(InputError) as caught:
        parse(text)
    assert problem in caught.value.message
    assert caught.value.place is not None
    assert str(caught.value.place) == f"rules.v4:{line}"
    assert caught.value.hint
