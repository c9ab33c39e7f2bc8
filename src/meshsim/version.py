"""The version of meshsim; nothing else."""

__version__ = "0.1.0"
