"""Every text that a customer reads on a page exists in the languages that come with the app."""

import ast
import csv
import re
import unittest
from pathlib import Path

from oropendola_payments.ai_billing import receipt
from oropendola_payments.pages import words

APP = Path(__file__).parent.parent
SOURCES = (
	"www/*.html", "www/*.py", "templates/**/*.html", "pages/*.py",
	"ai_billing/words.py", "ai_billing/receipt.py", "ai_billing/print_format/**/*.html",
)  # fmt: skip
CALL = re.compile(r"""\b_\(\s*((["'])(?:\\.|(?!\2).)*\2)""", re.DOTALL)
LANGUAGES = ("hi",)


def page_texts() -> set[str]:
	files = [file for pattern in SOURCES for file in APP.glob(pattern) if not file.name.startswith("test_")]
	found = {
		ast.literal_eval(match[0])
		for file in files
		for match in CALL.findall(file.read_text(encoding="utf-8"))
	}
	states = (*words.INVOICE_STATES.values(), *words.SUBSCRIPTION_STATES.values())
	return found | {word for word, _tone in states} | set(receipt.METHODS.values())


def translations(language: str) -> dict[str, str]:
	with (APP / "translations" / f"{language}.csv").open(encoding="utf-8", newline="") as file:
		return {row[0]: row[1] for row in csv.reader(file)}


class TestTranslations(unittest.TestCase):
	def test_every_text_of_the_pages_is_translated(self):
		texts = page_texts()
		self.assertGreater(len(texts), 150)
		for language in LANGUAGES:
			self.assertEqual(sorted(texts - set(translations(language))), [])

	def test_translations_keep_their_placeholders(self):
		for language in LANGUAGES:
			for text, translated in translations(language).items():
				self.assertEqual(
					sorted(re.findall(r"\{\d\}", text)), sorted(re.findall(r"\{\d\}", translated)), text
				)
				self.assertTrue(translated.strip(), text)
