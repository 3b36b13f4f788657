from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.journey import GATEWAYS, Journey


class TestEveryGateway(TestCase):
	def test_a_new_customer_pays_and_gets_service(self):
		for gateway in GATEWAYS:
			with self.subTest(gateway):
				journey = Journey(gateway)
				attempt = journey.start()
				journey.deliver_return(journey.customer_pays(attempt))
				journey.deliver_all()
				self.assertEqual(journey.status(), "Paid")
				self.assertEqual(journey.subscription_status(), "Active")
				self.assertEqual(journey.problems(), [])
