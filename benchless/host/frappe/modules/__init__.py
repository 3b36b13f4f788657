# ruff: noqa: F401  (these names are here for others)

from .utils import *  # noqa: F403
from .utils import load_doctype_module
