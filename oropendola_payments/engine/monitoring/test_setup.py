"""How a site is set up: what would lose money or messages is refused, not offered, and shown."""

import frappe

from oropendola_payments.ai_billing.current import forget
from oropendola_payments.api import payment
from oropendola_payments.engine.checkout import gateway_choice
from oropendola_payments.engine.monitoring import alert_rules, alerts, health
from oropendola_payments.engine.notifications import hooks, receipts
from oropendola_payments.engine.settlement import manual_payment
from oropendola_payments.exceptions import BadRequest, Conflict
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import (
	as_user,
	create_invoice,
	create_user,
	enable_gateway,
	payment_settings,
	unique,
)
from oropendola_payments.tests.support.http import call
from oropendola_payments.tests.support.live import live_site, public_address
from oropendola_payments.tests.support.outbox import broken, mails_stay_queued, mails_to, without_mail

SETTINGS = "Payment Gateway Settings"
KEYS = {"key_id": "Qm7TzX", "key_secret": "s3LtDemo9Kx2-live"}


def kinds() -> list[str]:
	return [finding.kind for finding in alert_rules.setup()]


class LiveCase(TestCase):
	def setUp(self):
		self.enterContext(payment_settings(confirmed_site=None))
		self.enterContext(live_site())
		self.addCleanup(enable_gateway, "payu", enabled=0, key_id="", key_secret="")
		self.addCleanup(frappe.db.rollback)


class TestSimulatorBesideLive(LiveCase):
	def test_a_gateway_cannot_go_live_beside_a_simulated_one(self):
		"""S39."""
		enable_gateway("cashfree")
		with self.assertRaisesRegex(Conflict, "Simulator mode: Cashfree.*disable"):
			enable_gateway("payu", mode="Live", **KEYS)

	def test_a_gateway_cannot_be_simulated_beside_a_live_one(self):
		enable_gateway("payu", mode="Live", **KEYS)
		with self.assertRaisesRegex(Conflict, "Live mode: PayU.*leave it disabled"):
			enable_gateway("cashfree")
		enable_gateway("cashfree", enabled=0)

	def test_the_last_simulated_gateway_can_go_live(self):
		enable_gateway("payu")
		self.assertEqual(enable_gateway("payu", mode="Live", **KEYS).get_status(), "Live")

	def both_are_enabled(self):
		"""As an update may find a site, which was set up before this was refused."""
		enable_gateway("payu", mode="Live", **KEYS)
		enable_gateway("cashfree", enabled=0)
		name = frappe.db.get_value(SETTINGS, {"gateway": "cashfree"}, "name")
		frappe.db.set_value(SETTINGS, name, "enabled", 1)
		forget(SETTINGS)
		self.addCleanup(enable_gateway, "cashfree", enabled=0)

	def test_a_simulated_gateway_is_not_offered_beside_a_live_one(self):
		"""S39."""
		self.both_are_enabled()
		self.assertEqual([e["id"] for e in gateway_choice.available("INR")["gateways"]], ["payu"])
		with self.assertRaisesRegex(BadRequest, "cashfree is not available"):
			gateway_choice.choose("cashfree", "INR")

	def test_a_simulated_gateway_beside_a_live_one_is_shown_in_health(self):
		self.both_are_enabled()
		self.assertEqual(kinds().count("Simulator Beside Live"), 1)
		report = health.full()
		self.assertEqual(report["status"], "attention")
		self.assertIn("Cashfree", next(p["summary"] for p in report["problems"]))


class TestTestBesideLive(LiveCase):
	def setUp(self):
		super().setUp()
		self.addCleanup(enable_gateway, "cashfree", enabled=0, key_id="", key_secret="")
		enable_gateway("cashfree", mode="Test", key_id="TEST10madeup01", key_secret="cfsk_ma_test_madeup")
		self.invoice = create_invoice(create_user())

	def offered_to(self, user: str) -> list[str]:
		with as_user(user):
			return [entry["id"] for entry in gateway_choice.available("INR")["gateways"]]

	def test_customers_are_not_offered_a_test_gateway_beside_a_live_one(self):
		"""S39: everybody knows the cards of a test account."""
		self.assertEqual(self.offered_to(self.invoice.user), ["cashfree"], "nothing is Live yet")
		enable_gateway("payu", mode="Live", **KEYS)
		for user in (self.invoice.user, "Guest", "Administrator"):  # jobs are Administrator's
			self.assertEqual(self.offered_to(user), ["payu"], user)
		with as_user(self.invoice.user):
			answer = payment.initiate_payment(invoice_id=self.invoice.name, gateway="cashfree")
		self.assertIn("cashfree is not available", answer["error"])

	def test_a_payments_manager_can_try_a_test_gateway_on_a_live_site(self):
		enable_gateway("payu", mode="Live", **KEYS)
		self.assertEqual(set(self.offered_to(create_user("Payments Manager"))), {"payu", "cashfree"})

	def test_saving_a_gateway_says_who_is_offered_those_in_test_mode(self):
		frappe.clear_messages()
		enable_gateway("payu", mode="Live", **KEYS)
		self.assertIn("Test mode: Cashfree.", str(frappe.local.message_log))


