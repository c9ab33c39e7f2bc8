"""What is Istio's alone: its names and identities, on top of what Envoy and the kernel know."""
