"""What travels: packets, connections, conversations, requests, and the call the user asked about."""
