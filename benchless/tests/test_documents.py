"""Documents: checks, children, passwords, names, events, permissions."""

import frappe
from frappe.utils import now_datetime

from benchless.tests.throwaway import ThrowawaySite, box, make_user


class TestChecks(ThrowawaySite):
	def test_missing_value_is_refused(self):
		with self.assertRaises(frappe.MandatoryError):
			box(label=None).insert()

	def test_option_that_does_not_exist_is_refused(self):
		with self.assertRaisesRegex(frappe.ValidationError, "should be one of"):
			box(colour="Green").insert()

	def test_link_to_nothing_is_refused(self):
		with self.assertRaises(frappe.LinkValidationError):
			box(keeper="nobody@example.com").insert()

	def test_text_that_is_too_long_is_refused_also_without_the_document(self):
		with self.assertRaises(frappe.CharacterLengthExceededError):
			box(label="x" * 141).insert()
		name = box().insert().name
		with self.assertRaises(frappe.db.DataError):
			frappe.db.set_value("Box", name, "label", "x" * 141)

	def test_negative_amount_is_refused(self):
		with self.assertRaises(frappe.NonNegativeError):
			box(amount=-1).insert()

	def test_value_that_is_set_only_once_stays(self):
		doc = box(once="first").insert()
		doc.once = "second"
		with self.assertRaises(frappe.CannotChangeConstantError):
			doc.save()

	def test_rows_of_a_table_that_is_set_only_once_stay(self):
		doc = box(sealed=[{"thing": "cup"}]).insert()
		doc.reload()
		doc.note = "The rows are the same."
		doc.save()
		for change in (
			lambda: doc.append("sealed", {"thing": "jug"}),
			lambda: doc.sealed[0].set("pieces", 2),
		):
			doc.reload()
			change()
			with self.assertRaises(frappe.CannotChangeConstantError):
				doc.save()

	def test_second_unique_value_and_second_name_are_different_errors(self):
		box(serial="U1").insert()
		with self.assertRaises(frappe.UniqueValidationError):
			box(serial="U1").insert()
		parcel = {"doctype": "Parcel", "code": "P1"}
		frappe.get_doc(parcel).insert()
		with self.assertRaises(frappe.DuplicateEntryError):
			frappe.get_doc(parcel).insert()

	def test_unique_of_two_columns_is_reported_by_its_columns(self):
		frappe.db.commit()
		frappe.db.add_unique("Box", ["note", "colour"], "unique_note_colour")
		box(note="n", colour="Red").insert()
		box(note="n", colour="Blue").insert()
		with self.assertRaises(frappe.UniqueValidationError):
			box(note="n", colour="Red").insert()

	def test_case_makes_no_difference_as_in_mariadb(self):
		box(serial="AbC").insert()
		self.assertTrue(frappe.db.exists("Box", {"serial": "abc"}))
		with self.assertRaises(frappe.UniqueValidationError):
			box(serial="aBc").insert()

	def test_stale_copy_cannot_be_saved(self):
		name = box().insert().name
		first, second = frappe.get_doc("Box", name), frappe.get_doc("Box", name)
		first.save()
		with self.assertRaises(frappe.TimestampMismatchError):
			second.save()


class TestValues(ThrowawaySite):
	def test_defaults_are_filled_in(self):
		doc = box().insert()
		self.assertEqual((doc.colour, doc.count, doc.packed_by), ("Blue", 3, "Administrator"))
		self.assertEqual(str(doc.made_on), frappe.utils.today())

	def test_value_is_fetched_from_the_linked_document(self):
		self.assertEqual(box(keeper="Administrator").insert().owner_name, "Administrator")

	def test_children_come_back_in_order_and_a_removed_one_is_gone(self):
		doc = box(items=[{"thing": "cup"}, {"thing": "jug", "pieces": 2}]).insert()
		doc.reload()
		self.assertEqual([(row.idx, row.thing) for row in doc.items], [(1, "cup"), (2, "jug")])
		doc.remove(doc.items[0])
		doc.append("items", {"thing": "pan"})
		doc.save()
		rows = frappe.get_all("Box Item", filters={"parent": doc.name}, pluck="thing", order_by="idx asc")
		self.assertEqual(rows, ["jug", "pan"])

	def test_change_is_known_before_it_is_saved(self):
		doc = box(due="2026-03-01").insert()
		doc.reload()
		doc.count = 9
		doc.save()
		self.assertTrue(doc.has_value_changed("count"))
		self.assertFalse(doc.has_value_changed("due"))

	def test_events_of_the_app_run(self):
		from throwaway import events

		name = box().insert().name
		self.assertIn((name, "on_update"), events.seen)

	def test_missing_document_raises_404(self):
		with self.assertRaises(frappe.DoesNotExistError) as caught:
			frappe.get_doc("Box", "nothing")
		self.assertEqual(caught.exception.http_status_code, 404)

	def test_linked_document_cannot_be_deleted(self):
		user = make_user()
		box(keeper=user).insert()
		with self.assertRaises(frappe.LinkExistsError):
			frappe.delete_doc("User", user)

	def test_cached_document_follows_every_change(self):
		name = box(note="old").insert().name
		self.assertEqual(frappe.get_cached_value("Box", name, "note"), "old")
		frappe.db.set_value("Box", name, "note", "new")
		self.assertEqual(frappe.get_cached_value("Box", name, "note"), "new")


