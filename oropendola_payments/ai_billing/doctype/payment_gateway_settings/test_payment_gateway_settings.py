"""Gateway settings refuse unsafe values and keep their secrets."""

from contextlib import contextmanager

import frappe
from frappe.utils.password import remove_encrypted_password

from oropendola_payments.engine.gateway import registry
from oropendola_payments.exceptions import BadRequest, NotAllowed
from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.gateways.base import CREDENTIAL_SLOTS
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, enable_gateway, payment_settings
from oropendola_payments.tests.support.http import call, message, send
from oropendola_payments.tests.support.live import live_site

NAME = "Razorpay"
KEYS = {"key_id": "rzp_test_madeup0000001", "key_secret": "made-up-secret", "webhook_secret": "made-up-hook"}
OFF = {"enabled": 0, "is_default": 0, "mode": "Test", "api_base_url": None, **dict.fromkeys(CREDENTIAL_SLOTS)}


@contextmanager
def site_config(**values):
	before = {key: frappe.conf.get(key) for key in values}
	frappe.conf.update(values)
	try:
		yield
	finally:
		frappe.conf.update(before)


class GatewayTestCase(TestCase):
	def setUp(self):
		self.enterContext(live_site())
		self.switch_off()
		self.doc = frappe.get_doc("Payment Gateway Settings", NAME)
		self.addCleanup(self.switch_off)

	def switch_off(self):
		frappe.db.rollback()
		for slot, secret in CREDENTIAL_SLOTS.items():
			if secret:
				remove_encrypted_password("Payment Gateway Settings", NAME, slot)
		doc = frappe.get_doc("Payment Gateway Settings", NAME)
		doc.update(OFF)
		doc.save()
		frappe.db.commit()

	def save(self, **values):
		self.doc.update(values)
		self.doc.save()
		frappe.db.commit()
		return self.doc

	def refused(self, text: str, error=frappe.ValidationError, **values):
		with self.assertRaisesRegex(error, text):
			self.save(**values)
		frappe.db.rollback()
		self.doc.reload()


class TestModes(GatewayTestCase):
	def test_the_simulator_is_refused_unless_the_site_config_allows_it(self):
		"""S8: otherwise the simulator would give service without payment."""
		with site_config(allow_payment_simulator=0):
			self.refused("set-config", NotAllowed, mode="Simulator", enabled=1)
		with site_config(allow_payment_simulator=1):
			self.save(mode="Simulator", enabled=1)
			self.assertEqual(self.doc.get_status(), "Simulator")

	def test_a_gateway_in_a_forbidden_simulator_mode_is_not_offered(self):
		with site_config(allow_payment_simulator=1):
			self.save(mode="Simulator", enabled=1)
		with site_config(allow_payment_simulator=0):
			self.assertFalse(self.doc.is_configured())
			self.assertEqual(self.doc.get_status(), "Not Configured")

	def test_live_refuses_test_keys_and_test_refuses_live_ones(self):
		self.refused("needs a live key", mode="Live", enabled=1, **KEYS)
		self.refused(
			"needs a test key", mode="Test", enabled=1, **{**KEYS, "key_id": "rzp_live_madeup0000001"}
		)

	def test_live_uses_the_providers_own_address(self):
		live = {**KEYS, "key_id": "rzp_live_madeup0000001"}
		for address in ("http://127.0.0.1:9", "https://api.example.com"):
			self.refused("base address", mode="Live", enabled=1, api_base_url=address, **live)

	def test_only_http_base_addresses_are_accepted(self):
		for address in ("ftp://example.com", "example.com", "javascript:alert(1)", "http://"):
			self.refused("must start with http", api_base_url=address)

	def test_live_on_a_copy_of_the_site_is_refused_until_a_manager_confirms(self):
		with payment_settings(confirmed_site="some-other-site"):
			self.save(mode="Live", enabled=1, **{**KEYS, "key_id": "rzp_live_madeup0000001"})
			self.assertEqual(
				frappe.db.get_single_value("Payment Settings", "confirmed_site"), "some-other-site"
			)
			with self.assertRaisesRegex(frappe.ValidationError, "may be a copy"):
				registry.adapter_of("razorpay")

	def test_the_first_live_gateway_of_a_site_needs_no_confirmation(self):
		with payment_settings(confirmed_site=None):
			self.save(mode="Live", enabled=1, **{**KEYS, "key_id": "rzp_live_madeup0000001"})
			self.assertEqual(registry.adapter_of("razorpay").mode, "Live")


