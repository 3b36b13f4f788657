# ruff: noqa: F401  (these names are here for others)

from .frappedict import _dict
