"""Role-based access control: policies of permissions and principals, for connections and for requests alike."""
