"""Takes the dangerous parts out of HTML that users send."""

import json
import re
from html import escape, unescape
from html.parser import HTMLParser

_SAFE_TAGS = frozenset(
	"""a abbr address b big blockquote br caption center cite code col colgroup dd del details div dl dt em figure
	font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strike strong sub summary
	sup table tbody td tfoot th thead tr u ul""".split()
)
_SAFE_ATTRIBUTES = frozenset(
	"alt align border class color colspan dir height href id lang rel rowspan src start style target title width".split()
)
_SAFE_ADDRESS = re.compile(r"^\s*(https?:|mailto:|cid:|[^:]*$|[^:]*[/?#])", re.IGNORECASE)


class _Cleaner(HTMLParser):
	"""Writes safe tags again and everything else as text."""

	def __init__(self):
		super().__init__(convert_charrefs=False)
		self.parts = []

	def handle_starttag(self, tag, attributes):
		source = self.get_starttag_text()
		if tag not in _SAFE_TAGS:
			self.parts.append(escape(source, quote=False))
			return
		kept = "".join(f' {name}="{escape(value or "")}"' for name, value in attributes if _is_safe(name, value))
		self.parts.append(f"<{tag}{kept}{' /' if source.endswith('/>') else ''}>")

	handle_startendtag = handle_starttag

	def handle_endtag(self, tag):
		self.parts.append(f"</{tag}>" if tag in _SAFE_TAGS else f"&lt;/{tag}&gt;")

	def handle_data(self, data):
		self.parts.append(escape(data, quote=False))

	def handle_entityref(self, name):
		self.parts.append(f"&{name};")

	def handle_charref(self, name):
		self.parts.append(f"&#{name};")

	def handle_comment(self, data):
		self.parts.append(f"<!--{data}-->")


def _is_safe(name: str, value: str | None) -> bool:
	if name in ("href", "src"):
		return bool(_SAFE_ADDRESS.match(unescape(value or "")))
	return name in _SAFE_ATTRIBUTES or name.startswith("data-")


def sanitize_html(html, linkify=False, always_sanitize=False):
	"""HTML with nothing in it that runs; JSON and text without tags come back as they are."""
	if not isinstance(html, str) or "<" not in html:
		return html
	if not always_sanitize and (is_json(html) or not re.search(r"<\s*[a-zA-Z!/]", html)):
		return html
	cleaner = _Cleaner()
	cleaner.feed(html)
	cleaner.close()
	return "".join(cleaner.parts)


def is_json(text) -> bool:
	try:
		json.loads(text)
	except ValueError:
		return False
	return True


def unescape_html(value) -> str:
	return unescape(value)
