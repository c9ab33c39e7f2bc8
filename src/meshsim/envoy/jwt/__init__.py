"""JSON web tokens as Envoy's jwt_authn filter reads and checks them; nothing here knows of filters."""