class TestRecord(GatewayTestCase):
	def test_every_gateway_has_a_disabled_settings_record_after_installation(self):
		found = set(frappe.get_all("Payment Gateway Settings", pluck="gateway"))
		self.assertLessEqual(set(BUILT_IN), found)

	def test_an_unknown_gateway_is_refused(self):
		made = frappe.new_doc("Payment Gateway Settings")
		made.update({"label": "Nope Pay", "gateway": "nope", "mode": "Test"})
		with self.assertRaisesRegex(BadRequest, "There is no gateway nope"):
			made.insert()
		frappe.db.rollback()

	def test_one_gateway_has_one_record(self):
		made = frappe.new_doc("Payment Gateway Settings")
		made.update({"label": "Razorpay Two", "gateway": "razorpay", "mode": "Test"})
		with self.assertRaises(frappe.UniqueValidationError):
			made.insert()
		frappe.db.rollback()

	def test_only_one_gateway_is_the_default(self):
		other = frappe.get_doc("Payment Gateway Settings", "PayU")
		before = other.is_default
		other.db_set("is_default", 1)
		self.save(is_default=1)
		self.assertEqual(frappe.db.get_value("Payment Gateway Settings", "PayU", "is_default"), 0)
		frappe.db.set_value("Payment Gateway Settings", "PayU", "is_default", before)

	def test_a_gateway_without_credentials_cannot_be_enabled(self):
		self.refused("please enter", enabled=1)
		self.assertFalse(self.doc.is_configured())
		self.assertEqual(self.doc.get_status(), "Disabled")

	def test_a_gateway_with_credentials_is_configured(self):
		self.save(enabled=1, **KEYS)
		self.assertTrue(self.doc.is_configured())
		self.assertEqual(self.doc.get_status(), "Test")

	def test_a_gateway_with_an_emptied_secret_cannot_be_enabled(self):
		"""S6: an empty secret is no secret."""
		self.save(enabled=1, **KEYS)
		self.doc.reload()
		self.refused("please enter", key_secret="")

	def test_a_changed_setting_is_in_the_audit_trail_without_its_value(self):
		self.save(enabled=1, **KEYS)
		last = frappe.get_all(
			"Payment Event",
			{"reference_name": NAME, "invoice": ("is", "not set")},
			["event", "details"],
			order_by="sequence desc",
			limit=1,
		)[0]
		self.assertEqual(last.event, "gateway_settings_changed")
		self.assertIn("key_secret", last.details)
		self.assertNotIn(KEYS["key_secret"], last.details)


class TestSecrets(GatewayTestCase):
	def setUp(self):
		super().setUp()
		self.save(enabled=1, **KEYS)

	def test_every_api_returns_secrets_as_asterisks(self):
		"""S15."""
		manager = create_user("Payments Manager")
		asked = {"doctype": "Payment Gateway Settings", "name": NAME}
		answers = [
			send("GET", f"/api/resource/Payment Gateway Settings/{NAME}", manager).text,
			send(
				"GET", "/api/resource/Payment Gateway Settings", manager, query_string={"fields": '["*"]'}
			).text,
			send("GET", "/api/method/frappe.client.get", manager, query_string=asked).text,
			call("health.status", manager).text,
			call("payment.get_available_gateways").text,
			frappe.as_json(frappe.get_doc("Payment Gateway Settings", NAME).as_dict()),
		]
		self.assertIn("rzp_test_madeup0000001", answers[0])
		for text in answers:
			self.assertNotIn(KEYS["key_secret"], text)
			self.assertNotIn(KEYS["webhook_secret"], text)

	def test_secrets_are_stored_encrypted(self):
		rows = frappe.db.sql(
			"SELECT password FROM `__Auth` WHERE doctype = %s AND name = %s",
			("Payment Gateway Settings", NAME),
		)
		self.assertEqual(len(rows), 2)
		self.assertNotIn(KEYS["key_secret"], str(rows))

	def test_adapters_get_the_real_secrets(self):
		"""S6: never asterisks."""
		self.assertEqual(frappe.get_doc("Payment Gateway Settings", NAME).get_secrets(), KEYS)
		self.assertEqual(dict(registry.adapter_of("razorpay").secrets), KEYS)

	def test_space_around_a_pasted_credential_is_not_part_of_it(self):
		self.save(**{name: f" {value}\n" for name, value in KEYS.items()}, enabled=1)
		self.assertEqual(registry.adapter_of("razorpay").secrets, KEYS)

	def test_nobody_can_sign_with_a_secret_that_is_only_space(self):
		"""S6: a previous secret that was "emptied" with the space bar."""
		self.save(**KEYS, webhook_secret_previous="   ", enabled=1)
		self.assertEqual(
			registry.adapter_of("razorpay").secrets_in_use("webhook_secret"), [KEYS["webhook_secret"]]
		)

	def test_saving_the_form_again_keeps_the_secrets(self):
		self.doc.reload()
		self.save(sort_order=2)
		self.assertEqual(self.doc.get_secrets(), KEYS)

	def test_a_new_secret_is_used_at_once(self):
		"""R25."""
		registry.adapter_of("razorpay")
		self.doc.reload()
		self.save(key_secret="another-made-up-secret")
		self.assertEqual(registry.adapter_of("razorpay").secrets["key_secret"], "another-made-up-secret")

	def test_secrets_are_not_in_the_shared_cache(self):
		"""S16."""
		registry.adapter_of("razorpay")
		cached = frappe.as_json(registry.settings_of("razorpay").as_dict())
		self.assertNotIn(KEYS["key_secret"], cached)

	def test_only_managers_may_test_the_connection(self):
		asked = {"dt": "Payment Gateway Settings", "dn": NAME, "method": "test_connection"}
		auditor = create_user("Payments Auditor")
		self.assertEqual(send("POST", "/api/method/run_doc_method", auditor, data=asked).status_code, 403)


class TestOfferedGateways(GatewayTestCase):
	def test_a_disabled_gateway_is_neither_listed_nor_accepted(self):
		listed = {row["id"]: row for row in message(call("payment.get_available_gateways"))["gateways"]}
		self.assertNotIn("razorpay", listed)
		self.save(enabled=1, **KEYS)
		listed = {row["id"]: row for row in message(call("payment.get_available_gateways"))["gateways"]}
		self.assertEqual((listed["razorpay"]["mode"], listed["razorpay"]["is_mocked"]), ("Test", False))

	def test_a_gateway_is_unavailable_for_currencies_it_does_not_support(self):
		"""R18."""
		enable_gateway("phonepe")
		for currency, available in (("INR", True), ("USD", False)):
			listed = message(call("payment.get_available_gateways", json={"currency": currency}))["gateways"]
			row = next(row for row in listed if row["id"] == "phonepe")
			self.assertEqual(row["available"], available, currency)
