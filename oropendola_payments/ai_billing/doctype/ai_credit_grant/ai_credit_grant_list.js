frappe.listview_settings["AI Credit Grant"] = {
	add_fields: ["remaining", "granted", "valid_until", "owed"],
	onload(listview) {
		if (frappe.user.has_role("Payments Manager"))
			listview.page.add_inner_button(__("Give credits"), () => give_credits(listview));
	},
	get_indicator(doc) {
		const today = frappe.datetime.get_today();
		if (doc.owed) return [__("Used and refunded"), "orange", "owed,>,0"];
		if (!doc.remaining) return [__("Used up"), "gray", "remaining,=,0"];
		if (doc.valid_until && doc.valid_until < today)
			return [__("Expired"), "gray", `valid_until,<,${today}`];
		return [__("Usable"), "green", "remaining,>,0"];
	},
};

function give_credits(listview) {
	const fields = [
		{ fieldname: "user", fieldtype: "Link", options: "User", label: __("Customer"), reqd: 1 },
		{ fieldname: "credits", fieldtype: "Float", precision: 3, label: __("Credits"), reqd: 1 },
		{
			fieldname: "valid_days",
			fieldtype: "Int",
			label: __("Valid for (Days)"),
			default: 365,
			description: __("0: they do not expire."),
		},
		{
			fieldname: "reason",
			fieldtype: "Small Text",
			label: __("Reason"),
			reqd: 1,
			description: __("The customer sees it."),
		},
	];
	// One key for one dialog: a second try after a lost answer changes nothing more.
	const key = frappe.utils.get_random(24);
	const give = async (values) => {
		const credits = String(values.credits);
		const idempotency_key = `${key}:${credits}`;
		const valid_days = values.valid_days || 0;
		const args = { ...values, credits, valid_days, idempotency_key };
		const answer = await oropendola.call("admin.give_credits", args);
		if (!answer) return null;
		frappe.show_alert({ message: __("{0} credits were given.", [answer.remaining]), indicator: "green" });
		listview.refresh();
		return answer;
	};
	oropendola.ask(__("Give credits"), fields, __("Give credits"), give);
}
