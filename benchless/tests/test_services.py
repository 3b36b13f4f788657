"""Cache, jobs, mails, templates, settings and cleaning of HTML."""

import unittest

import frappe
from frappe.tests.utils import FrappeTestCase, change_settings
from frappe.utils import add_months, flt, fmt_money, format_date, get_last_day, validate_email_address
from frappe.utils.background_jobs import _forget_waiting_jobs, get_job_status, start_worker
from frappe.utils.html_utils import sanitize_html

from benchless import site
from benchless.tests.test_transactions import in_thread
from benchless.tests.throwaway import ThrowawaySite, box


class TestCache(ThrowawaySite):
	def test_value_is_a_copy_for_everybody_else(self):
		frappe.cache.set_value("list", [1])
		frappe.cache.get_value("list").append(2)
		self.assertEqual(in_thread(self.path, lambda: frappe.cache.get_value("list")), [1])

	def test_expired_value_is_gone(self):
		frappe.cache.set_value("soon", 1, expires_in_sec=100)
		self.assertEqual(frappe.cache.get_value("soon", expires=True), 1)
		self.assertIn(frappe.cache.ttl(frappe.cache.make_key("soon")), range(95, 101))
		frappe.cache.expire(frappe.cache.make_key("soon"), -1)
		self.assertIsNone(frappe.cache.get_value("soon", expires=True))

	def test_raw_counter_is_shared_and_only_one_claims_a_key(self):
		self.assertEqual([frappe.cache.incrby("raw", 2) for _ in range(2)], [2, 4])
		self.assertEqual(in_thread(self.path, lambda: frappe.cache.get("raw")), b"4")
		self.assertEqual([frappe.cache.set("claim", 1, nx=True, ex=9) for _ in range(2)], [True, None])

	def test_keys_with_a_beginning_are_found_until_they_are_deleted_or_expire(self):
		for name in ("note::b", "note::a", "note::a*c", "notebook"):
			frappe.cache.set_value(name, 1)
		frappe.cache.set_value("note::gone", 1, expires_in_sec=-1)
		frappe.cache.delete_value("note::b")
		found = [key.decode().partition("|")[2] for key in frappe.cache.get_keys("note::")]
		self.assertEqual(found, ["note::a", "note::a*c"])
		frappe.cache.delete_keys("note::")
		self.assertEqual((frappe.cache.get_keys("note::"), frappe.cache.get_value("notebook")), ([], 1))

	def test_generator_fills_a_hash_once(self):
		values = iter([1, 2])
		self.assertEqual([frappe.cache.hget("h", "k", lambda: next(values)) for _ in range(2)], [1, 1])
		frappe.cache.hdel("h", "k")
		self.assertEqual(frappe.cache.hget("h", "k", lambda: next(values)), 2)

	def test_callable_and_unknown_command(self):
		self.assertIs(frappe.cache(), frappe.cache)
		with self.assertRaisesRegex(NotImplementedError, "frappe.cache.geoadd"):
			frappe.cache.geoadd("x")

	def test_sites_do_not_share_keys(self):
		frappe.cache.set_value("mine", 1)
		other = in_thread(self.path, lambda: site.create_site(self.folder / "other.localhost", apps=[]))
		self.assertIsNone(in_thread(other, lambda: frappe.cache.get_value("mine")))


class TestJobs(ThrowawaySite):
	def test_failed_job_rolls_back_and_is_logged(self):
		name = box(note="before").insert().name
		frappe.db.commit()
		frappe.enqueue("throwaway.events.write_and_fail", name=name, job_id="fails")
		start_worker(burst=True)
		self.assertEqual(get_job_status("fails"), "failed")
		self.assertEqual(frappe.db.get_value("Box", name, "note"), "before")
		self.assertTrue(frappe.db.exists("Error Log", {"method": "throwaway.events.write_and_fail"}))

	def test_same_job_waits_only_once(self):
		options = {"job_id": "once", "deduplicate": True, "user": "x", "doctype": "y"}
		first, second = (frappe.enqueue("throwaway.events.only_open_parcels", **options) for _ in range(2))
		self.assertIsNotNone(first)
		self.assertIsNone(second)
		start_worker(burst=True)

	def test_job_runs_as_the_user_who_asked(self):
		frappe.set_user("Guest")
		frappe.enqueue("throwaway.events.remember_user")
		start_worker(burst=True)
		from throwaway import events

		self.assertEqual(events.seen[-1], "Guest")

	def test_forgotten_jobs_do_not_run_and_may_be_queued_again(self):
		options = {"method": "throwaway.events.remember_user", "job_id": "forgotten", "deduplicate": True}
		self.assertIsNotNone(frappe.enqueue(**options))
		_forget_waiting_jobs()
		from throwaway import events

		before = len(events.seen)
		start_worker(burst=True)
		self.assertEqual(len(events.seen), before)
		self.assertIsNotNone(frappe.enqueue(**options))

	def test_now_runs_the_job_in_this_process(self):
		self.assertEqual(frappe.enqueue("frappe.utils.cint", s="7", now=True), 7)


