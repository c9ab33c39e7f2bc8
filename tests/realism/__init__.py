"""The truth harness: a real Envoy and a real kernel answer a call, and their answers are what the engine is judged by.

Nothing in here may import meshsim to make an observation; only comparison tests may import both.
"""
