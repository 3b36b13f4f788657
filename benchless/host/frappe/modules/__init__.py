from .utils import *  # noqa: F403
from .utils import load_doctype_module
