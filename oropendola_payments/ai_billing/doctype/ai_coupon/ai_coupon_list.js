frappe.listview_settings["AI Coupon"] = {
	add_fields: ["is_active", "valid_from", "valid_to", "redemptions", "max_redemptions", "basis_points"],
	get_indicator(doc) {
		const today = frappe.datetime.get_today();
		if (!doc.is_active) return [__("Inactive"), "gray", "is_active,=,0"];
		if (doc.valid_to && doc.valid_to < today) return [__("Expired"), "gray", `valid_to,<,${today}`];
		if (doc.max_redemptions && doc.redemptions >= doc.max_redemptions)
			return [__("Used up"), "orange", "is_active,=,1"];
		if (doc.valid_from && doc.valid_from > today)
			return [__("Not yet valid"), "blue", `valid_from,>,${today}`];
		return [__("Active"), "green", "is_active,=,1"];
	},
	formatters: {
		redemptions(value, df, doc) {
			return doc.max_redemptions ? __("{0} of {1}", [value, doc.max_redemptions]) : value;
		},
		discount_type(value, df, doc) {
			return value === "Percent" ? `${doc.basis_points / 100} %` : __(value);
		},
	},
};
