# ruff: noqa: F401  (these names are here for others)

from pypika import *  # noqa: F403
from pypika import Field

from frappe.query_builder.utils import Column, DocType, get_query_builder
