"""Kinds of fields."""

import re

data_fieldtypes = tuple(
	re.split(
		r",\s*",
		"""Currency, Int, Long Int, Float, Percent, Check, Small Text, Long Text, Code, Text Editor, Markdown Editor,
		HTML Editor, Date, Datetime, Time, Text, Data, Link, Dynamic Link, Password, Select, Rating, Read Only, Attach,
		Attach Image, Signature, Color, Barcode, Geolocation, Duration, Icon, Phone, Autocomplete, JSON""",
	)
)
float_like_fields = {"Float", "Currency", "Percent"}
datetime_fields = {"Datetime", "Date", "Time"}
display_fieldtypes = (
	"Section Break",
	"Column Break",
	"Tab Break",
	"HTML",
	"Button",
	"Image",
	"Fold",
	"Heading",
)
table_fields = ("Table", "Table MultiSelect")
no_value_fields = (*display_fieldtypes, *table_fields)
numeric_fieldtypes = ("Currency", "Int", "Long Int", "Float", "Percent", "Check")
default_fields = ("doctype", "name", "owner", "creation", "modified", "modified_by", "docstatus", "idx")
child_table_fields = ("parent", "parentfield", "parenttype")
optional_fields = ("_user_tags", "_comments", "_assign", "_liked_by", "_seen")
