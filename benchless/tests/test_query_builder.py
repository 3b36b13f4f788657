"""`frappe.qb`: statements built from expressions give what the same statements give as text."""

import datetime
from decimal import Decimal

import frappe
from frappe.query_builder import Case, DocType, Order
from frappe.query_builder.functions import Abs, Coalesce, Count, Date, IfNull, Max, NullIf, Sum

from benchless.tests.throwaway import ThrowawaySite, box

MOMENT = datetime.datetime(2026, 3, 1, 9, 30, 0, 250)


class QueryCase(ThrowawaySite):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.box = DocType("Box")
		box(
			label="a", note="x", price=1.5, count=1, colour="Red", packed_on=MOMENT, due="2026-03-01"
		).insert()
		box(label="b", note="", price=2.25, count=2, items=[{"thing": "cup", "pieces": 4}]).insert()
		box(label="it's 5%", price=3, count=3).insert()
		frappe.db.commit()

	def labels(self, *conditions, order=Order.asc) -> list[str]:
		query = frappe.qb.from_(self.box).select(self.box.label).orderby(self.box.label, order=order)
		for condition in conditions:
			query = query.where(condition)
		return query.run(pluck=True)


class TestParameters(QueryCase):
	def test_texts_are_parameters_and_names_are_quoted(self):
		query = frappe.qb.from_("Box").select("label").where(self.box.note == "it's").limit(2)
		text, values = query.walk()
		self.assertEqual(text, "SELECT `label` FROM `tabBox` WHERE `note`=%(param1)s LIMIT 2")
		self.assertEqual(values, {"param1": "it's"})

	def test_a_text_with_quotes_and_percent_signs_is_found(self):
		self.assertEqual(self.labels(self.box.label == "it's 5%"), ["it's 5%"])
		self.assertEqual(self.labels(self.box.label.isin(["a", "it's 5%"])), ["a", "it's 5%"])
		self.assertEqual(self.labels(self.box.label.like("it's%")), ["it's 5%"])
		self.assertEqual(self.labels(Coalesce(self.box.note, "it's 5%") == "it's 5%"), ["it's 5%"])

	def test_moments_and_days_are_compared_as_the_columns_hold_them(self):
		self.assertEqual(self.labels(self.box.packed_on == MOMENT), ["a"])
		self.assertEqual(self.labels(self.box.packed_on >= MOMENT + datetime.timedelta(seconds=1)), [])
		self.assertEqual(self.labels(self.box.packed_on < datetime.date(2026, 3, 2)), ["a"])
		self.assertEqual(self.labels(self.box.due == datetime.date(2026, 3, 1)), ["a"])

	def test_numbers_of_all_kinds_are_compared(self):
		self.assertEqual(self.labels(self.box.price > Decimal("2.2"), self.box.count < 3), ["b"])
		self.assertEqual(self.labels(self.box.fragile == False), ["a", "b", "it's 5%"])  # noqa: E712

	def test_an_empty_list_is_refused_as_mariadb_refuses_it(self):
		with self.assertRaises(SyntaxError):
			self.labels(self.box.label.isin([]))

	def test_a_column_named_field_is_not_a_method(self):
		query = frappe.qb.from_("Singles").select(DocType("Singles").field)
		self.assertEqual(query.walk()[0], "SELECT field FROM `tabSingles`")
		self.assertEqual(str(self.box["label"]), '"label"')


