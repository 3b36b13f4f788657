"""Kinds of fields."""

data_fieldtypes = (
	*("Currency", "Int", "Long Int", "Float", "Percent", "Check", "Small Text", "Long Text", "Code"),
	*("Text Editor", "Markdown Editor", "HTML Editor", "Date", "Datetime", "Time", "Text", "Data", "Link"),
	*("Dynamic Link", "Password", "Select", "Rating", "Read Only", "Attach", "Attach Image", "Signature"),
	*("Color", "Barcode", "Geolocation", "Duration", "Icon", "Phone", "Autocomplete", "JSON"),
)
float_like_fields = {"Float", "Currency", "Percent"}
datetime_fields = {"Datetime", "Date", "Time"}
table_fields = ("Table", "Table MultiSelect")
default_fields = ("doctype", "name", "owner", "creation", "modified", "modified_by", "docstatus", "idx")
child_table_fields = ("parent", "parentfield", "parenttype")
optional_fields = ("_user_tags", "_comments", "_assign", "_liked_by", "_seen")
