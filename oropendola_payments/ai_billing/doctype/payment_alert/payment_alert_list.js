frappe.listview_settings["Payment Alert"] = {
	add_fields: ["severity"],
	get_indicator(doc) {
		if (doc.status === "Open" && doc.severity === "Critical")
			return [__("Critical"), "red", "status,=,Open|severity,=,Critical"];
		if (doc.status === "Open") return [__("Warning"), "orange", "status,=,Open"];
	},
};
