"""The hooks that this stand-in itself needs, so that it counts as an app like any other."""

app_name = "frappe"
app_title = "Frappe Framework"
