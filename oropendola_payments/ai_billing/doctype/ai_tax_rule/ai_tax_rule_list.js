frappe.listview_settings["AI Tax Rule"] = {
	onload(listview) {
		if (!frappe.model.can_create("AI Tax Rule")) return;
		listview.page.add_inner_button(__("Load rules"), () => load_rules(listview));
	},
};

function load_rules(listview) {
	const fields = [
		{
			fieldtype: "HTML",
			options: __(
				"Rules that exist already keep your changes. Rates change: please have an accountant confirm them."
			),
		},
		{
			fieldname: "data_set",
			fieldtype: "Select",
			label: __("For"),
			options: ["India", "European Union", "United Kingdom"],
			reqd: 1,
		},
	];
	const load = async (values) => {
		const answer = await oropendola.call("admin.load_tax_rules", values);
		if (!answer) return null;
		const texts = [__("{0} rules were added, {1} exist already.", [answer.added, answer.kept])];
		if (answer.switched_off)
			texts.push(
				__("{0} are switched off: check their rates, then enable them.", [answer.switched_off])
			);
		frappe.msgprint(texts.join(" "));
		listview.refresh();
		return answer;
	};
	oropendola.ask(__("Load rules"), fields, __("Load rules"), load);
}