class TestLiveWithoutHttps(LiveCase):
	def test_a_gateway_cannot_go_live_on_a_site_without_https(self):
		"""S39."""
		for address in ("http://shop.example", "shop.example", None):
			with public_address(address), self.assertRaisesRegex(Conflict, "http://.*set-config host_name"):
				enable_gateway("payu", mode="Live", **KEYS)

	def test_a_site_without_https_can_disable_its_live_gateway(self):
		enable_gateway("payu", mode="Live", **KEYS)
		with public_address("http://shop.example"):
			enable_gateway("payu", mode="Live", enabled=0)

	def test_a_live_gateway_on_a_site_without_https_is_shown_in_health(self):
		enable_gateway("payu", mode="Live", **KEYS)
		self.assertNotIn("Live Without HTTPS", kinds())
		with public_address("http://shop.example"):
			self.assertIn("Live Without HTTPS", [p["kind"] for p in health.full()["problems"]])


class TestUnreadableKeys(TestCase):
	"""The database was restored without its site_config.json, so the encryption key is another one."""

	def setUp(self):
		self.addCleanup(enable_gateway, "cashfree", key_id="", key_secret="")
		self.addCleanup(frappe.db.rollback)
		enable_gateway("payu")
		self.keys = {"mode": "Test", "key_id": "TEST10madeup01", "key_secret": "cfsk_ma_test_madeup"}
		name = enable_gateway("cashfree", **self.keys).name
		frappe.db.sql("UPDATE `__Auth` SET `password` = 'gAAAAABmadeup' WHERE `name` = %s", name)
		forget(SETTINGS)
		frappe.db.commit()

	def test_the_other_gateways_are_offered(self):
		offered = [entry["id"] for entry in gateway_choice.available("INR")["gateways"]]
		self.assertIn("payu", offered)
		self.assertNotIn("cashfree", offered)

	def test_health_says_so(self):
		report = health.full()
		(problem,) = [p for p in report["problems"] if p["kind"] == "Keys Unreadable"]
		self.assertRegex(problem["summary"], "Cashfree.*encryption_key")
		(row,) = [row for row in report["gateways"] if row["id"] == "cashfree"]
		self.assertEqual((row["status"], row["credentials"]), ("Not Configured", "missing"))

	def test_a_message_is_refused_with_a_5xx_so_that_the_gateway_repeats_it(self):
		answer = call("webhooks.receive", query_string={"gateway": "cashfree"}, data=b"{}")
		self.assertEqual(answer.status_code, 503)
		self.assertNotIn(b"site_config", answer.data)

	def test_a_manager_can_enter_the_keys_again(self):
		name = frappe.db.get_value(SETTINGS, {"gateway": "cashfree"})
		with self.assertRaisesRegex(frappe.ValidationError, "please enter"):
			frappe.get_doc(SETTINGS, name).save()
		self.assertEqual(enable_gateway("cashfree", **self.keys).get_status(), "Test")


class TestSiteNotConfirmed(LiveCase):
	def test_a_live_gateway_on_a_site_that_nobody_confirmed_is_shown_in_health(self):
		"""S28: after a move to another address every payment, status check and message is refused."""
		enable_gateway("payu", mode="Live", **KEYS)
		self.assertNotIn("Site Not Confirmed", kinds())
		with public_address("https://new.shop.example"):
			report = health.full()
		self.assertEqual(report["status"], "attention")
		(problem,) = [p for p in report["problems"] if p["kind"] == "Site Not Confirmed"]
		self.assertIn("PayU", problem["summary"])
		self.assertIn("https://new.shop.example", problem["summary"])

	def test_a_site_without_a_live_gateway_needs_no_confirmation(self):
		enable_gateway("payu", mode="Test", **KEYS)
		with payment_settings(confirmed_site="the.real.site"):
			self.assertNotIn("Site Not Confirmed", kinds())


class TestNoOutgoingMail(TestCase):
	def setUp(self):
		self.enterContext(payment_settings(send_payment_mails=1))
		self.enterContext(without_mail())
		self.addCleanup(frappe.db.rollback)

	def settle(self) -> str:
		invoice = create_invoice()
		paid = manual_payment.record_payment(invoice.name, invoice.total(), unique("transfer"), None, None)
		capture = frappe.db.get_value("Payment Capture", {"attempt": paid["attempt"]}, "name")
		hooks.payment_succeeded(capture)
		return invoice.user

	def test_a_payment_on_a_site_without_mail_logs_no_error_and_makes_no_pdf(self):
		errors = frappe.db.count("Error Log")
		with broken(receipts, "as_pdf"):
			user = self.settle()
		self.assertEqual((frappe.db.count("Error Log"), mails_to(user)), (errors, []))

	def test_a_site_without_mail_is_alerted_once_until_it_has_mail(self):
		create_user("Payments Manager")
		alerts.evaluate()
		alerts.evaluate()
		filters = {"kind": "No Outgoing Mail", "status": "Open"}
		opened = frappe.get_all("Payment Alert", filters, ["name", "times_told"])
		self.assertEqual([row.times_told for row in opened], [1])
		with mails_stay_queued():
			alerts.evaluate()
		self.assertEqual(frappe.db.get_value("Payment Alert", opened[0].name, "status"), "Closed")

	def test_a_site_that_wants_no_mail_is_not_alerted(self):
		switches = [
			f.fieldname for f in frappe.get_meta("Payment Settings").fields if f.fieldname.startswith("send_")
		]
		self.assertIn("No Outgoing Mail", kinds())
		with payment_settings(**dict.fromkeys(switches, 0)):
			self.assertNotIn("No Outgoing Mail", kinds())
