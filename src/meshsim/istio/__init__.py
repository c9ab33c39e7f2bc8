"""What is Istio's alone: its names and identities, and the packet rules it writes into a pod."""
