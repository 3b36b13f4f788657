frappe.listview_settings["AI Credit Pack"] = {
	add_fields: ["is_active", "currency"],
	get_indicator(doc) {
		return doc.is_active
			? [__("Active"), "green", "is_active,=,1"]
			: [__("Inactive"), "gray", "is_active,=,0"];
	},
};
