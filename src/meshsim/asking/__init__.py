"""What people type as they would for curl becomes a Call; the command line and scenario suites share it."""