class TestReading(QueryCase):
	def test_rows_are_tuples_dicts_lists_or_single_values(self):
		query = frappe.qb.from_(self.box).select(self.box.label, self.box.count.as_("pieces"))
		query = query.where(self.box.label == "a")
		self.assertEqual(query.run(), (("a", 1),))
		self.assertEqual(query.run(as_dict=True), [{"label": "a", "pieces": 1}])
		self.assertEqual(query.run(as_list=True), [["a", 1]])
		self.assertEqual(query.run(pluck=True), ["a"])

	def test_order_limit_and_offset_are_applied(self):
		self.assertEqual(self.labels(order=Order.desc), ["it's 5%", "b", "a"])
		query = frappe.qb.from_(self.box).select(self.box.label).orderby(self.box.label)
		self.assertEqual(query.limit(1).offset(1).run(pluck=True), ["b"])

	def test_missing_values_are_found_and_replaced(self):
		self.assertEqual(self.labels(self.box.note.isnull()), ["it's 5%"])
		self.assertEqual(self.labels(self.box.note.isnotnull() & (self.box.note != "")), ["a"])
		self.assertEqual(self.labels(IfNull(self.box.note, "") == ""), ["b", "it's 5%"])
		self.assertEqual(self.labels(NullIf(self.box.note, "").isnull()), ["b", "it's 5%"])

	def test_groups_have_totals_and_are_filtered_by_them(self):
		query = frappe.qb.from_(self.box).select(self.box.colour, Count("*"), Sum(self.box.price))
		query = query.groupby(self.box.colour).orderby(Count("*"), order=Order.desc)
		self.assertEqual(query.run(), (("Blue", 2, 5.25), ("Red", 1, 1.5)))
		self.assertEqual(query.having(Abs(Sum(self.box.price)) > 2).run(), (("Blue", 2, 5.25),))

	def test_a_case_inside_a_sum_adds_the_matching_rows(self):
		red = Case().when(self.box.colour == "Red", self.box.price).else_(0)
		self.assertEqual(frappe.qb.from_(self.box).select(Sum(red)).run(pluck=True), [1.5])

	def test_a_percent_sign_inside_an_aggregate_breaks_as_it_does_in_frappe(self):
		"""There the text of an aggregate is no parameter, and MariaDB's driver takes `%` for a mark of one."""
		some = Sum(Case().when(self.box.label == "5%", 1).else_(0))
		with self.assertRaises(ValueError):
			frappe.qb.from_(self.box).select(some).run()

	def test_moments_come_back_as_objects(self):
		query = frappe.qb.from_(self.box).select(Max(self.box.packed_on), Max(Date(self.box.packed_on)))
		self.assertEqual(query.run(), ((MOMENT, MOMENT.date()),))
		first = frappe.qb.from_(self.box).select(Date(self.box.packed_on)).where(self.box.label == "a")
		self.assertEqual(first.run(pluck=True), [MOMENT.date()])

	def test_tables_are_joined_under_an_alias(self):
		parent, item = DocType("Box").as_("b"), DocType("Box Item").as_("i")
		query = frappe.qb.from_(parent).join(item).on(item.parent == parent.name)
		self.assertEqual(query.select(parent.label, item.pieces).run(), (("b", 4),))
		query = frappe.qb.from_(parent).left_join(item).on(item.parent == parent.name)
		query = query.select(parent.label, item.thing).orderby(parent.label)
		self.assertEqual(query.run(), (("a", None), ("b", "cup"), ("it's 5%", None)))

	def test_a_subquery_filters_rows(self):
		item = DocType("Box Item")
		parents = frappe.qb.from_(item).select(item.parent).where(item.thing == "cup")
		self.assertEqual(self.labels(self.box.name.isin(parents)), ["b"])

	def test_a_union_returns_the_rows_of_both_statements(self):
		one = frappe.qb.from_(self.box).select(self.box.label).where(self.box.label == "a")
		two = frappe.qb.from_(self.box).select(self.box.label).where(self.box.label == "b")
		self.assertCountEqual((one + two).run(pluck=True), ["a", "b"])

	def test_for_update_takes_a_lock(self):
		self.assertFalse(frappe.db._conn.in_transaction)
		frappe.qb.from_(self.box).select(self.box.name).where(self.box.label == "a").for_update().run()
		self.assertTrue(frappe.db._conn.in_transaction)


class TestWriting(QueryCase):
	def test_rows_are_changed_and_counted(self):
		query = frappe.qb.update("Box").set(self.box.note, "new").set(self.box.count, self.box.count + 10)
		query.where(self.box.colour == "Blue").run()
		self.assertEqual(frappe.db._cursor.rowcount, 2)
		self.assertEqual(frappe.get_all("Box", {"note": "new"}, pluck="count", order_by="count"), [12, 13])
		frappe.qb.update(self.box).set("note", None).where(self.box.note == "new").run()
		self.assertEqual(self.labels(self.box.note.isnull()), ["b", "it's 5%"])

	def test_rows_are_added_and_deleted(self):
		frappe.qb.into("Box").columns("name", "label", "packed_on").insert("n1", "new", MOMENT).run()
		self.assertEqual(frappe.db.get_value("Box", "n1", ["label", "packed_on"]), ("new", MOMENT))
		frappe.qb.from_(self.box).delete().where(self.box.name == "n1").run()
		self.assertFalse(frappe.db.exists("Box", "n1"))


class TestWhatIsMissing(QueryCase):
	def test_what_sqlite_cannot_do_says_so(self):
		item = DocType("Box Item")
		for query in (
			frappe.qb.update(self.box).set(self.box.note, "x").limit(1),
			frappe.qb.update(self.box).join(item).on(item.parent == self.box.name).set(self.box.note, "x"),
			frappe.qb.from_(self.box).delete().limit(1),
			frappe.qb.from_(self.box).select(Count("*")).groupby(self.box.colour).rollup(vendor="mysql"),
			frappe.qb.into("Box").columns("name").insert("x").on_duplicate_key_update("name", "y"),
		):
			with self.assertRaisesRegex(NotImplementedError, "use a bench"):
				query.run()

	def test_what_is_not_offered_says_so(self):
		with self.assertRaisesRegex(NotImplementedError, r"frappe\.qb\.get_query; use a bench"):
			frappe.qb.get_query("Box")
		with self.assertRaises(ImportError):
			from frappe.query_builder.functions import GroupConcat  # noqa: F401
		with self.assertRaises(ImportError):
			from frappe.query_builder import Interval  # noqa: F401

	def test_hints_for_indexes_are_left_out(self):
		query = frappe.qb.from_(self.box).select("label").force_index("label").where(self.box.label == "a")
		self.assertEqual(query.run(pluck=True), ["a"])
