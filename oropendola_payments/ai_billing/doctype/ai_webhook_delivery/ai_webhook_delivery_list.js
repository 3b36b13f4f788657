frappe.listview_settings["AI Webhook Delivery"] = {
	get_indicator(doc) {
		const colours = { Waiting: "orange", Delivered: "green", "Given Up": "red" };
		return [__(doc.status), colours[doc.status], `status,=,${doc.status}`];
	},
};
