"""The state diagrams of docs/architecture.md match the transition tables of the records."""

from oropendola_payments.tests.support import diagrams
from oropendola_payments.tests.support.case import TestCase


class TestDiagrams(TestCase):
	def test_the_state_diagrams_match_the_transition_tables(self):
		text = diagrams.DOCUMENT.read_text(encoding="utf-8")
		self.assertEqual(diagrams.redrawn(text), text, f"Please run: {diagrams.COMMAND}")

	def test_a_stale_diagram_is_detected(self):
		text = diagrams.DOCUMENT.read_text(encoding="utf-8")
		stale = text.replace("Processing --> Paid", "Processing --> Refunded", 1)
		self.assertNotEqual(stale, text)
		self.assertEqual(diagrams.redrawn(stale), text)
