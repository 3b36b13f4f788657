"""Endpoints of Frappe that answer without asking who may read which record, called as they are."""

import importlib
from importlib.util import find_spec
from unittest import skipUnless

import frappe

from oropendola_payments import hooks
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, create_user, unique
from oropendola_payments.tests.support.http import send

PROFILE = "AI Billing Profile"
SEARCHES = ("frappe.desk.search.search_link", "frappe.desk.search.search_widget")
CHART = "frappe.desk.doctype.dashboard_chart.dashboard_chart.get"
GOAL = "frappe.utils.goal.get_monthly_goal_graph_data"
GROUPS = "frappe.desk.listview.get_group_by_count"
NEXT = "frappe.desk.form.utils.get_next"
WEBSITE_COMMENT = "frappe.templates.includes.comments.comments.add_comment"
HEAT_MAP = {
	"document_type": "AI Invoice",
	"type": "Heatmap",
	"chart_type": "Count",
	"based_on": "creation",
	"heatmap_year": "2026",
	"filters_json": "[]",
}


def has_desk() -> bool:
	try:
		return bool(find_spec("frappe.desk.search"))
	except (ImportError, NotImplementedError):
		return False


class EndpointsTestCase(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.owner, cls.other = create_user(), create_user()
		cls.auditor = create_user("Payments Auditor")
		cls.invoice = create_invoice(cls.owner)
		cls.legal_name = unique("Zubaida")
		cls.profile = cls.profile_of(cls.owner, cls.legal_name)
		cls.other_profile = cls.profile_of(cls.other, unique("Moreau"))
		frappe.db.commit()

	@classmethod
	def profile_of(cls, user: str, legal_name: str) -> str:
		profile = frappe.new_doc(PROFILE).update({"user": user, "legal_name": legal_name})
		profile.db_insert()
		return profile.name

	def ask(self, user: str, path: str, /, **values):
		return send("POST", f"/api/method/{path}", user, json=values)


class TestNames(EndpointsTestCase):
	def test_filters_tell_nothing_about_records_of_others(self):
		"""S63: a foreign record that fits and none at all get the same answer, so that no field can be guessed letter by letter."""
		for beginning in (self.legal_name[:3], "Nobody"):
			filters = {"user": self.owner, "legal_name": ["like", f"{beginning}%"]}
			for sent in (filters, frappe.as_json(filters)):
				answer = self.ask(self.other, "frappe.client.get", doctype=PROFILE, filters=sent)
				self.assertEqual(answer.status_code, 404)

	def test_filters_find_own_records(self):
		filters = {"legal_name": ["like", f"{self.legal_name[:3]}%"]}
		answer = self.ask(self.owner, "frappe.client.get", doctype=PROFILE, filters=filters)
		self.assertEqual(answer.json["message"]["name"], self.profile)

	def test_a_record_is_found_by_its_name(self):
		answer = self.ask(self.owner, "frappe.client.get", doctype=PROFILE, name=self.profile)
		self.assertEqual(answer.json["message"]["legal_name"], self.legal_name)
		answer = self.ask(self.other, "frappe.client.get", doctype=PROFILE, name=self.profile)
		self.assertEqual(answer.status_code, 403)

	def test_conditions_are_no_name(self):
		"""S63."""
		conditions = {"user": self.owner, "legal_name": ["like", f"{self.legal_name[:3]}%"]}
		for key, about in (("name", "doctype"), ("docname", "doctype"), ("dn", "dt")):
			for path in ("frappe.client.get", "frappe.client.get_list", "run_doc_method"):
				answer = self.ask(self.other, path, **{about: PROFILE, key: conditions})
				self.assertEqual(answer.status_code, 403)


@skipUnless(has_desk(), "The stand-in for Frappe has no Desk.")
class TestDeskFunctions(EndpointsTestCase):
	def found(self, user: str, path: str, **options) -> list[str]:
		answer = self.ask(user, path, doctype=PROFILE, txt="", page_length=1000, **options)
		self.assertEqual(answer.status_code, 200, answer.text[:300])
		rows = answer.json.get("message") or answer.json.get("results") or []
		return [row["value"] if isinstance(row, dict) else row[0] for row in rows]

	def test_every_override_takes_the_place_of_a_function_of_frappe(self):
		for path, override in hooks.override_whitelisted_methods.items():
			module, _dot, name = path.rpartition(".")
			self.assertIn(frappe.get_attr(override), list(frappe.whitelisted))
			if path == WEBSITE_COMMENT and not find_spec(module.rpartition(".")[0]):
				continue  # it goes where the blog goes
			self.assertTrue(callable(getattr(importlib.import_module(module), name)), path)

	def test_a_search_never_leaves_out_whose_records_they_are(self):
		"""S63: `ignore_user_permissions` makes Frappe list all records with any field."""
		for path in SEARCHES:
			for sent in (0, 1, "1", True):
				with self.subTest(path=path, sent=sent):
					found = self.found(self.other, path, ignore_user_permissions=sent)
					self.assertEqual(found, [self.other_profile])

	def test_staff_searches_all_records(self):
		for path in SEARCHES:
			self.assertIn(self.profile, self.found(self.auditor, path))

	def test_other_records_are_searched_as_before(self):
		asked = {"doctype": "Country", "txt": "Indi", "ignore_user_permissions": 1}
		for path in SEARCHES:
			answer = self.ask("Administrator", path, **asked)
			self.assertIn("India", answer.text)

	def test_own_records_are_not_compared_with_foreign_ones(self):
		"""S63."""
		asked = {"doctype": PROFILE, "prev": 0, "sort_field": "legal_name", "sort_order": "asc"}
		for value in (self.profile, {"user": self.owner}):
			self.assertIn(self.ask(self.other, NEXT, value=value, **asked).status_code, (403, 404))
		self.assertEqual(self.ask(self.owner, NEXT, value=self.profile, **asked).status_code, 200)

	def test_figures_of_all_customers_are_for_staff(self):
		"""S63: what Frappe adds up without looking at rights."""
		goal = {
			"title": "Paid",
			"doctype": "AI Invoice",
			"docname": self.invoice.name,
			"goal_value_field": "amount",
			"goal_total_field": "amount",
			"goal_history_field": "gateway_data",
			"goal_doctype": "AI Invoice",
			"goal_doctype_link": "user",
			"goal_field": "amount",
			"date_field": "creation",
			"filter_str": "{}",
			"aggregation": "sum",
		}
		group = {"doctype": "AI Invoice", "current_filters": "[]", "field": "assigned_to"}
		for path, asked in (
			(CHART, {"chart": HEAT_MAP}),
			(CHART, {"chart": frappe.as_json(HEAT_MAP), "no_cache": 1}),
			(GOAL, goal),
			(GROUPS, group),
		):
			with self.subTest(path=path):
				self.assertEqual(self.ask(self.owner, path, **asked).status_code, 403)

	def test_staff_is_not_refused_figures(self):
		"""Frappe 16.4 fails at heat maps by itself."""
		for path, asked in (
			(CHART, {"chart": frappe.as_json(HEAT_MAP), "no_cache": 1}),
			(GROUPS, {"doctype": "AI Invoice", "current_filters": "[]", "field": "assigned_to"}),
		):
			answer = self.ask(self.auditor, path, **asked)
			self.assertNotEqual(answer.status_code, 403, answer.text[:500])

	def test_a_function_that_calls_another_by_its_name_calls_the_override(self):
		"""S63: otherwise it would lead around all others."""
		asked = {"doctype": PROFILE, "txt": "", "ignore_user_permissions": 1, "as_dict": 1}
		for path, key in (
			("frappe.desk.treeview.get_all_nodes", "tree_method"),
			("frappe.model.mapper.map_docs", "method"),
		):
			for called in SEARCHES:
				answer = self.ask(self.other, path, **{key: called}, **asked)
				self.assertNotIn(self.profile, answer.text)
