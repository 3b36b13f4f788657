"""A browser without JavaScript, for tests: it opens pages and submits their forms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from werkzeug.test import Client


@dataclass
class PageForm:
	action: str
	fields: dict[str, str] = field(default_factory=dict)  # hidden inputs and preselected choices
	entries: list[str] = field(default_factory=list)  # names of the text inputs
	buttons: list[str] = field(default_factory=list)  # values of the `outcome` buttons


@dataclass
class Page:
	status: int
	text: str
	headers: Mapping[str, str]
	forms: list[PageForm]

	@property
	def location(self) -> str:
		return self.headers.get("Location", "")


class Browser:
	def __init__(self, app, address: str):
		self._client = Client(app)
		self._address = address

	def get(self, url: str) -> Page:
		return self._read(self._client.get(self._path(url), base_url=self._address))

	def post(self, url: str, fields: Mapping[str, str]) -> Page:
		return self._read(self._client.post(self._path(url), base_url=self._address, data=dict(fields)))

	def is_inside(self, url: str) -> bool:
		"""Whether the address is a page of the simulator, so that paying goes on."""
		return url.startswith(("/", self._address + "/"))

	def _path(self, url: str) -> str:
		if not self.is_inside(url):
			raise ValueError(f"{url} is not a page of the simulator.")
		parts = urlsplit(url)
		return f"{parts.path}?{parts.query}" if parts.query else parts.path

	@staticmethod
	def _read(response) -> Page:
		reader = _FormReader()
		reader.feed(response.text)
		return Page(response.status_code, response.text, dict(response.headers), reader.forms)


class _FormReader(HTMLParser):
	def __init__(self):
		super().__init__()
		self.forms: list[PageForm] = []

	def handle_starttag(self, tag, attributes):
		values = dict(attributes)
		name = values.get("name") or ""
		if tag == "form":
			self.forms.append(PageForm(values.get("action") or ""))
		elif self.forms and tag == "button" and name == "outcome":
			self.forms[-1].buttons.append(values.get("value") or "")
		elif self.forms and tag == "input" and name:
			self._read_input(self.forms[-1], name, values)

	@staticmethod
	def _read_input(form: PageForm, name: str, values: dict):
		kind = values.get("type") or "text"
		if kind == "hidden" or (kind == "radio" and "checked" in values):
			form.fields[name] = values.get("value") or ""
		elif kind == "text":
			form.entries.append(name)
