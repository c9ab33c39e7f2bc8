"""What one RouteMatch takes compared with what another takes: proven with the conditions that decide, else no."""
