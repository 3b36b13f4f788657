"""The OpenAPI document: current, valid, complete, and true."""

import json
import unittest
from importlib.util import find_spec

import frappe

from oropendola_payments.api.answers import types as words
from oropendola_payments.openapi import files, page
from oropendola_payments.openapi.document import build
from oropendola_payments.openapi.endpoints import public_endpoints
from oropendola_payments.tests.support import contracts
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.endpoints import ROWS
from oropendola_payments.tests.support.factories import create_active_subscription, create_plan, create_user
from oropendola_payments.tests.support.http import call

# Cards and charts of the workspace, in the formats that the Desk expects; and agents, whose protocol describes itself.
INTERNAL = {row.endpoint for row in ROWS if row.endpoint.startswith(("desk.", "mcp."))}
SELECTS = {
	"SubscriptionStatus": ("AI Subscription", "status"),
	"InvoiceStatus": ("AI Invoice", "status"),
	"InvoicePurpose": ("AI Invoice", "purpose"),
	"AttemptStatus": ("Payment Attempt", "status"),
	"Mode": ("Payment Attempt", "mode"),
	"RefundStatus": ("Payment Refund", "status"),
	"PlanChangeStatus": ("AI Plan Change", "status"),
	"Timing": ("AI Plan Change", "timing"),
	"BillingInterval": ("AI Plan", "billing_interval"),
}


class TestDocument(TestCase):
	maxDiff = None

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.document = build()

	def operations(self):
		for path, item in self.document["paths"].items():
			for method, operation in item.items():
				yield f"{method} {path}", operation

	def test_the_committed_files_are_current(self):
		old = [path.name for path, text in files.texts().items() if path.read_text(encoding="utf-8") != text]
		self.assertEqual(old, [], f"The endpoints or docs/api.md changed. Please run: {contracts.COMMAND}")

	def test_the_same_endpoints_give_the_same_bytes(self):
		self.assertEqual(files.as_text(build()), files.as_text(self.document))

	@unittest.skipUnless(
		find_spec("openapi_spec_validator"), "This Python has no validator of OpenAPI documents."
	)
	def test_it_is_a_valid_openapi_document(self):
		from openapi_spec_validator import OpenAPIV31SpecValidator

		errors = [error.message[:300] for error in OpenAPIV31SpecValidator(self.document).iter_errors()]
		self.assertEqual(errors, [])

	def test_it_has_every_public_endpoint_and_no_internal_one(self):
		"""M1."""
		advice = (
			"An endpoint needs its shape: `@endpoint(answer=...)` with a TypedDict of api/answers, or `@described(...)` below "
			f"`frappe.whitelist`. Then run: {contracts.COMMAND}"
		)
		described = {endpoint.name for endpoint in public_endpoints()}
		self.assertEqual(described, {row.endpoint for row in ROWS} - INTERNAL, advice)
		bare = [endpoint.name for endpoint in public_endpoints() if endpoint.contract.answer is None]
		self.assertEqual(bare, [], advice)

	def test_every_operation_says_what_it_does_and_how_one_logs_in(self):
		schemes = self.document["components"]["securitySchemes"]
		for name, operation in self.operations():
			self.assertTrue(operation["summary"] and operation["description"], name)
			self.assertLessEqual({way for ways in operation["security"] for way in ways}, set(schemes), name)

	def test_docs_and_code_agree_about_who_may_call(self):
		for endpoint in public_endpoints():
			audience = page.sections()[endpoint.name].audience
			is_open = endpoint.contract.guest and not endpoint.contract.header
			self.assertEqual(
				audience.startswith(("guest", "whoever")) or not audience, is_open, endpoint.name
			)

	def test_every_error_code_is_one_that_the_docs_explain(self):
		for endpoint in public_endpoints():
			explained = {code for _status, code in page.meanings()}
			self.assertEqual(set(endpoint.contract.errors) - explained, set(), endpoint.name)

	def test_lists_of_words_are_those_of_the_records(self):
		for name, (doctype, fieldname) in SELECTS.items():
			options = frappe.get_meta(doctype).get_field(fieldname).options.split("\n")
			self.assertEqual(list(vars(words)[name].__args__), [option for option in options if option], name)


@unittest.skipUnless(contracts.HAS_VALIDATOR, "This Python has no validator of JSON Schema.")
class TestAnswersFit(TestCase):
	def problem(self, schema: dict, value) -> list[str]:
		root = {**contracts.closed(schema), "components": {"schemas": contracts._closed_schemas()}}
		import jsonschema_rs

		validator = jsonschema_rs.validator_for(root, validate_formats=True)
		return [error.message for error in validator.iter_errors(value)]

	def test_every_example_of_the_docs_fits_its_schema(self):
		problems = {}
		for path, item in build()["paths"].items():
			for operation in item.values():
				content = operation["responses"].get("200", {}).get("content", {})
				content = content.get("application/json", {})
				if "example" in content and (found := self.problem(content["schema"], content["example"])):
					problems[path] = found
		self.assertEqual(problems, {})

	def test_an_answer_with_a_field_that_nobody_described_is_found(self):
		"""M1."""
		schema = {"$ref": "#/components/schemas/DefaultSubscription"}
		right = {"subscription_id": "SUB-00001", "is_default": True}
		self.assertEqual(self.problem(schema, right), [])
		for wrong in ({**right, "more": 1}, {"is_default": True}, {**right, "is_default": 1}):
			self.assertTrue(self.problem(schema, wrong), wrong)

	def test_a_change_that_replaces_an_open_one_is_answered_as_described(self):
		"""The answer is compared with the document when it arrives."""
		subscription = create_active_subscription(create_user())
		for price in (800, 900):
			plan = create_plan(price=price).name
			asked = {"subscription_id": subscription.name, "plan_id": plan}
			answer = call("subscription_renewal.renew_subscription", subscription.user, data=asked)
			self.assertEqual(answer.status_code, 200, answer.text)
		self.assertEqual(answer.json["message"]["quote"]["replaces"]["status"], "Awaiting Payment")

	def test_an_error_code_that_nobody_described_is_found(self):
		"""M1."""
		answer = call("coupons.check", method="POST", json={})
		contracts.check("POST", "/api/method/oropendola_payments.api.coupons.check", answer)
		answer.set_data(answer.get_data().replace(b"not_allowed", b"something_else"))
		with self.assertRaisesRegex(contracts.NotAsDescribed, "something_else"):
			contracts.check("POST", "/api/method/oropendola_payments.api.coupons.check", answer)


class TestServed(TestCase):
	def test_everybody_gets_the_committed_document_and_may_keep_it(self):
		answer = call("openapi.document", method="GET")
		self.assertEqual(answer.get_data(), files.OPENAPI.read_bytes())
		self.assertEqual(json.loads(answer.get_data())["openapi"], "3.1.0")
		self.assertEqual(answer.headers["Cache-Control"], "public, max-age=3600")
		self.assertEqual(answer.headers.getlist("Set-Cookie"), [])

	def test_a_copy_that_is_still_current_is_not_sent_again(self):
		tag = call("openapi.document", method="GET").headers["ETag"]
		again = call("openapi.document", method="GET", headers={"If-None-Match": tag})
		self.assertEqual((again.status_code, again.get_data()), (304, b""))
		other = call("openapi.document", method="GET", headers={"If-None-Match": '"old"'})
		self.assertEqual(other.status_code, 200)
