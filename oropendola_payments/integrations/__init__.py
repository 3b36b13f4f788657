"""Other apps on the same site: what hooks.py names for them, and which of it is switched on."""
