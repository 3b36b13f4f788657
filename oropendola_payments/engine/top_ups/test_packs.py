"""The form of a pack says under which plans its credits do not depend on the tokens of a call."""

from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.credits import create_pack
from oropendola_payments.tests.support.factories import create_plan

BY_REQUEST = [{"pattern": "small", "per_request": 1}, {"pattern": "large", "per_request": 5}]
BY_TOKENS = [{"pattern": "*", "per_request": 1, "per_output_tokens": 2}]


class TestChargedByRequest(TestCase):
	def warned(self, pack) -> list[str]:
		pack.run_method("onload")
		return pack.get("__onload").charged_by_request

	def test_the_form_names_the_plans_without_weights_for_tokens_for_which_the_pack_is_sold(self):
		plain, weighted = create_plan(plan_name="Plain"), create_plan(plan_name="Weighted", models=BY_REQUEST)
		tokens = create_plan(plan_name="Tokens", models=BY_TOKENS)
		other = create_plan(plan_name="Not sold with it")
		pack = create_pack(plans=[{"plan": plan.name} for plan in (plain, weighted, tokens)])
		self.assertCountEqual(self.warned(pack), ["Plain", "Weighted"])
		self.assertIn(other.plan_name, self.warned(create_pack()))

	def test_a_pack_for_plans_that_count_tokens_needs_no_warning(self):
		plan = create_plan(plan_name="Tokens", models=BY_TOKENS)
		self.assertEqual(self.warned(create_pack(plans=[{"plan": plan.name}])), [])
