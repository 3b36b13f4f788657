"""Trials: who may have one, remembered by keyed hashes, so that nobody gets a second one under another name."""
