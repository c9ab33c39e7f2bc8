"""Sentences about configuration itself."""

WORDS: dict[str, str] = {
    "config.field-not-modelled": "{field} of {resource} is not modelled",
}
