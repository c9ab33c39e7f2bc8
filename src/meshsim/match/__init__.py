"""How anything is chosen: conditions, and the selectors that decide and explain with the same conditions."""
