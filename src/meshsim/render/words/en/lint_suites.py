"""Words for what can be wrong with a scenario suite."""

from __future__ import annotations

from .finding_words import FindingWords

WORDS: dict[str, FindingWords] = {
    "MS201": FindingWords(
        "the suite cannot be used: {message} ({help})",
        "meshsim test ends with exit 2 for it: a key, a value or a file that it names is not there.",
        "mend what the message names",
    ),
    "MS202": FindingWords(
        "nothing in the suite uses {what} {name}",
        "The name stands under calls: or expect:, and no test, matrix or guard comes to it.",
        "remove it, or use it",
    ),
    "MS203": FindingWords(
        "none of the {suites} suites that were looked at uses {what} {name}",
        "The name stands in a file under use:, and no suite among those that were looked at comes to it. Another suite "
        "may.",
        "remove it if no other suite needs it",
    ),
    "MS204": FindingWords(
        "{name} pins the generated name {value} ({field})",
        "Kubernetes makes such names anew at every rollout (the hash of a replica set, the five letters of a pod, a "
        "UUID), so the suite fails at the next one for no reason.",
        "name the workload, the subset or the service, or write a pattern such as /^reviews-v1-/",
    ),
    "MS205": FindingWords(
        "{name} pins the version {value} ({field})",
        "Istio gives configuration a new version at every push, so the suite fails at the next capture.",
        "leave the version out, or write a pattern",
    ),
    "MS206": FindingWords(
        "{name} pins the pod address {value} ({field})",
        "The address stands in an assignment of a captured configuration, and pods get new ones at every restart. Not "
        "told of the demo mesh, of configuration written by hand, nor of an address that the call itself dials.",
        "expect the service, the subset or the pod",
    ),
    "MS207": FindingWords(
        "{name} pins the port {value} of a client ({field})",
        "The kernel picks a client's port anew for every connection, and the call does not state this one.",
        "leave the port to a pattern, or state source: in the call",
    ),
    "MS208": FindingWords(
        "{name} takes whatever comes: {field} may be {value}",
        "Nothing that the test expects can fail, so no change of the configuration would be seen.",
        "name the outcome, the route or the cluster that matters",
    ),
    "MS209": FindingWords(
        "the known gap of {name} was to be closed by {until}",
        "A gap past its day fails, whatever comes.",
        "close the gap, or agree on another day",
    ),
    "MS210": FindingWords(
        "the known gap of {name} stays open until {until}, more than two years from now",
        "A day that far away is none: the gap is never looked at again.",
        "name a day on which somebody will look",
    ),
    "MS211": FindingWords(
        "{name} does not say why",
        "Whoever sees it fail wants to know what it protects. Only told when it is asked for.",
        "add why:",
    ),
    "MS212": FindingWords(
        "call {name} says the same as call {other}",
        "Two names for one call drift apart when one of them is changed.",
        "keep one of them",
    ),
    "MS213": FindingWords(
        "{name} asks and expects the same as {other}",
        "Both have the same call, mesh and expectation: one of them protects nothing.",
        "remove one, or make it ask what its name says",
    ),
    "MS214": FindingWords(
        "no test is held to the guard {name}: all bear a tag that it excepts",
        "A guard stands over the calls of its suite, and except_tags exempts each of them.",
        "except fewer tags, or remove the guard",
    ),
    "MS215": FindingWords(
        "no test bears the tag {tag}, which the guard {name} excepts",
        "Mostly a slip of the pen: the test that is meant to be exempt is not.",
        "mend the tag, or drop it from except_tags",
    ),
    "MS216": FindingWords(
        "the matrix {name} has no cell that is {missing}",
        "A matrix says who may and who may not. Without a cell that is denied it passes where everything is open, "
        "without one that is allowed where nothing works.",
        "add a row or a column that is {missing}",
    ),
    "MS217": FindingWords(
        "the suite accepts {accepted} for {name}, and nothing of it was found",
        "What is accepted is no longer there, or its name is written differently.",
        "remove it from lint:",
    ),
}
