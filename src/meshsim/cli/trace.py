"""`meshsim trace`: one call, or a batch of them, through one mesh. Here the command line is read and checked.

The engine is imported only once the flags are known to be good.
"""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence

from ..asking.call_flags import add_call_flags, call_flags_given, call_from
from ..schema import schema
from .expect import parse_expectation
from .usage import Parser, UsageError

GRANULARITIES = ("subset", "endpoint", "cluster")
POLICIES = ("ALLOW_ANY", "REGISTRY_ONLY")

_EXAMPLES = """examples:
  meshsim trace --dst 10.0.0.5:80
  meshsim trace http://reviews:9080/reviews/1 -H 'end-user: jason' -c captures/
  meshsim trace --from sleep --dst 10.0.0.5:80 --host example.com -c config_dump.json -c rules.v4
  meshsim trace --inbound --dst 10.80.3.109:80 --src 10.0.0.9 --tls --sni x --alpn istio
  meshsim trace --all http://helloworld/hello

without -c the embedded demo mesh answers; --http2 offers HTTP/2 where there is TLS, as curl does:
for plaintext HTTP/2 say --http2-prior-knowledge

exit codes: 0 done, 1 an expectation failed or a batch line was bad, 2 bad usage or input,
            3 with --strict an assumption was needed, 70 a defect of meshsim"""


def parser() -> Parser:
    made = Parser(
        "trace",
        usage="meshsim trace [URL] [flags]",
        description="Where does a call end up, and why?",
        epilog=_EXAMPLES,
    )
    add_call_flags(made)
    add = made.add_argument_group("configuration").add_argument
    add("-c", "--config", action="append", default=[], metavar="[POD=]PATH", help="a file, - or a folder; repeatable")
    add(
        "--istio-iptables",
        action="append",
        default=[],
        metavar="[POD=]ARGS",
        help="flags of istio-init (and --dns-server IP), for pods without a rules file; repeatable",
    )
    add("--outbound-policy", choices=POLICIES, metavar="POLICY", help="of the demo mesh: " + " or ".join(POLICIES))
    add = made.add_argument_group("answer").add_argument
    add("-o", "--output", choices=("text", "json", "jsonl"), metavar="FORMAT", help="text, json or jsonl")
    add("-v", "--verbose", action="count", default=0, help="the candidates of each decision; -vv every check")
    add("--all", action="store_true", help="every branch with its probability, equivalent endpoints merged")
    add("--by", choices=GRANULARITIES, metavar="WHAT", help="merge branches by " + ", ".join(GRANULARITIES))
    add("--max-branches", type=_count, metavar="N", help="show the likeliest N (1000), count the rest")
    add("--strict", action="store_true", help="an assumption makes the outcome unknown, exit 3")
    add("--expect", action="append", default=[], metavar="PATH=VALUE", help="exit 1 if not so; != too; repeatable")
    add("--batch", metavar="FILE", help="a call document a line (- for standard input), a trace document a line out")
    add("--show-secrets", action="store_true", help="do not redact")
    return made


def main(arguments: Sequence[str]) -> int:
    flags = parser().read(arguments)
    if flags.outbound_policy is not None and flags.config:
        raise UsageError(
            "--outbound-policy with -c: the policy stands in your configuration",
            hint="it sets the policy of the demo mesh, which answers without -c",
        )
    for given, name in ((flags.by, "--by"), (flags.max_branches, "--max-branches")):
        if given is not None and not flags.all:
            raise UsageError(f"{name} without --all: one trace has one branch", hint="add --all")
    if flags.config.count("-") + (flags.batch == "-") > 1:
        raise UsageError("standard input can be read once: give - to one of -c and --batch")
    expectations = [parse_expectation(text, schema("trace")) for text in flags.expect]
    if flags.batch is not None:
        _check_batch(flags)
        from .batch import answer_batch

        return answer_batch(flags, expectations)
    call = call_from(flags)
    if flags.all:
        from .all_branches import answer_all

        return answer_all(flags, call, expectations)
    from .answer import answer

    return answer(flags, call, expectations)


def _check_batch(flags: Namespace) -> None:
    if flags.output not in (None, "jsonl"):
        raise UsageError(f"--batch with -o {flags.output}: a batch answers in jsonl", hint="drop -o")
    if flags.all:
        raise UsageError("--batch with --all: a batch answers each line with one trace", hint="drop one of them")
    given = call_flags_given(flags, _call_defaults())
    if given:
        name = "the URL" if given[0] == "url" else "--" + given[0].rstrip("_").replace("_", "-")
        raise UsageError(f"--batch with {name}: each line is a whole call", hint="write it into the call documents")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) == int(text[:10]):
        raise ArgumentTypeError(f"{text!r} is no number of branches")
    return int(text)


def _call_defaults() -> Namespace:
    alone = Parser("trace")
    add_call_flags(alone)
    return alone.parse_args([])
