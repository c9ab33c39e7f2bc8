"""Reasons about configuration itself: what of it is not modelled."""

REASONS: dict[str, tuple[str, ...]] = {
    "config.field-not-modelled": ("field", "resource"),
}
