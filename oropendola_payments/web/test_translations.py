"""Every text on a customer page exists in the languages that come with the app."""

import ast
import csv
import re
import unittest
from pathlib import Path

from oropendola_payments.ai_billing import payment_methods
from oropendola_payments.ai_billing.places import STATES_OF_INDIA
from oropendola_payments.engine.core import transactions
from oropendola_payments.engine.settlement import attempt_outcomes, unfinished
from oropendola_payments.engine.webhooks_out import outcome, post
from oropendola_payments.web import words

APP = Path(__file__).parent.parent
SOURCES = (
	"www/*.html", "www/*.py", "templates/**/*.html", "web/*.py",
	"ai_billing/formatting.py", "ai_billing/payment_methods.py", "ai_billing/receipt.py", "ai_billing/print_format/**/*.html",
)  # fmt: skip
# The modules whose refusals customers see on a page or in an API response.
REFUSALS = (
	"api/*.py",
	"engine/checkout/*.py",
	"engine/core/*.py",
	"engine/coupons/*.py",
	"engine/entitlements/*.py",
	"engine/frontends/*.py",
	"engine/gateway/*.py",
	"engine/parts/*.py",
	"engine/payouts/*.py",
	"engine/link_checkout/*.py",
	"engine/links/*.py",
	"engine/ending/*.py",
	"engine/pauses/*.py",
	"engine/keys/*.py",
	"engine/phone/*.py",
	"engine/self_service/*.py",
	"engine/usage_ledger/*.py",
	"engine/webhooks_out/*.py",
	"engine/plan_changes/*.py",
	"engine/subscriptions/*.py",
	"engine/tax/*.py",
	"engine/top_ups/*.py",
	"engine/wallet/*.py",
	"engine/documents/rendering.py",
	"integrations/payments_app/*.py",
	"engine/notifications/receipts.py",
	"mcp/*/*.py",
	"ai_billing/known_gateways.py",
	"ai_billing/places.py",
	"ai_billing/records.py",
	"ai_billing/tax_ids.py",
	"ai_billing/doctype/*/*.py",
)
# Stored in English.
REASONS = (
	*attempt_outcomes.CLOSING_REASONS.values(),
	attempt_outcomes.FAILED_REASON,
	attempt_outcomes.MISMATCH_REASON,
	attempt_outcomes.ABANDONED_REASON,
	attempt_outcomes.CANCELLED_REASON,
	attempt_outcomes.PAID_OTHERWISE_REASON,
	attempt_outcomes.RETURNED_REASON,
	unfinished.NOT_COMPLETED_REASON,
	unfinished.ENDED_REASON,
	*post.REASONS,
	outcome.DISABLED,
)
# Second words for what has one already, or words that say something else: (wrong, right).
REJECTED = (
	("गेटवे", "भुगतान सेवा"),
	("भुगतान प्रदाता", "भुगतान सेवा प्रदाता"),
	("धनवापसी", "रिफ़ंड"),
	("विराम", "रुकी हुई"),
	("मान्यता", "कब तक मान्य"),
	("कर इनवॉइस", "टैक्स इनवॉइस"),
	("कर दस्तावेज़", "टैक्स दस्तावेज़"),
	("कर विभाग", "टैक्स विभाग"),
	("टैक्स ID", "टैक्स आईडी"),
	("नवीनीकृत", "रिन्यू"),
	("ईवेंट", "इवेंट"),
	("पृष्ठ बंद", "पेज बंद"),
	("अल्पविराम", "कॉमा"),
	("भागों", "किस्तों"),
)
CALL = re.compile(r"""\b_\(\s*((["'])(?:\\.|(?!\2).)*\2)""", re.DOTALL)
LANGUAGES = ("hi",)


def page_texts() -> set[str]:
	states = (*words.INVOICE_STATES.values(), *words.SUBSCRIPTION_STATES.values())
	return (
		texts_in(sources(SOURCES)) | {word for word, _tone in states} | set(payment_methods.LABELS.values())
	)


def sources(patterns: tuple[str, ...]) -> list[Path]:
	found = [file for pattern in patterns for file in sorted(APP.glob(pattern))]
	return [file for file in found if not file.name.startswith("test_")]


def texts_in(files) -> set[str]:
	return {text for file in files for text in (_in_code if file.suffix == ".py" else _in_template)(file)}


def _in_template(file: Path) -> set[str]:
	return {ast.literal_eval(match[0]) for match in CALL.findall(file.read_text(encoding="utf-8"))}


def _in_code(file: Path) -> set[str]:
	calls = [
		node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
	]
	firsts = [call.args[0] for call in calls if getattr(call.func, "id", "") == "_" and call.args]
	return {first.value for first in firsts if isinstance(first, ast.Constant)}


def translations(language: str) -> dict[str, str]:
	with (APP / "translations" / f"{language}.csv").open(encoding="utf-8", newline="") as file:
		return {row[0]: row[1] for row in csv.reader(file)}


class TestTranslations(unittest.TestCase):
	def test_every_text_of_the_pages_is_translated(self):
		texts = page_texts()
		self.assertGreater(len(texts), 150)
		for language in LANGUAGES:
			self.assertEqual(sorted(texts - set(translations(language))), [])

	def test_every_engine_text_shown_to_customers_is_translated(self):
		texts = texts_in(sources(REFUSALS)) | set(transactions.NOUNS.values()) | set(STATES_OF_INDIA)
		self.assertGreater(len(texts), 120)
		for language in LANGUAGES:
			self.assertEqual(sorted({*texts, *REASONS} - set(translations(language))), [])

	def test_one_thing_has_one_word_in_hindi(self):
		for text, translated in translations("hi").items():
			for wrong, right in REJECTED:
				self.assertNotIn(wrong, translated, f"{text}: please write {right}")

	def test_translations_keep_their_placeholders(self):
		for language in LANGUAGES:
			for text, translated in translations(language).items():
				self.assertEqual(
					sorted(re.findall(r"\{\d\}", text)), sorted(re.findall(r"\{\d\}", translated)), text
				)
				self.assertTrue(translated.strip(), text)
