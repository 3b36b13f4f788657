"""Who may use the two-step API: a role for sessions and API keys, the OAuth scope for bearer tokens."""

import frappe
from frappe.utils import add_to_date, now_datetime

from oropendola_payments.api import cashfree
from oropendola_payments.roles import TRANSACT
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import as_user, create_user
from oropendola_payments.tests.support.http import call, message
from oropendola_payments.tests.support.simulated import incoming_request

ENDPOINT = "cashfree.get_cashfree_order_status"
ALLOWED, REFUSED = (
	"not_found",
	"not_allowed",
)  # the order does not exist, and only callers with the right to pay get that answer


class TestTransactScope(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user, cls.other = create_user(), create_user()
		frappe.get_doc("User", cls.other).add_roles(TRANSACT)
		client = {"app_name": "An agent", "scopes": "all openid transact nottransact transact_all"}
		client |= {"default_redirect_uri": "https://agent.example", "grant_type": "Authorization Code"}
		client |= {"doctype": "OAuth Client", "response_type": "Code"}
		cls.client = frappe.get_doc(client).insert(ignore_permissions=True).name

	def token(self, scopes: str, user: str | None = None, **values) -> str:
		row = {
			"doctype": "OAuth Bearer Token",
			"client": self.client,
			"user": user or self.user,
			"scopes": scopes,
			"access_token": frappe.generate_hash(length=30),
			"expiration_time": add_to_date(now_datetime(), hours=1),
			"status": "Active",
			**values,
		}
		name = frappe.get_doc(row).insert(ignore_permissions=True).name
		frappe.db.commit()
		return name

	def over_http(self, token: str) -> tuple:
		headers = {"Authorization": f"Bearer {token}"}
		answer = call(ENDPOINT, headers=headers, query_string={"order_id": "X"}, method="GET")
		return answer.status_code, message(answer).get("error_code")

	def test_a_token_with_the_scope_may_pay_and_one_without_may_not(self):
		self.assertEqual(self.over_http(self.token("all transact")), (404, ALLOWED))
		self.assertEqual(self.over_http(self.token("all openid")), (403, REFUSED))

	def test_an_expired_or_unknown_token_does_not_log_in(self):
		old = self.token("transact", expiration_time=add_to_date(now_datetime(), seconds=-1))
		for token in (old, self.token("transact", status="Revoked"), "unknown"):
			self.assertEqual(self.over_http(token)[0], 401)

	def test_the_role_does_not_replace_the_scope_of_a_token(self):
		"""A token without the scope was issued on purpose, so the role must not replace it."""
		self.assertEqual(self.over_http(self.token("all", self.other)), (403, REFUSED))

	def beside_a_session(self, token: str, user: str | None = None) -> str:
		"""The user is logged in by other means and also sends this header."""
		headers = {"Authorization": f"Bearer {token}"}
		with incoming_request("POST", "http://site.example/", headers=headers), as_user(user or self.user):
			return cashfree.get_cashfree_order_status(order_id="X")["error_code"]

	def test_only_a_valid_token_of_the_same_user_is_accepted(self):
		self.assertEqual(self.beside_a_session(self.token("transact")), ALLOWED)
		for name, token in {
			"another user's": self.token("transact", self.other),
			"over": self.token("transact", expiration_time=add_to_date(now_datetime(), seconds=-1)),
			"revoked": self.token("transact", status="Revoked"),
			"no scope": self.token("openid"),
			"a longer word": self.token("transact_all nottransact"),
			"unknown": "unknown",
			"empty": "",
		}.items():
			with self.subTest(name):
				self.assertEqual(self.beside_a_session(token), REFUSED)

	def test_scopes_may_be_separated_by_spaces_or_commas(self):
		for scopes in ("transact", "all transact", "all;transact", "transact,all"):
			with self.subTest(scopes):
				self.assertEqual(self.beside_a_session(self.token(scopes)), ALLOWED)
