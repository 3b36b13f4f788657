"""The field types in the controllers, which mypy reads, are those of the DocTypes."""

import ast

from oropendola_payments.tests.support import record_types
from oropendola_payments.tests.support.case import TestCase


def declared(code: str, name: str) -> list[str]:
	"""The statements of a controller's `if TYPE_CHECKING:`, however they are laid out."""
	classes = (node for node in ast.parse(code).body if isinstance(node, ast.ClassDef) and node.name == name)
	return [
		ast.unparse(statement)
		for node in next(classes).body
		if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
		for statement in node.body
	]


class TestRecordTypes(TestCase):
	def test_every_controller_declares_the_fields_of_its_doctype(self):
		for definition, path in record_types.controllers():
			with self.subTest(definition["name"]):
				code = path.read_text(encoding="utf-8")
				name = record_types.class_name(definition["name"])
				wanted = declared(f"class {name}():\n{record_types.block(definition)}", name)
				self.assertEqual(declared(code, name), wanted, f"Please run: {record_types.COMMAND}")

	def test_an_added_field_is_detected(self):
		definition, path = record_types.controllers()[0]
		name = record_types.class_name(definition["name"])
		code = path.read_text(encoding="utf-8")
		more = {**definition, "fields": [*definition["fields"], {"fieldname": "new_one", "fieldtype": "Int"}]}
		changed = declared(record_types.with_block(code, more), name)
		self.assertEqual(set(changed) - set(declared(code, name)), {"new_one: DF.Int"})
