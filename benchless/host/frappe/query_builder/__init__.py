from pypika import *  # noqa: F403
from pypika import Field

from frappe.query_builder.utils import Column, DocType, get_query_builder
