"""Flags in every form, values that are refused, and where they came from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from meshsim.address import parse_ip
from meshsim.errors import InputError
from meshsim.istio.interception import Interception, Ranges
from meshsim.istio.iptables_arguments import words_of
from meshsim.istio.iptables_flags import FLAGS, read_flags
from meshsim.istio.iptables_settings import PodFacts, read_settings


def settings(*words: str, addresses: tuple[str, ...] = (), version: str = "current") -> Interception:
    return read_settings(read_flags(words), PodFacts(tuple(map(parse_ip, addresses))), version).interception


@pytest.mark.parametrize(
    "words",
    [
        ["-d", "1,2"],
        ["-d1,2"],
        ["-d=1,2"],
        ["--istio-local-exclude-ports", "1,2"],
        ["--istio-local-exclude-ports=1,2"],
        ["ISTIO_LOCAL_EXCLUDE_PORTS=1,2"],
        ["ISTIO_LOCAL_EXCLUDE_PORTS=9", "-d", "1,,2,"],
        ["-d", "9", "-d", "1,2"],
    ],
)
def test_every_form_says_the_same(words: list[str]) -> None:
    assert settings(*words).inbound_excluded_ports == ("1", "2")


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.long], ids=lambda flag: flag.long)
def test_every_flag_has_its_three_forms(flag: object) -> None:
    value = "true" if flag.switch else "3"  # type: ignore[attr-defined]
    long = read_flags([f"--{flag.long}={value}"])  # type: ignore[attr-defined]
    assert long.text(flag.name) == value  # type: ignore[attr-defined]
    if flag.short:  # type: ignore[attr-defined]
        assert read_flags([f"-{flag.short}={value}"]).values == long.values  # type: ignore[attr-defined]
    for name in flag.environment:  # type: ignore[attr-defined]
        assert read_flags([], {name: value}).values == long.values


def test_switches_stand_alone_together_or_with_a_value() -> None:
    assert settings("--redirect-dns").redirect_dns
    assert settings("--redirect-dns=true").redirect_dns
    assert not settings("ISTIO_META_DNS_CAPTURE=true", "--redirect-dns=false").redirect_dns
    assert settings("-np", "15009").outbound_port == "15009"


def test_a_lone_star_is_everything_and_an_empty_value_nothing() -> None:
    assert settings("-b", "*", "-i", "*").inbound_all
    assert settings("-i", "*").outbound == Ranges(everything=True)
    nothing = settings("-b", "", "-i", "", "-x", "")
    assert not nothing.captures_inbound
    assert nothing.outbound == Ranges()


def test_the_group_follows_the_user() -> None:
    assert settings("-u", "1000").proxy_gids == ("1000",)
    assert settings("-u", "1000", "-g", "2000").proxy_gids == ("2000",)


@pytest.mark.parametrize(
    ("addresses", "words", "ipv6"),
    [
        ((), (), False),
        (("10.0.0.1", "fd00::1"), (), False),
        (("10.0.0.1", "fd00::1"), ("--dual-stack",), True),
        (("10.0.0.1", "fd00::1"), ("ISTIO_DUAL_STACK=true",), True),
        (("fd00::1", "10.0.0.1"), (), True),
        (("10.0.0.1",), ("--dual-stack",), False),
    ],
)
def test_which_address_asks_for_ipv6_rules(addresses: tuple[str, ...], words: tuple[str, ...], ipv6: bool) -> None:
    assert settings(*words, addresses=addresses).ipv6 is ipv6


@pytest.mark.parametrize(
    ("words", "flag", "remedy"),
    [
        (["-b", "http"], "-b", "number"),
        (["-b", "80,*"], "-b", "lone *"),
        (["-b", "70000"], "-b", "65535"),
        (["-i", "10.0.0.1"], "-i", "10.0.0.1/32"),
        (["-i", "fd00::1"], "-i", "fd00::1/128"),
        (["-i", "10.0.0.0/8,*"], "-i", "stands alone"),
        (["-i", "10.0.0.0/33"], "-i", "ADDRESS/LENGTH"),
        (["-x", "*"], "-x", "-i empty"),
        (["ISTIO_SERVICE_CIDR=nonsense"], "ISTIO_SERVICE_CIDR", "10.0.0.0/8"),
        (["--istio-exclude-interfaces", "a-name-far-too-long"], "--istio-exclude-interfaces", "15 characters"),
        (["-u", "no body"], "-u", "numbers or names"),
        (["-p", "010"], "-p", "one number"),
        (["-t", "-1"], "-t", "one number"),
        (["--redirect-dns=maybe"], "--redirect-dns", "true or false"),
        (["ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR=10.0.0.0/8"], "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.0/8"),
        (["ISTIO_OUTBOUND_OWNER_GROUPS=" + ",".join(map(str, range(65)))], "ISTIO_OUTBOUND_OWNER_GROUPS", "EXCLUDE"),
        (["--istio-inbound-port", "80"], "--istio-inbound-port", "did you mean --istio-inbound-ports?"),
        (["-y"], "-y", "lists the flags"),
        (["-p"], "-p", "-p ''"),
        (["15001"], "15001", "lists the flags"),
    ],
)
def test_a_bad_value_names_the_flag_as_written_and_the_remedy(words: list[str], flag: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(read_flags(words))
    assert flag in caught.value.message
    assert remedy in caught.value.hint


def test_as_many_groups_as_fit_one_rule() -> None:
    groups = ",".join(map(str, range(64)))
    assert len(settings(f"ISTIO_OUTBOUND_OWNER_GROUPS={groups}").owner_groups or ()) == 64
    assert (
        len(settings("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE=" + ",".join(map(str, range(99)))).excluded_owner_groups)
        == 99
    )


def test_1_7_passes_over_what_is_no_range() -> None:
    assert settings("-i", "nonsense,10.0.0.0/8", version="1.7").outbound.v4 == ("10.0.0.0/8",)


POD_SPEC_LIST = """\
    - istio-iptables
    - -p
    - "15001"
    - -z
    - "15006"
    - -u
    - "1337"
    - -m
    - REDIRECT
    - -i
    - '*'
    - -x
    - ""
    - -b
    - '*'
    - -d
    - 15090,15021,15020
