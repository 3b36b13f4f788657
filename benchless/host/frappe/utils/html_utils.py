"""Removes dangerous parts from HTML that users send."""

import json
import re

import bleach

from .._absent import _absent

_TAGS = """a abbr address b big blockquote br caption center cite code col colgroup dd del details dfn div dl dt em figure
	font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strike strong sub summary sup
	table tbody td tfoot th thead tr u ul"""
_ATTRIBUTES = """alt align border class color colspan dir height href id lang rel rowspan src start target title width"""


def sanitize_html(html, linkify=False, always_sanitize=False):
	"""HTML with nothing in it that runs; JSON and text without tags come back as they are."""
	if not isinstance(html, str) or "<" not in html:
		return html
	if not always_sanitize and (is_json(html) or not re.search(r"<[a-zA-Z!/]", html)):
		return html
	options = {"attributes": _ATTRIBUTES.split(), "protocols": ["http", "https", "mailto", "cid"]}
	return bleach.clean(html, tags=_TAGS.split(), strip_comments=False, **options)


def is_json(text) -> bool:
	try:
		json.loads(text)
	except ValueError:
		return False
	return True


_absent("frappe.utils.html_utils")
