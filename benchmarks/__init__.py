"""How fast meshsim is: `python -m benchmarks`.

A table for each question, printed for people and kept as JSON. Machines differ, so every figure that is compared is a
ratio of two times from the same run. Nothing here decides whether a build is green.
"""
