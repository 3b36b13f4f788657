"""Refunds are divided over net and tax to the smallest unit, and never give back more than was taken."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.engine.documents.split import split_refund
from oropendola_payments.tests.support.case import TestCase

NET, HEADS = [Decimal("499.00")], [Decimal("44.91"), Decimal("44.91")]


def split(refund: str, credited=None, items=NET, taxes=HEADS, currency="INR"):
	"""A further refund after `credited`, a list of what earlier notes took off."""
	given_items = [
		sum((note[0][place] for note in credited or []), Decimal(0)) for place in range(len(items))
	]
	given_taxes = [
		sum((note[1][place] for note in credited or []), Decimal(0)) for place in range(len(taxes))
	]
	return split_refund(Decimal(refund), items, taxes, given_items, given_taxes, currency)


def texts(note) -> list[str]:
	return [str(amount) for part in note for amount in part]


class TestSplit(TestCase):
	def test_a_full_refund_is_the_document(self):
		self.assertEqual(texts(split("588.82")), ["499.00", "44.91", "44.91"])

	def test_a_part_is_divided_as_the_document_and_the_rest_is_exact(self):
		first = split("100.00")
		self.assertEqual(texts(first), ["84.74", "7.63", "7.63"])
		self.assertEqual(texts(split("488.82", [first])), ["414.26", "37.28", "37.28"])

	def test_a_refund_of_one_paisa_is_possible(self):
		self.assertEqual(texts(split("0.01")), ["0.01", "0.00", "0.00"])

	def test_a_document_without_tax_is_credited_without_tax(self):
		self.assertEqual(texts(split("49.00", taxes=[])), ["49.00"])

	def test_yen_and_dinar_have_their_own_smallest_unit(self):
		self.assertEqual(
			texts(split("33", items=[Decimal(100)], taxes=[Decimal(10)], currency="JPY")), ["30", "3"]
		)
		kuwait = split("0.001", items=[Decimal("1.000")], taxes=[Decimal("0.100")], currency="KWD")
		self.assertEqual(texts(kuwait), ["0.001", "0.000"])

	def test_more_than_is_left_is_refused(self):
		for refund, credited in (("588.83", None), ("0.00", None), ("0.01", [split("588.82")])):
			with self.assertRaises(ValueError):
				split(refund, credited)

	@settings(deadline=None)
	@given(
		items=st.lists(st.integers(1, 100_000), min_size=1, max_size=3),
		taxes=st.lists(st.integers(0, 20_000), max_size=3),
		cuts=st.lists(st.integers(1, 9_999), max_size=12),
	)
	def test_any_refunds_in_a_row_add_up_and_end_at_the_exact_document(self, items, taxes, cuts):
		"""R41."""
		items, taxes = ([Decimal(part).scaleb(-2) for part in parts] for parts in (items, taxes))
		left, notes = sum([*items, *taxes], Decimal(0)), []
		for cut in [*(Decimal(cut).scaleb(-2) for cut in cuts), None]:
			refund = left if cut is None else min(cut, left)
			if not refund:
				break
			notes.append(split(str(refund), notes, items, taxes))
			self.assertEqual(sum((*notes[-1][0], *notes[-1][1])), refund)
			self.assertTrue(all(amount >= 0 for part in notes[-1] for amount in part))
			left -= refund
		for place, whole in enumerate(items):
			self.assertLessEqual(sum(note[0][place] for note in notes), whole)
		if not left:
			self.assertEqual([sum(note[0][i] for note in notes) for i in range(len(items))], items)
			self.assertEqual([sum(note[1][i] for note in notes) for i in range(len(taxes))], taxes)

	@settings(deadline=None)
	@given(st.lists(st.just(1), min_size=50, max_size=120))
	def test_many_refunds_of_one_paisa_never_go_below_zero(self, paise):
		notes = []
		for _paisa in paise:
			notes.append(split("0.01", notes))
		self.assertEqual(
			sum(amount for note in notes for part in note for amount in part), Decimal(len(paise)).scaleb(-2)
		)
