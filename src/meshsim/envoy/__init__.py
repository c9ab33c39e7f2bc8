"""Envoy's configuration compiled for deciding; nothing here knows the walk or the kernel."""
