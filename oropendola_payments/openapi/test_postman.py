"""The Postman collection: what it sends is what the OpenAPI document describes."""

from oropendola_payments.openapi import document, postman
from oropendola_payments.openapi.endpoints import public_endpoints
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.http import API


class TestCollection(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		collection = postman.build(document.build())
		cls.requests = {item["name"]: item["request"] for one in collection["item"] for item in one["item"]}

	def headers(self, name: str) -> dict:
		return {header["key"]: header["value"] for header in self.requests[name]["header"]}

	def test_each_endpoint_is_there_once(self):
		self.assertEqual(set(self.requests), {endpoint.name for endpoint in public_endpoints()})

	def test_arguments_are_those_of_the_example_and_the_rest_is_switched_off(self):
		fields = self.requests["payment.initiate_payment"]["body"]["urlencoded"]
		sent = {field["key"]: field["value"] for field in fields if not field["disabled"]}
		self.assertEqual(sent, {"invoice_id": "INV-2026-00001", "gateway": "payu"})
		self.assertIn("idempotency_key", {field["key"] for field in fields if field["disabled"]})

	def test_what_is_read_is_asked_for_in_the_address(self):
		request = self.requests["subscription.get_plans"]
		self.assertEqual(request["url"]["raw"], f"{{{{site}}}}{API}subscription.get_plans?currency=INR")
		self.assertEqual((request["method"], "body" in request), ("GET", False))

	def test_each_request_logs_in_as_its_endpoint_wants(self):
		self.assertEqual(self.headers("usage.consume")["X-API-Key"], "{{api_key}}")
		self.assertEqual(
			self.headers("payment.initiate_payment")["Authorization"], "token {{key}}:{{secret}}"
		)
		self.assertEqual(set(self.headers("subscription.get_plans")), {"Accept"})
