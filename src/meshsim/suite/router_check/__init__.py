"""Tests written for Envoy's router_check_tool, answered by this engine's own route stages."""
