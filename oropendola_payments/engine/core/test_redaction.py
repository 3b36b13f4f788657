import json
from pathlib import Path

import frappe
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.ai_billing.known_gateways import adapter_class
from oropendola_payments.engine.core.redaction import redact, redact_body, redact_headers, redact_text
from oropendola_payments.gateways.base import CREDENTIAL_SLOTS
from oropendola_payments.simulator.core.provider import OTP
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user
from oropendola_payments.tests.support.journey import GATEWAYS, Journey
from oropendola_payments.tests.support.proofs import examples
from oropendola_payments.tests.support.simulated import open_pay_page
from oropendola_payments.tests.support.time_travel import finish_refunds, sweep_until_settled

# Actor and owner are stored on purpose: the name of a user is the e-mail address.
IDENTITY = {
	"owner",
	"modified_by",
	"user",
	"actor",
	"name",
	"parent",
	"live_key",
	"buyer_snapshot",  # the parties of an invoice, which law wants on it
	"person_salt",
	"person_hash",
	"seen_by",
}
ALLOWED = (
	"User",
	"Contact",
	"Email",
	"Communication",
	"Notification",
	"Session",
	"Activity Log",
	"Has Role",
	"Default",
)


class TestRedactedTexts(TestCase):
	def test_personal_data_and_secrets_are_redacted_by_field_name(self):
		body = {
			"email": "asha@example.com", "customer": {"name": "Asha"}, "contact": "+919876543210", "hash": "abc", "vpa": "a@okbank",
			"card": {"number": "4111111111111111", "last4": "1111"}, "amount": "499.00", "txnid": "ABC", "otp": "123456",
		}  # fmt: skip
		text = json.dumps(redact(body))
		for private in ("asha", "Asha", "9876543210", "abc", "okbank", "4111111111111111", "123456"):
			self.assertNotIn(private, text)
		for kept in ("499.00", "ABC", "1111"):
			self.assertIn(kept, text)

	def test_personal_data_inside_free_text_is_redacted(self):
		text = redact_text(
			"Card 4111 1111 1111 1111 of asha.r@example.in (asha@okbank, +91 98765 43210) was refused for ORDER42"
		)
		for private in ("4111 1111", "asha", "98765"):
			self.assertNotIn(private, text)
		self.assertIn("ORDER42", text)

	def test_a_body_longer_than_the_kept_length_is_redacted_before_it_is_cut(self):
		"""A cut JSON body is no JSON any more, so it must not be read as a form and stored unredacted."""
		body = json.dumps({"filler": "x=y" * 30_000, "email": "asha@example.com"}).encode()
		kept = redact_body(body)
		self.assertLessEqual(len(kept), 50_000)
		self.assertNotIn("asha", redact_body(body, limit=10**7))

	def test_signature_and_authorization_headers_are_not_stored(self):
		headers = {
			"X-Razorpay-Signature": "s",
			"Authorization": "a",
			"Cookie": "sid=1",
			"User-Agent": "u",
			"X-VERIFY": "v",
		}
		self.assertEqual(redact_headers(headers), {"User-Agent": "u"})

	@given(st.binary(max_size=300))
	@settings(max_examples=examples(200), deadline=None, database=None)
	def test_any_bytes_can_be_redacted(self, body):
		self.assertIsInstance(redact_body(body), str)

	@given(st.sampled_from(("asha@example.com", "asha@okbank")), st.text(alphabet='{}[]",:=& ', max_size=20))
	@settings(max_examples=examples(200), deadline=None, database=None)
	def test_an_email_address_is_redacted_in_any_surrounding_text(self, address, noise):
		self.assertNotIn(address, redact_body(f"{noise}note={noise}{address}{noise}".encode()))


class TestStoredData(TestCase):
	"""The evidence of R22 without personal data: after a whole flow all tables and logs are searched."""

	def test_no_table_and_no_log_identifies_the_customer(self):
		"""S37."""
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				since, sizes = frappe.utils.now(), log_sizes()
				journey = Journey(gateway, user=create_user(first_name="Quixotina"))
				person = frappe.get_doc("User", journey.user)
				self.whole_flow(journey)
				private = [
					person.email,
					person.mobile_no,
					person.mobile_no[3:],
					"Quixotina",
					f'"{OTP}"',
					*secrets_of(gateway),
				]
				self.assertEqual(found_in_tables(since, private), [])
				self.assertEqual(found_in_logs(sizes, private), [])

	@staticmethod
	def whole_flow(journey: Journey):
		first = journey.start()
		journey.deliver_return(journey.customer_pays(first, "failure"))
		journey.deliver_all()
		journey.sim.faults.add(journey.gateway, "status", "garbage")
		sweep_until_settled(journey, rounds=1)
		answer = journey.retry() if journey.status() in ("Failed", "Abandoned") else journey.initiate()
		if answer["success"]:
			open_pay_page(answer)
			journey.deliver_return(journey.customer_pays(answer["attempt"]))
			journey.deliver_all()
		sweep_until_settled(journey, rounds=1)
		journey.refund(100)
		finish_refunds(journey.gateway, journey.invoice)
		journey.deliver_all()
		frappe.log_error(title="A bug in a flow", message=frappe.get_traceback())
		frappe.db.commit()


def secrets_of(gateway: str) -> list[str]:
	return [
		value
		for slot, value in adapter_class(gateway).simulator_secrets.items()
		if CREDENTIAL_SLOTS.get(slot)
	]


def found_in_tables(since: str, private: list[str]) -> list[str]:
	"""Columns of new rows that contain one of these texts."""
	found = set()
	for table in frappe.db.get_tables(cached=False):
		doctype = table.removeprefix("tab")
		if not table.startswith("tab") or doctype.startswith(ALLOWED):
			continue
		columns = frappe.db.get_db_table_columns(table)
		if "creation" not in columns:
			continue
		for row in frappe.db.sql(f"SELECT * FROM `{table}` WHERE creation >= %s", (since,), as_dict=True):
			found |= {
				f"{doctype}.{c}: {p}"
				for c, v in row.items()
				if c not in IDENTITY
				for p in private
				if p in str(v)
			}
	return sorted(found)


def log_sizes() -> dict[Path, int]:
	return {path: path.stat().st_size for path in Path(frappe.get_site_path("logs")).glob("*.log")}


def found_in_logs(sizes: dict[Path, int], private: list[str]) -> list[str]:
	found = []
	for path in log_sizes():
		text = path.read_bytes()[sizes.get(path, 0) :].decode(errors="replace")
		found += [f"{path.name}: {p}" for p in private if p in text]
	return found
