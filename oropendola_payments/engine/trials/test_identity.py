"""One person is recognised behind several spellings of one address."""

import frappe
from hypothesis import given
from hypothesis import strategies as st

from oropendola_payments.engine.trials.identity import WITHOUT_DOTS, identities, mailbox
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, unique

DOTLESS, SAME = tuple(WITHOUT_DOTS)


class TestMailbox(TestCase):
	def test_case_tags_and_dots_do_not_make_another_person(self):
		for address, same in (
			("Asha@Example.com", "asha@example.com"),
			("asha+trial@example.com", "asha@example.com"),
			("asha+a+b@example.com", "asha@example.com"),
			(" asha@example.com. ", "asha@example.com"),
			(f"a.s.h.a+x@{DOTLESS}", f"asha@{DOTLESS}"),
			(f"Asha@{SAME}", f"asha@{DOTLESS}"),
			("ａｓｈａ@example.com", "asha@example.com"),
			("asha@bücher.example", "asha@xn--bcher-kva.example"),
		):
			with self.subTest(address):
				self.assertEqual(mailbox(address), same)

	def test_other_people_stay_apart(self):
		"""Dots count at most providers, and a company's own domain is not one person."""
		addresses = ("asha@example.com", "a.sha@example.com", "asha@example.org", "ravi@example.com")
		self.assertEqual(len({mailbox(address) for address in addresses}), len(addresses))

	def test_what_is_no_address_is_nobody(self):
		for text in ("", "Administrator", "@example.com", "asha@", "+tag@example.com"):
			self.assertEqual(mailbox(text), "")

	@given(st.text(max_size=40))
	def test_any_text_is_read_the_same_way_twice(self, text):
		self.assertEqual(mailbox(mailbox(text)), mailbox(text))


class TestIdentities(TestCase):
	def setUp(self):
		self.user = create_user()
		self.addCleanup(frappe.db.rollback)

	def test_login_name_and_address_both_count(self):
		frappe.db.set_value("User", self.user, "email", f"{unique('other')}@example.com")
		self.assertEqual([person.kind for person in identities(self.user)], ["Email", "Email"])

	def test_the_hash_contains_nothing_of_the_address_and_depends_on_the_plan(self):
		(person,) = identities(self.user)
		self.assertRegex(person.key(None), "^[0-9a-f]{32}$")
		self.assertNotEqual(person.key(None), person.key("pro"))
		self.assertNotIn(self.user.split("@")[0][1:], person.hint)
