"""Endpoints of Frappe that answer without asking who may read which record. The stand-in for Frappe has none of them, so calls are noted."""

import importlib
from contextlib import suppress
from unittest.mock import patch

import frappe

from oropendola_payments import overrides
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_invoice, create_user, unique
from oropendola_payments.tests.support.http import send

PROFILE = "AI Billing Profile"
CHART = "frappe.desk.doctype.dashboard_chart.dashboard_chart.get"


class TestFrappesEndpoints(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.owner, cls.other = create_user(), create_user()
		cls.auditor = create_user("Payments Auditor")
		cls.invoice = create_invoice(cls.owner)
		cls.legal_name = unique("Zubaida")
		profile = frappe.new_doc(PROFILE).update({"user": cls.owner, "legal_name": cls.legal_name})
		profile.db_insert()
		frappe.db.commit()
		cls.profile = profile.name

	def setUp(self):
		self.calls = []

		def noted(path, /, *args, **options):
			self.calls.append((path, args, options))
			return "answered"

		self.enterContext(patch.object(overrides, "_call", noted))

	def ask(self, user: str, path: str, **values):
		return send("POST", f"/api/method/{path}", user, json=values)

	def reached(self, user: str, path: str, **values) -> bool:
		"""Return whether Frappe's own function would have been called."""
		self.calls.clear()
		answer = self.ask(user, path, **values)
		self.assertIn(answer.status_code, (200, 403, 404), answer.text[:300])
		return bool(self.calls)

	def test_every_override_takes_the_place_of_a_function_of_frappe(self):
		for path, (override,) in frappe.get_hooks("override_whitelisted_methods").items():
			module, _dot, name = path.rpartition(".")
			self.assertIn(frappe.get_attr(override), list(frappe.whitelisted))
			with suppress(NotImplementedError, ModuleNotFoundError):  # which the stand-in raises
				self.assertTrue(callable(getattr(importlib.import_module(module), name)), path)

	def test_a_search_never_leaves_out_whose_records_they_are(self):
		"""S63: `ignore_user_permissions` makes Frappe list all records with any field."""
		for path in ("search_link", "search_widget"):
			for sent in (1, "1", True):
				asked = {"doctype": PROFILE, "txt": "", "ignore_user_permissions": sent}
				self.assertTrue(self.reached(self.other, f"frappe.desk.search.{path}", **asked))
				self.assertFalse(self.calls[-1][2]["ignore_user_permissions"])
		asked = {"doctype": "User", "txt": "", "ignore_user_permissions": 1}
		self.ask(self.other, "frappe.desk.search.search_link", **asked)
		self.assertEqual(self.calls[-1][2]["ignore_user_permissions"], 1)

	def test_filters_tell_nothing_about_records_of_others(self):
		"""S63: a foreign record that fits and none at all get the same answer, so that no field can be guessed letter by letter."""
		for beginning in (self.legal_name[:3], "Nobody"):
			filters = {"user": self.owner, "legal_name": ["like", f"{beginning}%"]}
			for sent in (filters, frappe.as_json(filters)):
				answer = self.ask(self.other, "frappe.client.get", doctype=PROFILE, filters=sent)
				self.assertEqual(answer.status_code, 404)
		self.assertEqual(self.calls, [])

	def test_filters_find_own_records(self):
		filters = {"legal_name": ["like", f"{self.legal_name[:3]}%"]}
		self.assertTrue(self.reached(self.owner, "frappe.client.get", doctype=PROFILE, filters=filters))
		self.assertEqual(self.calls[-1][2]["name"], self.profile)

	def test_conditions_are_no_name(self):
		"""S63."""
		conditions = {"user": self.owner, "legal_name": ["like", f"{self.legal_name[:3]}%"]}
		for key, about in (("name", "doctype"), ("docname", "doctype"), ("dn", "dt")):
			for path in ("frappe.client.get", "frappe.client.get_list", "run_doc_method"):
				answer = self.ask(self.other, path, **{about: PROFILE, key: conditions})
				self.assertEqual(answer.status_code, 403)
		self.assertEqual(self.calls, [])

	def test_own_records_are_not_compared_with_foreign_ones(self):
		"""S63."""
		asked = {"doctype": PROFILE, "value": self.profile, "prev": 0, "sort_field": "legal_name"}
		path = "frappe.desk.form.utils.get_next"
		self.assertFalse(self.reached(self.other, path, **asked))
		self.assertFalse(self.reached(self.other, path, **{**asked, "value": {"user": self.owner}}))
		self.assertTrue(self.reached(self.owner, path, **asked))

	def test_figures_of_all_customers_are_for_staff(self):
		"""S63: what Frappe adds up without looking at rights."""
		heat_map = {"document_type": "AI Invoice", "type": "Heatmap", "chart_type": "Sum"}
		goal = {"doctype": "AI Invoice", "goal_doctype": "AI Invoice", "docname": self.invoice.name}
		group = {"doctype": "AI Invoice", "current_filters": "[]", "field": "assigned_to"}
		for path, asked in (
			(CHART, {"chart": heat_map}),
			(CHART, {"chart": frappe.as_json(heat_map), "no_cache": 1}),
			("frappe.utils.goal.get_monthly_goal_graph_data", goal),
			("frappe.desk.listview.get_group_by_count", group),
		):
			with self.subTest(path=path):
				self.assertFalse(self.reached(self.owner, path, **asked))
				self.assertTrue(self.reached(self.auditor, path, **asked))

	def test_a_function_that_calls_another_by_its_name_calls_the_override(self):
		"""S63: otherwise it would lead around all others."""
		for path, key in (
			("frappe.model.mapper.map_docs", "method"),
			("frappe.desk.treeview.get_all_nodes", "tree_method"),
		):
			for called in frappe.get_hooks("override_whitelisted_methods"):
				self.ask(self.other, path, **{key: called})
				self.assertTrue(self.calls[-1][2][key].startswith("oropendola_payments.overrides."), called)
			self.ask(self.other, path, **{key: "frappe.client.get_list"})
			self.assertEqual(self.calls[-1][2][key], "frappe.client.get_list")
