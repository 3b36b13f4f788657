frappe.listview_settings["AI Webhook Endpoint"] = {
	get_indicator(doc) {
		const colour = doc.status === "Active" ? "green" : "gray";
		return [__(doc.status), colour, `status,=,${doc.status}`];
	},
	onload(listview) {
		if (!frappe.user.has_role("Payments Manager")) return;
		listview.page.add_inner_button(__("Register endpoint"), () => register_endpoint(listview));
	},
};

function register_endpoint(listview) {
	const fields = [
		{ fieldname: "url", fieldtype: "Data", label: __("URL"), reqd: 1 },
		{ fieldname: "description", fieldtype: "Data", label: __("Description") },
		{
			fieldname: "events",
			fieldtype: "Small Text",
			label: __("Events"),
			description: __("Names with commas between them. Empty means all."),
		},
	];
	oropendola.ask(__("Events of all customers"), fields, __("Register endpoint"), async (values) => {
		const args = { ...values, all_customers: 1 };
		const answer = await oropendola.call("webhook_endpoints.create", args);
		if (answer) oropendola.show_once(__("Signing secret"), answer.secret, () => listview.refresh());
		return answer;
	});
}
