frappe.listview_settings["AI Webhook Endpoint"] = {
	get_indicator(doc) {
		const colour = doc.status === "Active" ? "green" : "gray";
		return [__(doc.status), colour, `status,=,${doc.status}`];
	},
	onload(listview) {
		if (!frappe.user.has_role("Payments Manager")) return;
		listview.page.add_inner_button(__("Register endpoint"), () =>
			frappe.prompt(
				[
					{ fieldname: "url", fieldtype: "Data", label: __("URL"), reqd: 1 },
					{ fieldname: "description", fieldtype: "Data", label: __("Description") },
					{
						fieldname: "events",
						fieldtype: "Small Text",
						label: __("Events"),
						description: __("Names with commas between them. Empty means all."),
					},
				],
				async (values) => {
					const answer = await oropendola.call("webhook_endpoints.create", {
						...values,
						all_customers: 1,
					});
					if (answer) oropendola.show_secret(answer.secret, () => listview.refresh());
				},
				__("Events of all customers")
			)
		);
	},
};
