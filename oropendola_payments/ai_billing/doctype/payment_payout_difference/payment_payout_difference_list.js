frappe.listview_settings["Payment Payout Difference"] = {
	get_indicator(doc) {
		const colors = { Open: "red", Resolved: "green", Accepted: "gray" };
		return [__(doc.status), colors[doc.status], `status,=,${doc.status}`];
	},
};
