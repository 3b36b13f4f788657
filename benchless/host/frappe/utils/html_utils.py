"""Takes the dangerous parts out of HTML that users send."""

import json
import re
from html import escape, unescape
from html.parser import HTMLParser

_SAFE_TAGS = re.compile(
	r"a|abbr|address|b|big|blockquote|br|caption|center|cite|code|col|colgroup|dd|del|details|dfn|div|dl|dt|em|figure"
	r"|font|h[1-6]|hr|i|img|ins|kbd|li|mark|ol|p|pre|q|s|samp|section|small|span|strike|strong|sub|summary|sup|table"
	r"|tbody|td|tfoot|th|thead|tr|u|ul"
)
_SAFE_ATTRIBUTES = re.compile(
	r"alt|align|border|class|color|colspan|dir|height|id|lang|rel|rowspan|start|style|target|title|width|data-.*"
)
_SAFE_ADDRESS = re.compile(r"^\s*(https?:|mailto:|cid:|[^:]*$|[^:]*[/?#])", re.IGNORECASE)


class _Cleaner(HTMLParser):
	"""Writes safe tags again and everything else as text."""

	def __init__(self):
		super().__init__(convert_charrefs=False)
		self.parts = []

	def handle_starttag(self, tag, attributes):
		source = self.get_starttag_text()
		if not _SAFE_TAGS.fullmatch(tag):
			self.parts.append(escape(source, quote=False))
			return
		kept = "".join(
			f' {name}="{escape(value or "")}"' for name, value in attributes if _is_safe(name, value)
		)
		self.parts.append(f"<{tag}{kept}{' /' if source.endswith('/>') else ''}>")

	handle_startendtag = handle_starttag

	def handle_endtag(self, tag):
		self.parts.append(f"</{tag}>" if _SAFE_TAGS.fullmatch(tag) else f"&lt;/{tag}&gt;")

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
	return bool(_SAFE_ATTRIBUTES.fullmatch(name))


def sanitize_html(html, linkify=False, always_sanitize=False):
	"""HTML with nothing in it that runs; JSON and text without tags come back as they are."""
	if not isinstance(html, str) or "<" not in html:
		return html
	if not always_sanitize and (is_json(html) or not re.search(r"<[a-zA-Z!/]", html)):
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
