"""Reminders respect the customer's own clock: quiet hours, mornings and days."""

from datetime import datetime
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import get_system_timezone

from oropendola_payments.engine.dunning.local_time import (
	next_morning,
	out_of_quiet_hours,
	start_of_day,
	zone_of,
)
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.factories import create_user, payment_settings


def there(moment: datetime, zone: str) -> str:
	"""A time of the site as the clock on that wall shows it."""
	local = moment.replace(tzinfo=ZoneInfo(get_system_timezone())).astimezone(ZoneInfo(zone))
	return local.strftime("%d %H:%M")


def here(text: str, zone: str) -> datetime:
	"""The time of the site when the clock on that wall shows this."""
	local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
	return local.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None)


class TestLocalTime(TestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.user = create_user()

	def setUp(self):
		self.enterContext(payment_settings(quiet_from=21, quiet_to=9))

	def live_in(self, zone: str | None):
		frappe.db.set_value("User", self.user, "time_zone", zone)

	def test_a_time_in_quiet_hours_moves_to_their_end_in_the_customers_zone(self):
		for zone in ("Asia/Kolkata", "America/New_York", "Pacific/Auckland"):
			self.live_in(zone)
			for clock, expected in (
				("2026-11-10T20:59", "10 20:59"),
				("2026-11-10T21:00", "11 09:00"),
				("2026-11-10T23:30", "11 09:00"),
				("2026-11-11T08:59", "11 09:00"),
				("2026-11-11T09:00", "11 09:00"),
			):
				moved = out_of_quiet_hours(here(clock, zone), self.user)
				self.assertEqual(there(moved, zone), expected, (zone, clock))

	def test_quiet_hours_within_a_day_and_none_at_all(self):
		self.live_in("Asia/Kolkata")
		with payment_settings(quiet_from=12, quiet_to=14):
			moved = out_of_quiet_hours(here("2026-11-10T13:10", "Asia/Kolkata"), self.user)
			self.assertEqual(there(moved, "Asia/Kolkata"), "10 14:00")
		with payment_settings(quiet_from=0, quiet_to=0):
			night = here("2026-11-10T03:00", "Asia/Kolkata")
			self.assertEqual(out_of_quiet_hours(night, self.user), night)

	def test_the_next_morning_is_half_past_nine_of_the_customer(self):
		for zone in ("Asia/Kolkata", "Europe/Berlin"):
			self.live_in(zone)
			self.assertEqual(there(next_morning(here("2026-11-10T09:29", zone), self.user), zone), "10 09:30")
			self.assertEqual(there(next_morning(here("2026-11-10T09:30", zone), self.user), zone), "11 09:30")

	def test_the_morning_stays_half_past_nine_when_summer_time_begins(self):
		self.live_in("Europe/Berlin")
		before = here("2027-03-27T22:00", "Europe/Berlin")
		self.assertEqual(there(next_morning(before, self.user), "Europe/Berlin"), "28 09:30")

	def test_a_day_begins_at_midnight_of_the_customer(self):
		self.live_in("America/Los_Angeles")
		moment = here("2026-11-10T23:59", "America/Los_Angeles")
		self.assertEqual(there(start_of_day(moment, self.user), "America/Los_Angeles"), "10 00:00")

	def test_an_unknown_or_missing_zone_is_the_sites(self):
		for zone in (None, "", "Nowhere/Atlantis"):
			self.live_in(zone)
			self.assertEqual(zone_of(self.user), ZoneInfo(get_system_timezone()))