class TestPasswords(ThrowawaySite):
	def test_row_has_asterisks_and_only_get_password_returns_the_secret(self):
		name = box(secret="open sesame").insert().name
		doc = frappe.get_doc("Box", name)
		self.assertEqual(doc.secret, "*" * 11)
		self.assertEqual(frappe.db.get_value("Box", name, "secret"), "*" * 11)
		self.assertEqual(doc.get_password("secret"), "open sesame")

	def test_saving_the_asterisks_keeps_the_secret(self):
		name = box(secret="open sesame").insert().name
		frappe.get_doc("Box", name).save()
		self.assertEqual(frappe.get_doc("Box", name).get_password("secret"), "open sesame")

	def test_secret_of_a_single_is_asterisks_for_get_single_value(self):
		frappe.get_doc("Rules").update({"key": "k3y"}).save()
		self.assertEqual(frappe.db.get_single_value("Rules", "key"), "***")
		self.assertEqual(frappe.get_doc("Rules").get_password("key"), "k3y")

	def test_missing_secret_is_an_error_unless_it_may_be_missing(self):
		doc = box().insert()
		with self.assertRaises(frappe.AuthenticationError):
			doc.get_password("secret")
		self.assertIsNone(doc.get_password("secret", raise_exception=False))

	def test_secret_is_not_stored_in_the_clear(self):
		box(secret="open sesame").insert()
		self.assertNotIn("open sesame", str(frappe.db.sql("select * from `__Auth`")))


class TestNames(ThrowawaySite):
	def name(self, doctype: str, **values) -> str:
		return frappe.get_doc({"doctype": doctype, **values}).insert().name

	def test_field_names_the_document(self):
		self.assertEqual(self.name("Parcel", code=" P-7 "), "P-7")

	def test_hash_is_ten_letters_and_digits(self):
		self.assertRegex(box().insert().name, r"^[0-9a-v]{10}$")

	def test_format_counts_per_prefix(self):
		names = [self.name("Ticket", kind=kind) for kind in ("A", "A", "B")]
		self.assertEqual(names, ["T-A-001", "T-A-002", "T-B-001"])

	def test_series_continues(self):
		self.assertEqual([self.name("Bill") for _ in range(2)], ["B-0001", "B-0002"])

	def test_prompt_wants_a_name(self):
		self.assertEqual(self.name("Wish", name="my wish"), "my wish")
		with self.assertRaises(frappe.ValidationError):
			self.name("Wish")

	def test_single_has_its_defaults_before_it_is_saved(self):
		self.assertEqual(frappe.get_doc("Rules").limit, 5)
		frappe.db.set_single_value("Rules", "limit", 8)
		self.assertEqual(frappe.db.get_single_value("Rules", "limit"), 8)

	def test_unset_moment_of_a_single_reads_as_now_as_in_frappe(self):
		self.assertLess((now_datetime() - frappe.db.get_single_value("Rules", "since")).total_seconds(), 5)


class TestPermissions(ThrowawaySite):
	def test_user_without_the_role_may_not_create(self):
		frappe.set_user(make_user())
		with self.assertRaises(frappe.PermissionError):
			box().insert()
		self.assertIn("permission", frappe.flags.error_message)

	def test_owner_sees_own_documents_only(self):
		mine, other = make_user("Packer"), make_user("Packer")
		frappe.set_user(other)
		frappe.get_doc(doctype="Parcel", code="theirs").insert()
		frappe.set_user(mine)
		frappe.get_doc(doctype="Parcel", code="mine").insert()
		self.assertEqual(frappe.get_list("Parcel", pluck="name"), ["mine"])
		self.assertFalse(frappe.has_permission("Parcel", "read", "theirs"))
		self.assertTrue(frappe.has_permission("Parcel", "write", "mine"))

	def test_condition_of_the_app_cuts_the_list_and_its_check_hides_the_document(self):
		frappe.set_user(make_user("Packer"))
		for code, state in (("p-open", "Open"), ("p-shut", "Shut")):
			frappe.get_doc(doctype="Parcel", code=code, state=state).insert(ignore_permissions=True)
		self.assertEqual(frappe.get_list("Parcel", pluck="name"), ["p-open"])
		self.assertFalse(frappe.get_doc("Parcel", "p-shut").has_permission("read"))
		self.assertEqual(len(frappe.get_all("Parcel", {"code": ("in", ["p-open", "p-shut"])})), 2)

	def test_field_of_a_higher_level_is_neither_listed_nor_changed(self):
		name = box(inner="hidden").insert().name
		frappe.set_user(make_user("Packer"))
		self.assertNotIn("inner", frappe.get_list("Box", fields=["name", "inner"], filters={"name": name})[0])
		doc = frappe.get_doc("Box", name)
		doc.inner = "changed"
		doc.save()
		self.assertEqual(frappe.db.get_value("Box", name, "inner"), "hidden")

	def test_guest_has_one_role_and_administrator_all(self):
		self.assertEqual(frappe.get_roles("Guest"), ["Guest"])
		self.assertIn("Packer", frappe.get_roles("Administrator"))
