from .frappedict import _dict
