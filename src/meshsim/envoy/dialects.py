"""The runtime of one Envoy -> how it reads its configuration.

envoyproxy/envoy source/common/common/regex.cc, source/common/router/config_utility.cc.
"""

from __future__ import annotations

from ..config.dialect import Dialect
from ..match.regex import RegexRules
from .runtime import Runtime

LATIN1 = "re2_use_latin1_mode"
"""The runtime guard of 1.40; off, patterns and values are UTF-8."""
ABSENT_PARAMETERS = "enable_new_query_param_present_match_behavior"
"""The runtime guard of 1.34."""
LARGEST_PROGRAM = "re2.max_program_size.error_level"
USUAL_LARGEST_PROGRAM = 100


def dialect_of(runtime: Runtime, *, runtime_known: bool) -> Dialect:
    """Where the bootstrap is in no input, or a layer may hide another size, no pattern is refused for its size."""
    certain = runtime_known and runtime.doubt(LARGEST_PROGRAM) is None
    largest = runtime.integer(LARGEST_PROGRAM, USUAL_LARGEST_PROGRAM) if certain else None
    return Dialect(RegexRules(runtime.guard(LATIN1), largest), runtime.guard(ABSENT_PARAMETERS))
