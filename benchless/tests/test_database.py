"""Values that go in and come out, filters, and statements in MariaDB's words."""

import datetime
from decimal import Decimal

import frappe

from benchless.tests.throwaway import ThrowawaySite, box

MOMENT = datetime.datetime(2026, 3, 1, 9, 30, 0, 250)


class TestRoundTrips(ThrowawaySite):
	def test_moment_day_and_time_come_back_as_objects(self):
		name = box(packed_on=MOMENT, due="2026-03-02", at="09:05:00").insert().name
		row = frappe.db.get_value("Box", name, ["packed_on", "due", "at"], as_dict=True)
		self.assertEqual(row.packed_on, MOMENT)
		self.assertEqual(row.due, datetime.date(2026, 3, 2))
		self.assertEqual(row.at, datetime.timedelta(hours=9, minutes=5))

	def test_moment_written_as_text_in_any_precision_is_found_again(self):
		for text in ("2026-03-01 09:30:00", "2026-03-01 09:30:00.000000"):
			name = box(packed_on=text).insert().name
			moment = datetime.datetime(2026, 3, 1, 9, 30)
			self.assertEqual(frappe.db.exists("Box", {"packed_on": moment, "name": name}), name)
			self.assertEqual(frappe.db.exists("Box", {"packed_on": text, "name": name}), name)

	def test_amounts_are_floats_and_decimals_are_taken(self):
		name = box(price=Decimal("8.35"), weight="1,200.5").insert().name
		row = frappe.db.sql("select price, weight from `tabBox` where price = %s", (Decimal("8.35"),))
		self.assertEqual((row[0], type(row[0][0])), ((8.35, 1200.5), float))
		frappe.db.set_value("Box", name, "price", Decimal("499"))
		self.assertIsInstance(frappe.db.get_value("Box", name, "price"), float)

	def test_sum_of_cents_is_exact(self):
		for price in (0.1, 0.2, 0.3):
			box(price=price, note="sum").insert()
		total = frappe.db.sql("select sum(price) from `tabBox` where note = 'sum'")[0][0]
		self.assertEqual(total, 0.6)

	def test_latest_moment_is_a_moment(self):
		doc = box().insert()
		latest = frappe.db.sql("select max(modified) from `tabBox` where name = %s", doc.name)[0][0]
		self.assertEqual(str(latest), str(doc.modified))

	def test_integer_divided_by_integer_is_no_integer(self):
		self.assertEqual(frappe.db.sql("select 1 / 2")[0][0], 0.5)

	def test_missing_number_is_zero_and_missing_text_is_none(self):
		row = frappe.db.get_value("Box", box().insert().name, ["price", "fragile", "note"])
		self.assertEqual(row, (0.0, 0, None))


class TestStatements(ThrowawaySite):
	def test_list_becomes_a_list_of_values(self):
		names = [box().insert().name for _ in range(2)]
		found = frappe.db.sql(
			"select name from `tabBox` where name in %(names)s", {"names": names}, pluck=True
		)
		self.assertCountEqual(found, names)

	def test_names_and_places_are_filled_in_order(self):
		named = frappe.db.sql("select %(b)s, '%%', %(a)s in %(c)s, %(b)s", {"a": 1, "b": "x", "c": [1, 2]})
		self.assertEqual(named, (("x", "%", 1, "x"),))
		placed = frappe.db.sql("select %s, %s in %s, %s", ("x", 3, {1, 2}, None))
		self.assertEqual(placed, (("x", 0, None),))

	def test_a_wrong_number_of_values_is_refused(self):
		for query, values in (
			("select %s", []), ("select %s", (1, 2)), ("select %s", {"a": 1}), ("select 1", (1,)), ("select %d", (1,)),
		):  # fmt: skip
			with self.subTest(query=query, values=values), self.assertRaises((TypeError, ValueError)):
				frappe.db.sql(query, values)

	def test_what_mariadb_refuses_is_refused(self):
		with self.assertRaises(SyntaxError):
			frappe.db.sql("select 1 from `tabBox` where name in %s", ([],))
		with self.assertRaises(ValueError):
			frappe.db.sql("select 1 from `tabBox` where name like 'a%' and label = %s", "x")
		with self.assertRaises(TypeError):
			frappe.db.sql("select %s, %s", ("one",))

	def test_percent_sign_without_values_stays(self):
		box(label="100%").insert()
		self.assertEqual(len(frappe.db.sql("select 1 from `tabBox` where label like '100%'")), 1)

	def test_a_backslash_escapes_a_wildcard(self):
		box(label="50_60").insert()
		box(label="50x60").insert()
		self.assertEqual(frappe.get_all("Box", {"label": ("like", r"50\_%")}, pluck="label"), ["50_60"])

	def test_words_of_mariadb_are_understood(self):
		text = "select concat('a', 'b'), if(1, 'y', 'n'), greatest(1, 3), date_format('2026-03-01', '%Y')"
		self.assertEqual(frappe.db.sql(text)[0], ("ab", "y", 3, "2026"))
		text = "select find_in_set('B', 'a,b'), find_in_set('a', 'ab,c'), find_in_set('', ''), find_in_set(null, 'a')"
		self.assertEqual(frappe.db.sql(text)[0], (2, 0, 0, None))

	def test_ignored_duplicate_counts_no_row(self):
		box(serial="one").insert()
		frappe.db.sql("insert ignore into `tabBox` (name, serial) values ('x', 'one')")
		self.assertEqual(frappe.db._cursor.rowcount, 0)

	def test_changed_rows_are_counted(self):
		box(note="n1").insert()
		frappe.db.sql("update `tabBox` set count = count - 1 where note = 'n1' and count > 0")
		self.assertEqual(frappe.db._cursor.rowcount, 1)

	def test_missing_feature_says_so(self):
		with self.assertRaisesRegex(NotImplementedError, "use a bench"):
			frappe.db.sql("insert into `tabSeries` values ('x', 1) on duplicate key update current = 2")
		with self.assertRaisesRegex(NotImplementedError, r"frappe\.get_print; use a bench"):
			frappe.get_print("Box")
		self.assertFalse(hasattr(frappe, "get_print"))

	def test_missing_module_says_so(self):
		with self.assertRaisesRegex(NotImplementedError, r"frappe\.desk; use a bench"):
			import frappe.desk  # noqa: F401
		with self.assertRaises(ImportError):
			from frappe.desk import search  # noqa: F401


