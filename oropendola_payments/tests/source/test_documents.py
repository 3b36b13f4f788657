"""The documents are complete: every endpoint, error code, job and invariant is described."""

import re
from pathlib import Path

import frappe

from oropendola_payments import exceptions
from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.api.test_arguments import parameters_of
from oropendola_payments.commands import commands
from oropendola_payments.engine.monitoring import invariants
from oropendola_payments.gateways import BUILT_IN, errors
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.endpoints import ROWS
from oropendola_payments.tests.support.rooms import LAYERS
from oropendola_payments.tests.support.source import APP, ROOT, files

DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "benchless" / "README.md", *sorted(DOCS.rglob("*.md"))]
# The first line holds commands, hooks and aliases of old names; the simulator has one row.
LISTED = {name for names in LAYERS[1:] for name in names if "/" in name and "simulator" not in name}
DOCUMENT = re.compile(r"(?<![\w-])[\w-]+\.md\b")
# Chapters of papers that nobody but their author has.
ELSEWHERE = re.compile(r"\b(?:[Ll]essons?|[Ff]acts?|[Dd]esign) \d|\.md,? section \d")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


class TestDocuments(TestCase):
	def section(self, text: str, endpoint: str) -> str:
		"""The text from the heading of the endpoint to the next one; endpoints of the Desk share a section."""
		found = re.search(rf"^###[^\n]*`{endpoint}\b.*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
		if not found and endpoint.startswith("desk."):
			found = re.search(r"^### The numbers of the Desk.*?(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
		self.assertTrue(found and endpoint in found[0], f"docs/api.md does not describe {endpoint}")
		return found[0]

	def test_every_endpoint_is_described_with_its_parameters(self):
		text = (DOCS / "api.md").read_text()
		for row in ROWS:
			section = self.section(text, row.endpoint)
			for name in parameters_of(row.endpoint):
				self.assertRegex(section, rf"`{name}\??`", f"{row.endpoint} has the parameter {name}")

	def test_every_endpoint_has_an_example(self):
		text = (DOCS / "api.md").read_text()
		for row in ROWS:
			if not row.endpoint.startswith("desk."):
				self.assertIn("curl", self.section(text, row.endpoint), row.endpoint)

	def test_every_error_code_is_described(self):
		text = (DOCS / "api.md").read_text()
		codes = {cls.error_code for cls in vars(exceptions).values() if hasattr(cls, "error_code")}
		codes |= {cls.code for cls in vars(errors).values() if isinstance(cls, type)}
		for path in files("engine") + files("api"):
			codes |= set(re.findall(r'^\terror_code = "(\w+)"', path.read_text(), re.MULTILINE))
		self.assertEqual({code for code in codes if f"`{code}`" not in text}, set())

	def test_every_scheduled_job_is_described(self):
		text = (DOCS / "operations.md").read_text()
		events = frappe.get_hooks("scheduler_events", app_name="oropendola_payments")
		jobs = {job for entry in _leaves(events) if (job := entry).startswith("oropendola_payments.")}
		self.assertGreater(len(jobs), 8)
		for job in jobs:
			self.assertIn("`" + ".".join(job.split(".")[-2:]) + "`", text)

	def test_every_invariant_and_every_command_is_described(self):
		text = (DOCS / "operations.md").read_text()
		for name in (*invariants.RULES, *(command.name for command in commands)):
			self.assertIn(name, text)

	def test_the_rooms_are_listed_in_their_order(self):
		text = (DOCS / "architecture.md").read_text()
		places = [text.find(f"`{_on_the_page(name)}") for names in LAYERS for name in names if name in LISTED]
		self.assertNotIn(-1, places)
		self.assertEqual(places, sorted(places))

	def test_every_file_on_the_page_about_architecture_exists(self):
		text = (DOCS / "architecture.md").read_text()
		for path in re.findall(r"`([\w/]+/|[\w/]+\.py)`", text):
			self.assertTrue((APP / path).exists() or (ROOT / path).exists(), path)

	def test_every_record_is_on_the_page_about_architecture(self):
		text = (DOCS / "architecture.md").read_text()
		types = frappe.get_all("DocType", {"module": "AI Billing", "istable": 0}, pluck="name")
		self.assertGreater(len(types), 40)
		self.assertEqual([name for name in types if f"\n| {name} | " not in text], [])

	def test_every_gateway_has_its_page_with_its_keys(self):
		for code in BUILT_IN:
			text = (DOCS / "gateways" / f"{code}.md").read_text()
			labels = {credential.label for credential in adapter_class(code).credentials}
			self.assertEqual({label for label in labels if label not in text}, set(), code)

	def test_every_link_between_the_documents_has_a_target(self):
		for page in PAGES:
			for target in LINK.findall(page.read_text()):
				if "://" not in target:
					self.assertTrue((page.parent / target).exists(), f"{page.name} links to {target}")

	def test_no_text_refers_to_a_document_that_is_not_here(self):
		known = {page.name for page in (*PAGES, *ROOT.glob("*/*.md"))} | {"acmepay.md"}  # the made-up gateway
		for path in (*PAGES, *files(tests=True), *sorted((ROOT / "benchless").rglob("*.py"))):
			text = path.read_text(encoding="utf-8")
			if path != Path(__file__):
				self.assertEqual(set(DOCUMENT.findall(text)) - known, set(), path)
				self.assertIsNone(ELSEWHERE.search(text), path)


def _on_the_page(room: str) -> str:
	"""A room as the page writes it: engine/core/ or engine/privacy.py, gateways/<provider>/."""
	name = room.replace("*", "<provider>")
	return f"{name}.py" if (APP / f"{name}.py").is_file() else f"{name}/"


def _leaves(value):
	if isinstance(value, dict):
		for item in value.values():
			yield from _leaves(item)
	elif isinstance(value, list | tuple):
		for item in value:
			yield from _leaves(item)
	else:
		yield str(value)
