"""What an app's own bench commands need."""

from functools import wraps

import click

import frappe
from frappe._absent import _absent


def pass_context(f):
	"""Give a command that gets the chosen sites as its first argument."""

	@wraps(f)
	def command(context, *args, **kwargs):
		return f(frappe._dict(context.obj), *args, **kwargs)

	return click.pass_context(command)


def get_site(context, raise_err=True):
	if context.sites:
		return context.sites[0]
	if raise_err:
		raise frappe.SiteNotSpecifiedError("Please specify --site sitename")


_absent("frappe.commands")
