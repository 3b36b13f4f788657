"""Tags, likes, assignments and comments beside a record: customers neither read nor write them, on foreign records and on their own."""

from contextlib import contextmanager
from unittest import skipUnless

import frappe

from oropendola_payments import timeline_overrides
from oropendola_payments.ai_billing.permissions import has_tag_link_permission, tag_link_conditions
from oropendola_payments.tests.security.test_frappes_endpoints import (
	WEBSITE_COMMENT,
	EndpointsTestCase,
	has_desk,
)
from oropendola_payments.tests.support.factories import as_user

TAGS = "frappe.desk.doctype.tag.tag"
ASSIGNMENTS = "frappe.desk.form.assign_to"
LOAD = "frappe.desk.form.load"


def asked_of(doctype: str, name: str) -> dict[str, dict]:
	"""What Frappe's functions are asked, by their paths."""
	by_doctype = {"doctype": doctype, "name": name}
	by_dt = {"dt": doctype, "dn": name, "tag": "checked"}
	reference = {"reference_doctype": doctype, "reference_name": name}
	comment = {**reference, "comment_email": "boss@example.com", "comment_by": "The boss"}
	assigned = {**by_doctype, "assign_to": ["Administrator"]}
	return {
		f"{TAGS}.add_tag": by_dt,
		f"{TAGS}.add_tags": {"dt": doctype, "docs": [name], "tags": ["checked"]},
		f"{TAGS}.remove_tag": by_dt,
		f"{TAGS}.get_tagged_docs": {"doctype": doctype, "tag": "%"},
		"frappe.desk.like.toggle_like": {**by_doctype, "add": "Yes"},
		"frappe.desk.form.utils.add_comment": {**comment, "content": "It is paid."},
		WEBSITE_COMMENT: {**comment, "comment": "It is paid.", "route": ""},
		f"{ASSIGNMENTS}.add": assigned,
		f"{ASSIGNMENTS}.add_multiple": {**assigned, "name": frappe.as_json([name])},
		f"{ASSIGNMENTS}.remove": {**by_doctype, "assign_to": "Administrator"},
		f"{ASSIGNMENTS}.remove_multiple": {"doctype": doctype, "names": frappe.as_json([name])},
		"frappe.desk.form.document_follow.get_follow_users": {"doctype": doctype, "doc_name": name},
		"frappe.desk.form.document_follow.unfollow_document": {
			"doctype": doctype,
			"doc_name": name,
			"user": "Administrator",
		},
		f"{LOAD}.getdoc": by_doctype,
		f"{LOAD}.get_docinfo": by_doctype,
		f"{LOAD}.get_communications": by_doctype,
	}


class TestTimelines(EndpointsTestCase):
	@contextmanager
	def refused(self, user: str):
		with as_user(user), self.assertRaises(frappe.PermissionError):
			yield

	def test_customers_are_refused_on_all_records_their_own_included(self):
		"""S64."""
		own_and_others = (
			("AI Invoice", self.invoice.name),
			("Payment Event", "any"),
			("Payment Settings", ""),
		)
		for doctype, name in own_and_others:
			for path, asked in asked_of(doctype, name).items():
				override = frappe.get_attr(frappe.get_hooks("override_whitelisted_methods")[path][-1])
				with self.subTest(doctype=doctype, path=path), self.refused(self.owner):
					override(**asked)

	def test_what_is_assigned_may_be_in_the_arguments(self):
		"""S64."""
		for sent in ({"doctype": "AI Invoice"}, '{"doctype": "AI Invoice"}'):
			with self.refused(self.owner):
				timeline_overrides.add_assignment(doctype="User", args=sent)

	def test_tags_of_our_records_are_for_staff(self):
		"""S64: Frappe shows every user every tag, with the title of its record."""
		ours, other = frappe._dict(document_type="AI Tax Document"), frappe._dict(document_type="ToDo")
		self.assertFalse(has_tag_link_permission(ours, user=self.owner))
		self.assertTrue(has_tag_link_permission(other, user=self.owner))
		self.assertTrue(has_tag_link_permission(ours, user=self.auditor))
		self.assertIn("AI Billing", tag_link_conditions(self.owner))
		self.assertEqual(tag_link_conditions(self.auditor), "")


@skipUnless(has_desk(), "The stand-in for Frappe has no Desk.")
class TestOnABench(EndpointsTestCase):
	def test_a_request_of_a_customer_is_refused(self):
		"""S64."""
		for path, asked in asked_of("AI Invoice", self.invoice.name).items():
			with self.subTest(path=path):
				self.assertEqual(self.ask(self.other, path, **asked).status_code, 403)

	def test_staff_tags_likes_and_comments(self):
		asked = asked_of("AI Invoice", self.invoice.name)
		for path in (
			"frappe.desk.like.toggle_like",
			"frappe.desk.form.utils.add_comment",
			f"{LOAD}.get_docinfo",
		):
			answer = self.ask(self.auditor, path, **asked[path])
			self.assertEqual(answer.status_code, 200, answer.text[:300])

	def test_records_of_other_apps_are_liked_as_before(self):
		todo = frappe.get_doc({"doctype": "ToDo", "description": "Buy milk"}).insert(ignore_permissions=True)
		frappe.db.commit()
		asked = {"doctype": "ToDo", "name": todo.name, "add": "Yes"}
		self.assertEqual(self.ask(self.other, "frappe.desk.like.toggle_like", **asked).status_code, 200)
