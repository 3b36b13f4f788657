"""A call costs what the weights of its model say, exactly, rounded up once."""

from decimal import Decimal

import frappe
from hypothesis import given, settings
from hypothesis import strategies as st

from oropendola_payments.engine.metering.costs import Call, ModelNotInPlan, costs_of, plain_name
from oropendola_payments.tests.support.case import TestCase


def model(pattern: str, request="0", incoming="0", outgoing="0"):
	return frappe._dict(
		pattern=pattern, per_request=request, per_input_tokens=incoming, per_output_tokens=outgoing
	)


MODELS = [
	model("gpt-4o-mini", "0", "0.15", "0.6"),
	model("gpt-4*", "1", "2.5", "10"),
	model("Claude-*", "0", "3", "15"),
]


class TestCosts(TestCase):
	def test_a_plan_without_models_counts_one_unit_a_request(self):
		costs = costs_of(Call(3, "anything", 10, 20), [])
		self.assertEqual(costs, {"Requests": 3, "Tokens": 30, "Units": 3000})

	def test_the_first_pattern_that_fits_counts(self):
		self.assertEqual(costs_of(Call(1, "gpt-4o-mini", 1000, 1000), MODELS)["Units"], 750)
		self.assertEqual(costs_of(Call(1, "gpt-4o", 1000, 1000), MODELS)["Units"], 13_500)

	def test_names_are_compared_without_case_and_provider(self):
		for name in ("claude-opus", "anthropic/Claude-Opus", " CLAUDE-opus "):
			self.assertEqual(costs_of(Call(1, name, 1000, 0), MODELS)["Units"], 3000, name)
		self.assertEqual(plain_name("azure/eu/GPT-4o"), "gpt-4o")

	def test_a_model_that_the_plan_does_not_name_is_refused_with_those_it_does(self):
		for name in ("llama-3", "", None, "my-gpt-4o"):
			with self.assertRaisesRegex(ModelNotInPlan, "gpt-4o-mini, gpt-4"):
				costs_of(Call(1, name), MODELS)

	def test_a_part_of_a_thousandth_is_rounded_up_once(self):
		self.assertEqual(costs_of(Call(1, "gpt-4o-mini", 1, 1), MODELS)["Units"], 1)
		self.assertEqual(costs_of(Call(1, "gpt-4o-mini", 7, 0), MODELS)["Units"], 2)

	@settings(deadline=None)
	@given(
		st.integers(0, 10**7),
		st.integers(0, 10**7),
		st.decimals(0, 100, places=3),
		st.decimals(0, 100, places=3),
	)
	def test_units_are_never_less_than_exact_and_never_a_thousandth_more(
		self, incoming, outgoing, w_in, w_out
	):
		units = costs_of(Call(1, "x", incoming, outgoing), [model("x", "0", str(w_in), str(w_out))])["Units"]
		exact = w_in * incoming + w_out * outgoing
		self.assertLessEqual(exact, units)
		self.assertLess(units - exact, Decimal(1))
