"""Missing, oversized, unreadable or mistyped arguments get a clear refusal, and nothing is written."""

import inspect
import json
from collections.abc import Iterator
from functools import cache
from urllib.parse import quote

import frappe

from oropendola_payments.gateways import BUILT_IN
from oropendola_payments.tests.flows.test_statement_budgets import counted_statements
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.endpoints import ROWS, OwnerRecords, People, whitelisted
from oropendola_payments.tests.support.factories import as_user
from oropendola_payments.tests.support.http import API, call, message, send
from oropendola_payments.tests.support.proofs import sample

OWNED_BY_MANAGER = {row.endpoint for row in ROWS if row.statuses == (403, 403, 403, 403, 200)}
TABLES = (
	"AI Plan", "AI Subscription", "AI API Key", "AI Invoice", "Payment Attempt", "Payment Capture", "Payment Refund",
	"Payment Webhook Log", "Payment Event",
)  # fmt: skip
WRITES = ("INSERT", "UPDATE", "DELETE")
# Values that are invalid for every parameter.
NEVER_RIGHT = {
	"over-long text": "x" * 5000,
	"a NUL inside": "abc\x00def",
	"half a surrogate": "abc\ud800def",
	"a character that was replaced": "abc\ufffddef",
	"a list": ["a", "b"],
	"an object": {"a": 1},
	"nested": {"a": [{"b": [[[["c"]]]]}]},
	"yes": True,
	"a query in disguise": ["like", "%"],
}
TEXT_ONLY = {"a number": 12.5}
CURRENCY_ONLY = {"a sentence": "Indian rupees", "too short": "IN", "digits": "123", "another alphabet": "ИНР"}
NUMBER_ONLY = {
	"words": "many",
	"not a number": "NaN",
	"endless": "Infinity",
	"huge": "9" * 30,
	"power": "1e9999999",
}
# These endpoints check the body as a whole and answer as the provider expects.
RAW = (
	"desk.chart",
	"callbacks.returned",
	"callbacks.payu_success",
	"callbacks.payu_failure",
	"webhooks.receive",
	"health.metrics",
)


def parameters_of(endpoint: str) -> dict[str, inspect.Parameter]:
	"""The parameters of the function behind an endpoint; the decorator `endpoint` hides them from Frappe."""
	function = inspect.unwrap(whitelisted()[endpoint])
	for cell in function.__closure__ or ():
		if isinstance(cell.cell_contents, inspect.Signature):
			return dict(cell.cell_contents.parameters)
	return {}


def refused_by_framework(answer) -> bool:
	"""v16 reads JSON bodies strictly: half a surrogate never reaches us."""
	return (
		answer.status_code == 417
		and frappe.__version__ >= "16"
		and b"Invalid request body" in answer.get_data()
	)


def _is_boolean(parameter: inspect.Parameter) -> bool:
	return "bool" in str(parameter.annotation) or "EmbedMode" in str(parameter.annotation)


@cache
def made_once() -> tuple[People, dict]:
	"""People, and where the valid arguments of endpoints are kept: one set is enough, because what is refused changes nothing."""
	return People(), {}


