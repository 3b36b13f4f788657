"""Tests of a transition table: every pair of states is tried through the methods of the record, against a second copy of the table."""

from collections.abc import Callable
from typing import ClassVar

import frappe

from oropendola_payments.exceptions import ConcurrentChange, InvalidTransition


def table(text: str) -> dict[str, set[str]]:
	"""The transitions in lines such as `Pending -> Processing, Paid`; a line without an arrow is a final state."""
	moves = {}
	for line in filter(None, map(str.strip, text.splitlines())):
		state, _arrow, targets = line.partition("->")
		moves[state.strip()] = {target.strip() for target in targets.split(",") if target.strip()}
	return moves


class EveryPairOfStates:
	"""For a test case of a DocType with states: a transition that `allowed` does not name is refused and changes nothing."""

	doctype: str
	allowed: dict[str, set[str]]
	moves: ClassVar[dict[str, Callable]]  # target state -> the method that leads there

	def new_record(self) -> str:
		raise NotImplementedError

	def tearDown(self):
		frappe.db.rollback()

	def test_the_options_of_the_form_are_the_states_of_the_table(self):
		"""R20."""
		options = frappe.get_meta(self.doctype).get_field("status").options.split("\n")
		self.assertEqual(set(options), set(self.allowed))
		self.assertEqual(len(options), len(set(options)))

	def test_every_pair_of_states(self):
		name = self.new_record()
		for before in self.allowed:
			for after, move in self.moves.items():
				with self.subTest(before=before, after=after):
					self.check_pair(name, before, after, move)

	def test_every_state_but_the_first_has_a_method_that_leads_there(self):
		reachable = set().union(*self.allowed.values())
		self.assertEqual(reachable, set(self.moves))

	def test_of_two_writers_the_later_gets_a_conflict_and_changes_nothing(self):
		"""R28."""
		name = self.new_record()
		before = next(state for state, targets in self.allowed.items() if len(targets & set(self.moves)) > 1)
		frappe.db.set_value(self.doctype, name, {"status": before, **self.columns_of(before)})
		faster, slower = (frappe.get_doc(self.doctype, name) for _writer in range(2))
		first, second = sorted(self.allowed[before] & set(self.moves))[:2]
		self.moves[first](faster)
		with self.assertRaises(ConcurrentChange):
			self.moves[second](slower)
		self.assertEqual(frappe.db.get_value(self.doctype, name, "status"), first)

	def check_pair(self, name: str, before: str, after: str, move: Callable):
		frappe.db.set_value(self.doctype, name, {"status": before, **self.columns_of(before)})
		doc = frappe.get_doc(self.doctype, name)
		if before == after:
			self.assertFalse(move(doc), "repeating a transition changes nothing")
		elif after in self.allowed[before]:
			move(doc)
			self.assertEqual(doc.status, after)
		else:
			with self.assertRaises(InvalidTransition) as refusal:
				move(doc)
			self.assertEqual(refusal.exception.http_status_code, 409)
		expected = after if after in self.allowed[before] else before
		self.assertEqual(frappe.db.get_value(self.doctype, name, "status"), expected)

	def columns_of(self, status: str) -> dict:
		"""Further columns of a record in this state, where a transition reads them."""
		return {}