class TestFilters(ThrowawaySite):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		box(label="a", note=None, due="2026-01-01", count=1).insert()
		box(label="b", note="x", due="2026-01-31", count=2, items=[{"thing": "cup"}]).insert()
		box(label="c", note="y", count=3).insert()
		frappe.db.commit()

	def labels(self, filters, **options) -> list[str]:
		return frappe.get_all("Box", filters=filters, pluck="label", order_by="label asc", **options)

	def test_different_includes_empty_in_lists_but_not_in_counts(self):
		self.assertEqual(self.labels({"note": ("!=", "x")}), ["a", "c"])
		self.assertEqual(frappe.db.count("Box", {"note": ("!=", "x")}), 1)

	def test_empty_text_and_null_are_both_not_set(self):
		self.assertEqual(self.labels({"note": ("is", "set")}), ["b", "c"])
		self.assertEqual(self.labels({"note": ("is", "not set")}), ["a"])

	def test_ranges_lists_and_patterns_match(self):
		self.assertEqual(self.labels({"due": ("between", ["2026-01-01", "2026-01-31"])}), ["a", "b"])
		self.assertEqual(self.labels([["count", "in", [1, 3]]]), ["a", "c"])
		self.assertEqual(self.labels({"label": ("like", "%b%")}), ["b"])
		self.assertEqual(self.labels({"due": ("<", "2026-01-02"), "count": (">", 0)}), ["a", "c"])

	def test_or_filters_match_any_of_several(self):
		self.assertEqual(self.labels({}, or_filters={"label": "a", "count": 3}), ["a", "c"])

	def test_child_and_linked_fields_are_joined(self):
		self.assertEqual(self.labels([["Box Item", "thing", "=", "cup"]]), ["b"])
		rows = frappe.get_all("Box", filters={"label": "b"}, fields=["items.thing", "label"])
		self.assertEqual(rows, [{"thing": "cup", "label": "b"}])

	def test_a_group_has_its_total(self):
		rows = frappe.get_all("Box", fields=["colour", "sum(count) as total"], group_by="colour")
		self.assertEqual(rows, [{"colour": "Blue", "total": 6.0}])

	def test_a_field_named_like_an_optional_column_that_is_not_there_is_left_out(self):
		rows = frappe.get_all("Box", {"label": "b"}, ["label", "label as last_seen"])
		self.assertEqual(rows, [{"label": "b"}])

	def test_injection_through_order_or_field_is_refused(self):
		for options in ({"order_by": "(select 1)"}, {"fields": ["(select password from __Auth) as x"]}):
			with self.assertRaises(frappe.ValidationError):
				frappe.get_all("Box", **options)

	def test_a_list_takes_json_and_one_value_takes_a_name(self):
		self.assertEqual(self.labels('{"label": "b"}'), ["b"])
		self.assertIsNone(frappe.db.get_value("Box", "[", "label"))
		self.assertFalse(frappe.db.exists("Box", "{"))

	def test_newest_comes_first_and_limit_cuts(self):
		self.assertEqual(frappe.get_all("Box", pluck="label", limit=2), ["c", "b"])
		self.assertEqual(frappe.db.get_value("Box", {"count": (">", 0)}, "label"), "c")
