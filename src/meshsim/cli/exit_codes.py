"""The exit codes of all commands; users' scripts rely on them."""

DONE = 0
FAILED = 1
"""An expectation failed, or a line of a batch was bad."""
BAD_INPUT = 2
ASSUMED = 3
"""With --strict: an assumption was needed."""
DEFECT = 70
INTERRUPTED = 130
"""What a shell reports for a command that ^C ended."""
