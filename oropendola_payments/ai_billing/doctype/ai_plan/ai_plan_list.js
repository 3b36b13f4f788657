frappe.listview_settings["AI Plan"] = {
	add_fields: ["is_active", "is_free", "currency"],
	onload(listview) {
		listview.page.add_inner_button(__("View plans page"), () => window.open("/plans"));
	},
	get_indicator(doc) {
		if (!doc.is_active) return [__("Inactive"), "gray", "is_active,=,0"];
		return doc.is_free ? [__("Free"), "blue", "is_free,=,1"] : [__("Active"), "green", "is_active,=,1"];
	},
};
