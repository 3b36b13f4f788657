const CAPTURE_COLOURS = {
	Applied: "green",
	Duplicate: "orange",
	Overpaid: "orange",
	Short: "yellow",
	Mismatch: "red",
};

frappe.listview_settings["Payment Capture"] = {
	add_fields: ["disposition", "dispute_state"],
	get_indicator(doc) {
		if (doc.dispute_state && doc.dispute_state !== "Won")
			return [__("Disputed"), "red", `dispute_state,=,${doc.dispute_state}`];
		return [
			__(doc.disposition),
			CAPTURE_COLOURS[doc.disposition] || "gray",
			`disposition,=,${doc.disposition}`,
		];
	},
};
