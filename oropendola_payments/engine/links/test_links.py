"""Payment links: what is stored, how long they are valid, how many there may be, and what ends them."""

import frappe
from frappe.utils import add_days, get_datetime, now_datetime

from oropendola_payments.ai_billing import qr
from oropendola_payments.ai_billing.doctype.ai_payment_link.ai_payment_link import hash_token
from oropendola_payments.api.subscription_renewal import renew_subscription
from oropendola_payments.engine import privacy
from oropendola_payments.engine.core.signing import is_signed, sign
from oropendola_payments.engine.ending import now
from oropendola_payments.engine.links import create as links
from oropendola_payments.engine.links.find import WRONG_TOKENS, find, invoice_of, standing
from oropendola_payments.engine.links.list_links import links_of
from oropendola_payments.engine.subscriptions import lifecycle
from oropendola_payments.exceptions import BadRequest, Conflict, NotFound, TooManyRequests
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.customers import pay
from oropendola_payments.tests.support.factories import (
	as_user,
	create_active_subscription,
	create_invoice,
	create_user,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.links import new_link, set_status, token_of


class TestLinks(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()

	def setUp(self):
		self.invoice = create_invoice(self.user)
		frappe.local.request_ip = f"198.51.100.{frappe.generate_hash(length=8)}"

	def test_only_the_hash_of_the_token_is_stored(self):
		link, path = new_link(self.invoice.name)
		self.assertEqual(len(token_of(path)), 43)
		self.assertEqual(link.token_hash, hash_token(token_of(path)))
		stored = frappe.db.sql("SELECT * FROM `tabAI Payment Link` WHERE name = %s", link.name, as_dict=True)
		self.assertNotIn(token_of(path), str(stored))
		events = frappe.get_all("Payment Event", {"invoice": self.invoice.name}, ["event", "details"])
		self.assertIn("link_created", [event.event for event in events])
		self.assertNotIn(token_of(path), str(events))

	def test_a_link_is_found_by_its_token_alone(self):
		link, path = new_link(self.invoice.name)
		self.assertEqual(find(token_of(path)).name, link.name)
		for wrong in (
			token_of(path)[:-1],
			token_of(path) + "A",
			token_of(path).swapcase(),
			link.name,
			"",
			None,
			"é" * 43,
		):
			with self.assertRaises(NotFound):
				find(wrong)

	def test_somebody_who_keeps_guessing_is_stopped(self):
		"""S46: and finds nothing; whoever has a real link still can pay."""
		_link, path = new_link(self.invoice.name)
		for _guess in range(WRONG_TOKENS[0]):
			with self.assertRaises(NotFound):
				find(unique("x" * 32)[:43])
		with self.assertRaises(TooManyRequests):
			find("A" * 43)
		self.assertTrue(find(token_of(path)))

	def test_a_link_is_valid_for_thirty_days_after_the_due_date(self):
		link, _path = new_link(self.invoice.name)
		expected = add_days(self.invoice.due_date, 30)
		self.assertEqual(get_datetime(link.expires_at).date(), get_datetime(expected).date())

	def test_a_link_is_never_valid_for_more_than_120_days(self):
		frappe.db.set_value("AI Invoice", self.invoice.name, "due_date", add_days(now_datetime(), 200))
		link, _path = new_link(self.invoice.name)
		self.assertLessEqual((get_datetime(link.expires_at) - now_datetime()).days, 120)
		for days in (0, -1, 121):
			with self.assertRaises(BadRequest):
				new_link(self.invoice.name, days=days)

	def test_a_link_of_an_overdue_invoice_is_valid_from_today(self):
		frappe.db.set_value("AI Invoice", self.invoice.name, "due_date", add_days(now_datetime(), -90))
		self.assertTrue(new_link(self.invoice.name)[0].is_usable())

	def test_an_invoice_that_cannot_be_paid_gets_no_link(self):
		paid = frappe.get_doc("AI Invoice", create_active_subscription(self.user).current_invoice)
		cancelled = create_invoice(self.user)
		cancelled.mark_as_cancelled()
		exhausted = create_invoice(self.user)
		values = {"status": "Failed", "retry_count": 9}
		frappe.db.set_value("AI Invoice", exhausted.name, values)
		for invoice in (paid, cancelled, exhausted):
			with self.assertRaises(Conflict):
				new_link(invoice.name)

	def test_an_invoice_has_at_most_twenty_links_made_by_hand(self):
		for _number in range(links.MOST_LINKS):
			last, _path = new_link(self.invoice.name)
		with self.assertRaises(Conflict):
			new_link(self.invoice.name)
		self.assertTrue(links.create(self.invoice.name, channel="Email", step="payment_failed"))
		links.revoke(last.name)
		self.assertTrue(new_link(self.invoice.name))

	def test_revoking_twice_is_one_event(self):
		link, path = new_link(self.invoice.name)
		for _time in range(2):
			links.revoke(link.name)
		events = frappe.get_all("Payment Event", {"invoice": self.invoice.name, "event": "link_revoked"})
		self.assertEqual(len(events), 1)
		self.assertEqual(standing(find(token_of(path)), self.invoice.reload()), "ended")

	def test_an_ended_link_does_not_tell_whether_the_invoice_is_paid(self):
		link, _path = new_link(self.invoice.name)
		frappe.db.set_value("AI Payment Link", link.name, "expires_at", add_days(now_datetime(), -1))
		set_status(self, self.invoice.name, "Paid")
		self.assertEqual(standing(link.reload(), self.invoice.reload()), "ended")

	def test_the_list_has_no_token(self):
		_link, path = new_link(self.invoice.name, note="Accounting")
		rows = links_of(self.invoice.name)
		self.assertEqual([(row["state"], row["note"]) for row in rows], [("Active", "Accounting")])
		self.assertNotIn(token_of(path), str(rows))
		self.assertNotIn(hash_token(token_of(path)), str(rows))

	def test_a_deleted_customers_links_end_and_their_notes_go(self):
		"""S37."""
		link, _path = new_link(self.invoice.name, note=unique("Zubaida"))
		privacy.forget(self.user)
		frappe.db.commit()
		link.reload()
		self.assertFalse(link.is_usable())
		self.assertEqual(link.note, "[REDACTED]")

	def test_the_qr_code_is_an_image_of_the_page_itself(self):
		self.assertTrue(qr.image("https://example.com/p/x").startswith("data:image/svg+xml"))


class TestReplacedInvoices(TestCase):
	def setUp(self):
		self.user = create_user()
		self.invoice = create_invoice(self.user)

	def test_a_link_leads_to_the_invoice_that_replaced_its_own(self):
		link, _path = new_link(self.invoice.name)
		frappe.db.set_value("AI Invoice", self.invoice.name, {"status": "Failed", "retry_count": 9})
		answer = lifecycle.subscribe(self.user, self.invoice.plan, None)
		self.assertNotEqual(answer["invoice_id"], self.invoice.name)
		self.assertEqual(invoice_of(link.reload()).name, answer["invoice_id"])

	def test_a_link_leads_to_the_next_invoice_and_not_to_a_later_period(self):
		subscription = create_active_subscription(self.user)
		first, second, third = (self.renewal_after(step) for step in (None, self.cancel, pay))
		self.assertEqual(len({first, second, third}), 3)
		found = invoice_of(self.link.reload())
		self.assertEqual((found.name, found.subscription), (second, subscription.name))

	def renewal_after(self, step) -> str:
		if step:
			step(self.last)
		with as_user(self.user):
			self.last = renew_subscription()["invoice_id"]
		if not step:
			self.link, _path = new_link(self.last)
		return self.last

	def cancel(self, invoice: str):
		frappe.get_doc("AI Invoice", invoice).mark_as_cancelled()
		frappe.db.commit()

	def test_a_link_of_a_cancelled_subscription_leads_nowhere_else(self):
		link, _path = new_link(self.invoice.name)
		now.end(self.invoice.subscription)
		lifecycle.subscribe(self.user, self.invoice.plan, None)
		found = invoice_of(link.reload())
		self.assertEqual((found.name, standing(link, found)), (self.invoice.name, "cancelled"))

	def test_a_link_never_leads_to_an_invoice_for_something_else(self):
		link, _path = new_link(self.invoice.name)
		self.invoice.reload().mark_as_cancelled()
		other = frappe.new_doc("AI Invoice")
		kept = ("user", "subscription", "plan", "currency", "net_amount", "due_date")
		other.update({"purpose": "Upgrade", **{field: self.invoice.get(field) for field in kept}})
		other.insert(ignore_permissions=True)
		frappe.db.commit()
		self.assertEqual(invoice_of(link.reload()).name, self.invoice.name)


class TestSignatures(TestCase):
	def test_a_signature_is_for_one_purpose_and_these_values(self):
		signature = sign("result page", "ABC", 1)
		self.assertTrue(is_signed(signature, "result page", "ABC", "1"))
		for purpose, *parts in (
			("another page", "ABC", 1),
			("result page", "ABC"),
			("result page", "ABC", 2),
			("result page", 'ABC", "1'),
		):
			self.assertFalse(is_signed(signature, purpose, *parts))

	def test_no_signature_and_a_strange_one_are_refused(self):
		for value in ("", None, 1, "é" * 32, sign("result page", "ABC", 1).upper()):
			self.assertFalse(is_signed(value, "result page", "ABC", 1))


class TestSettings(TestCase):
	def test_the_sms_must_contain_the_link(self):
		settings = frappe.get_doc("Payment Settings")
		for text in ("Pay {amount}", "{link} {code}", "{link", "{link.__class__}"):
			settings.link_sms_message = text
			with self.assertRaises(frappe.ValidationError):
				settings.validate()

	def test_links_expire_within_120_days(self):
		settings = frappe.get_doc("Payment Settings")
		for days in (0, 121):
			settings.link_days = days
			with self.assertRaises(frappe.ValidationError):
				settings.validate()
		with payment_settings(link_days=3):
			link, _path = new_link(create_invoice().name, days=None)
			self.assertTrue(link.is_usable())