"""


def test_the_list_of_a_pod_specification() -> None:
    words = words_of(POD_SPEC_LIST)
    assert words == words_of(
        "istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i '*' -x '' -b '*' -d 15090,15021,15020"
    )
    assert words[words.index("-x") + 1] == ""
    assert words_of(POD_SPEC_LIST.lstrip()) == words


def test_yaml_reads_numbers_and_truth_values_where_words_were_meant() -> None:
    assert words_of("- -p\n- 15001\n- --redirect-dns\n- true\n- -x\n-\n") == (
        "-p",
        "15001",
        "--redirect-dns",
        "true",
        "-x",
        "",
    )


def test_a_whole_container_with_its_variables() -> None:
    containers = """
- name: something-else
  args: [sleep]
- name: istio-validation
  args: [istio-iptables, -p, "15001", --run-validation, --skip-rule-apply]
  env:
  - {name: ISTIO_META_DNS_CAPTURE, value: "true"}
  - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
"""
    made = read_settings(read_flags(words_of(containers)))
    assert made.interception.redirect_dns
    assert made.installs_nothing == "--skip-rule-apply"


@examples(max_examples=200, deadline=None)
@given(st.text(alphabet="-=abdimpxz*,:/0123456789 '\"\n[]{}\\#&!"), st.sampled_from(["", "- ", "args:\n- ", "["]))
def test_any_text_is_read_or_refused(text: str, start: str) -> None:
    try:
        read_settings(read_flags(words_of(start + text)))
    except InputError as error:
        assert error.message


@pytest.mark.parametrize("text", ["-d 'open", "- {a: b}\n- 1\n", "args: {a: b}", "- [nested]"])
def test_arguments_that_cannot_be_read_say_so(text: str) -> None:
    with pytest.raises(InputError) as caught:
        words_of(text)
    assert "istio-init" in caught.value.hint or caught.value.place is not None
