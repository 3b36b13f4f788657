frappe.listview_settings["Payment Gateway Settings"] = {
	add_fields: ["enabled", "mode"],
	get_indicator(doc) {
		if (!doc.enabled) return [__("Disabled"), "gray", "enabled,=,0"];
		const color = { Live: "green", Test: "orange", Simulator: "blue" }[doc.mode];
		return [__(doc.mode), color, `enabled,=,1|mode,=,${doc.mode}`];
	},
};