class TestMails(ThrowawaySite):
	def test_mail_waits_in_the_outbox_and_disappears_with_a_rollback(self):
		frappe.sendmail(
			recipients=["a@example.com"], cc="b@example.com", subject="Paid", message="<p>Thanks</p>"
		)
		mail = frappe.get_last_doc("Email Queue")
		self.assertEqual([row.recipient for row in mail.recipients], ["a@example.com", "b@example.com"])
		self.assertEqual(mail.status, "Not Sent")
		self.assertIn("Subject: Paid", mail.message)
		frappe.db.rollback()
		self.assertEqual(frappe.db.count("Email Queue"), 0)

	def test_mail_to_nobody_is_no_mail(self):
		self.assertIsNone(frappe.sendmail(recipients=["Administrator"], message="x"))


class TestTexts(ThrowawaySite):
	def test_template_text_sees_values_and_frappe(self):
		text = frappe.render_template("{{ name }} {{ frappe.format_date('2026-03-01') }}", {"name": "Asha"})
		self.assertEqual(text, "Asha 2026-03-01")

	def test_what_could_run_is_defused(self):
		self.assertEqual(sanitize_html("<script>x</script>"), "&lt;script&gt;x&lt;/script&gt;")
		self.assertEqual(sanitize_html('<img src="a.png" onerror="x">'), '<img src="a.png">')
		self.assertEqual(sanitize_html('<a href="javascript:x">y</a>'), "<a>y</a>")
		for harmless in ("a < b > c", '{"a": "<b>"}', "<p>plain &amp; simple</p>"):
			self.assertEqual(sanitize_html(harmless), harmless)

	def test_document_is_cleaned_when_it_is_saved(self):
		self.assertEqual(
			box(note="<b>ok</b><script>x</script>").insert().note, "<b>ok</b>&lt;script&gt;x&lt;/script&gt;"
		)

	def test_amounts_and_days_read_as_frappe_writes_them(self):
		self.assertEqual(fmt_money(1234567.891, currency="EUR"), "€ 1,234,567.89")
		self.assertEqual(fmt_money(-1234567.5, format="#,##,###.##"), "-12,34,567.50")
		self.assertEqual([flt("1,234.565", 2), flt(2.5, 0), flt(3.5, 0), flt("x")], [1234.57, 2, 4, 0])
		self.assertEqual(str(add_months("2026-01-31", 1)), "2026-02-28")
		self.assertEqual(str(get_last_day("2028-02-10")), "2028-02-29")
		self.assertEqual(format_date("2026-03-01", "dd MMM yyyy"), "01 Mar 2026")

	def test_mail_addresses_are_checked(self):
		self.assertEqual(validate_email_address("Asha <asha@example.com>, nonsense"), "asha@example.com")
		with self.assertRaises(frappe.InvalidEmailAddressError):
			validate_email_address("nonsense", throw=True)


class TestTestTools(ThrowawaySite):
	def test_settings_are_put_back(self):
		with change_settings("Rules", limit=9):
			self.assertEqual(frappe.db.get_single_value("Rules", "limit"), 9)
		self.assertEqual(frappe.db.get_single_value("Rules", "limit"), 5)

	def test_class_ends_with_a_rollback(self):
		class Inner(FrappeTestCase):
			def test_writes(self):
				box(note="inner").insert()

		result = unittest.TestResult()
		unittest.TestSuite([Inner("test_writes")]).run(result)
		self.assertTrue(result.wasSuccessful(), result.errors)
		self.assertFalse(frappe.db.exists("Box", {"note": "inner"}))
