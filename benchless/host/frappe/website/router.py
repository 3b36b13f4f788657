"""Matches dynamic routes such as `/pay/<invoice>`."""

from werkzeug.exceptions import NotFound
from werkzeug.routing import Map

import frappe


def evaluate_dynamic_routes(rules, path):
	"""Give the page that a rule names for this path, and put the route's values into `form_dict`."""
	urls = Map(rules).bind_to_environ(frappe.local.request.environ)
	try:
		endpoint, values = urls.match("/" + path)
	except NotFound:
		return None
	frappe.local.form_dict.update(values)
	return endpoint