class ArgumentsTestCase(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.people, cls.made = made_once()

	def rows(self) -> Iterator[tuple]:
		"""Each endpoint that has arguments, with valid ones."""
		for row in ROWS:
			if row.endpoint not in (*RAW, "receipts.download") and parameters_of(row.endpoint):
				yield row, self.arguments_of(row)

	def arguments_of(self, row) -> dict:
		# Somebody has few webhook endpoints, so each takes the place of an earlier one.
		if row.endpoint not in self.made or row.endpoint.startswith("webhook_endpoints."):
			self.made[row.endpoint] = row.arguments(OwnerRecords(self.people))
		return self.made[row.endpoint]

	def user_of(self, row) -> str:
		return self.people.manager if row.endpoint in OWNED_BY_MANAGER else self.people.owner

	def setUp(self):
		super().setUp()
		self.counted: dict = {}
		self.statements = self.enterContext(counted_statements())

	def counts(self) -> dict:
		"""What is in the tables, counted again after each statement that writes. Most refusals come before the first one."""
		if not self.counted or any(text[:6].upper() in WRITES for text in self.statements):
			self.counted = {
				table: frappe.db.sql(f"SELECT COUNT(*), MAX(modified) FROM `tab{table}`")[0]
				for table in TABLES
			}
		self.statements.clear()
		return self.counted

	def refused(self, answer, *statuses: int):
		if refused_by_framework(answer):
			return
		self.assertIn(answer.status_code, statuses or (400,), answer.get_data()[:300])
		envelope = message(answer)
		self.assertIs(envelope.get("success"), False, answer.get_data()[:300])
		self.assertTrue(envelope["error"] and envelope["error_code"], envelope)

	def assert_refused(self, row, arguments: dict, name: str, values: dict):
		"""The valid arguments with one of them replaced by each of these values."""
		before = self.counts()
		for what, value in values.items():
			with self.subTest(endpoint=row.endpoint, name=name, what=what):
				body = json.dumps({**arguments, name: value})
				self.refused(
					call(row.endpoint, self.user_of(row), data=body, content_type="application/json")
				)
		self.assertEqual(self.counts(), before, (row.endpoint, name))


class TestJsonArguments(ArgumentsTestCase):
	def test_a_whole_number_may_have_a_fraction_of_zero(self):
		"""JSON does not tell 14.0 from 14, and some languages write only the first."""
		user = self.people.owner
		invoice = OwnerRecords(self.people).invoice
		for days, status in ((14.0, 200), (14.5, 400), (1e300, 400), (float("nan"), 400)):
			answer = call("links.create", user, json={"invoice_id": invoice, "expires_days": days})
			if refused_by_framework(answer):
				continue
			self.assertEqual(answer.status_code, status, f"{days}: {answer.get_data()[:200]}")

	def test_every_endpoint_parameter_has_sample_values(self):
		for row, arguments in self.rows():
			self.assertLessEqual(set(arguments), set(parameters_of(row.endpoint)), row.endpoint)
		self.assertGreater(len(list(self.rows())), 20)

	def test_a_missing_argument_is_named(self):
		for row, arguments in self.rows():
			for name, parameter in parameters_of(row.endpoint).items():
				if parameter.default is inspect.Parameter.empty:
					self.assert_refused(row, arguments, name, {"null": None, "empty": "", "spaces": "   "})
					rest = {key: value for key, value in arguments.items() if key != name}
					self.assert_refused(row, rest, "surprise", {"left out": 1})

	def test_values_that_are_never_valid_are_refused_by_every_endpoint(self):
		number = 0
		for row, arguments in self.rows():
			for number, (name, parameter) in enumerate(parameters_of(row.endpoint).items(), number + 1):
				wrong = {k: v for k, v in NEVER_RIGHT.items() if v is not True or not _is_boolean(parameter)}
				self.assert_refused(row, arguments, name, sample(wrong, number))

	def test_text_for_a_number_and_a_number_for_text_are_refused(self):
		number = 0
		for row, arguments in self.rows():
			for number, (name, parameter) in enumerate(parameters_of(row.endpoint).items(), number + 1):
				wrong = self.wrong_for(str(parameter.annotation))
				self.assert_refused(row, arguments, name, sample(wrong, number))

	def wrong_for(self, annotation: str) -> dict:
		if "Currency" in annotation:
			return CURRENCY_ONLY
		if any(kind in annotation for kind in ("Code", "Phone")):
			return {**TEXT_ONLY, "too few digits": 12, "too many digits": 10**16, "negative": -123456}
		return TEXT_ONLY if "str" in annotation or "EmbedMode" in annotation else NUMBER_ONLY

	def test_digits_are_also_accepted_as_a_json_number(self):
		"""A number that may have lost zeros at the beginning is refused with a sentence that says so."""
		functions = whitelisted()
		with as_user(self.people.owner):
			for name, given, accepted in (
				("otp", 123456, True), ("otp", "012345", True), ("otp", 12345, False),
			):  # fmt: skip
				arguments = {"attempt": "NO-SUCH-ATTEMPT", name: given}
				answer = functions["payment.confirm_otp"](**arguments)
				self.assertEqual(answer["error_code"], "not_found" if accepted else "bad_request", answer)
				self.assertEqual("as text, in quotation marks" in answer["error"], not accepted)

	def test_a_phone_and_a_bank_code_are_accepted_as_json_numbers(self):
		records = OwnerRecords(self.people)
		phone = int(records.phone.lstrip("+"))
		functions = whitelisted()
		with as_user(self.people.owner):
			created = functions["cashfree.create_cashfree_order"](
				invoice_id=records.invoice,
				customer_name="Asha Example",
				customer_email="asha@example.com",
				customer_phone=phone,
			)
			started = functions["cashfree.initiate_cashfree_payment"](
				order_id=created["order_id"], payment_method="netbanking", phone_number=phone, bank_code=3003
			)
		self.assertTrue(started["success"], started)

	def test_a_figure_that_does_not_exist_is_refused(self):
		for what, value in {
			**NEVER_RIGHT,
			"no JSON": "{",
			"another": '{"figure": "Secrets"}',
			"a number": "5",
		}.items():
			with self.subTest(what=what):
				body = json.dumps({"filters": value})
				answer = call("desk.chart", self.people.manager, data=body, content_type="application/json")
				if not refused_by_framework(answer):
					self.assertEqual(answer.status_code, 400, answer.get_data()[:300])

	def test_an_unknown_argument_is_ignored(self):
		answer = call("subscription.get_plans", json={"surprise": {"a": 1}, "cmd2": "frappe.ping"})
		self.assertEqual(answer.status_code, 200)

	def test_a_refusal_is_plain_text(self):
		answer = call(
			"subscription.create_subscription_and_invoice",
			self.people.owner,
			json={"plan_id": "<img src=x onerror=alert(1)>"},
		)
		self.refused(answer, 404)
		self.assertNotIn("<", message(answer)["error"])


class TestForms(ArgumentsTestCase):
	def post(self, row, body: bytes):
		kind = "application/x-www-form-urlencoded"
		return call(row.endpoint, self.user_of(row), data=body, content_type=kind)

	def test_a_form_that_is_not_utf8_is_refused(self):
		for row, arguments in self.rows():
			texts = [n for n, p in parameters_of(row.endpoint).items() if "int" not in str(p.annotation)]
			for name in texts:
				fields = [f"{key}={quote(str(value))}" for key, value in arguments.items() if key != name]
				before = self.counts()
				with self.subTest(endpoint=row.endpoint, name=name):
					self.refused(self.post(row, "&".join([*fields, f"{name}=%ff%fe%80"]).encode()))
					self.refused(self.post(row, "&".join([*fields, f"{name}="]).encode() + b"\xff\xfe\x80"))
					self.assertEqual(self.counts(), before)


class TestUnauthenticatedBodies(ArgumentsTestCase):
	"""Callbacks and webhooks receive whatever the internet sends."""

	BODIES = (
		(b"", "application/x-www-form-urlencoded"),
		(b"\xff\xfe\x80", "application/x-www-form-urlencoded"),
		(b"a=" + b"x" * 300_000, "application/x-www-form-urlencoded"),
		(b"&".join(b"f%d=1" % n for n in range(2000)), "application/x-www-form-urlencoded"),
		(b"txnid=%00&hash=%00&status=success&mihpayid[]=1", "application/x-www-form-urlencoded"),
		(b"{}", "application/json"),
		(b'{"payload": ' + b"[" * 500 + b"]" * 500 + b"}", "application/json"),
		(b'{"event": null, "data": 5}', "application/json"),
		(b"\x00\x01\x02", "application/octet-stream"),
		(
			b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--",
			"multipart/form-data; boundary=x",
		),
	)
	GATEWAYS = (
		*BUILT_IN,
		"no-such-gateway",
		"",
		"%ff%00",
		"x" * 500,
	)

	def each(self, path: str):
		for gateway in self.GATEWAYS:
			for body, kind in self.BODIES:
				with self.subTest(gateway=gateway[:20], kind=kind, body=body[:20]):
					yield send("POST", f"{API}{path}?gateway={gateway}", data=body, content_type=kind)

	def test_a_webhook_without_a_signature_is_refused_and_not_stored(self):
		"""S4, S23."""
		before = self.counts()
		for answer in self.each("webhooks.receive"):
			self.assertIn(answer.status_code, (400, 401, 404, 413, 422, 429), answer.get_data()[:300])
			self.assertFalse(message(answer).get("success"))
		self.assertEqual(self.counts(), before)

	def test_any_return_leads_to_our_own_page(self):
		"""S17, R31."""
		before = self.counts()
		for answer in self.each("callbacks.returned"):
			self.assertEqual(answer.status_code, 303, answer.get_data()[:300])
			self.assertIn("/payment-result", answer.headers["Location"])
			self.assertNotIn("Set-Cookie", answer.headers)
		self.assertEqual(self.counts(), before)

	def test_unknown_gateway_names_are_not_cached(self):
		for number in range(5):
			call("webhooks.receive", query_string=f"gateway=made-up-{number}")
		known = [
			key.decode() if isinstance(key, bytes) else key
			for key in frappe.cache.hgetall("oropendola_gateway_names")
		]
		self.assertEqual([key for key in known if key.startswith("made-up")], [])
