"""Which gateway is recommended: one that works and fits, and of these the one at which payments succeed more often."""
