"""Finds which page an address means."""

import re

from werkzeug.routing import Rule

import frappe
from frappe.website.router import evaluate_dynamic_routes
from frappe.website.utils import get_home_page


class PathResolver:
	"""Finds the page of one address."""

	def __init__(self, path, http_status_code=None):
		self.path = path.strip("/ ")
		self.http_status_code = http_status_code

	def resolve(self):
		"""Give the resolved path and the page that renders it."""
		from frappe.website._pages import NotFoundPage, TemplatePage

		resolve_redirect(self.path)
		endpoint = resolve_path(self.path)
		page = TemplatePage(endpoint, self.http_status_code)
		return endpoint, page if page.can_render() else NotFoundPage(endpoint)

	def is_valid_path(self):
		return self.resolve()[1].http_status_code != 404


def resolve_redirect(path, query_string=None):
	"""Raise `frappe.Redirect` when a hook of an app moves this path elsewhere."""
	for rule in frappe.get_hooks("website_redirects"):
		pattern = rule["source"].strip("/ ") + "$"
		if re.match(pattern, path):
			frappe.local.flags.redirect_location = re.sub(pattern, rule["target"], path)
			raise frappe.Redirect(rule.get("redirect_http_status") or 301)


def resolve_path(path):
	path = (path or "index").removesuffix(".html")
	if path == "index":
		path = get_home_page()
	frappe.local.path = path
	return resolve_from_map(path)


def resolve_from_map(path):
	rules = [
		Rule(rule["from_route"], endpoint=rule["to_route"], defaults=rule.get("defaults"))
		for rule in get_website_rules()
	]
	return evaluate_dynamic_routes(rules, path) or path


def get_website_rules():
	return frappe.get_hooks("website_route_rules")
