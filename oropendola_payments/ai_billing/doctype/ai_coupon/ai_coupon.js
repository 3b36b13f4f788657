frappe.ui.form.on("AI Coupon", {
	refresh(frm) {
		show_percent(frm);
		const use = frm.doc.__onload?.use;
		if (!use) return;
		const counts = [use.redeemed, use.limit, use.used, use.reserved];
		frm.dashboard.set_headline(
			use.limit
				? __("Redeemed {0} of {1} times: {2} paid, {3} waiting for payment", counts)
				: __("Redeemed {0} times: {2} paid, {3} waiting for payment", counts)
		);
		frm.add_custom_button(__("View report"), () =>
			frappe.set_route("query-report", "Coupon Redemptions", { coupon: frm.doc.name })
		);
	},
	basis_points: show_percent,
});

function show_percent(frm) {
	const help = __("Hundredths of a percent: 2500 is 25 %, and 10000 makes the invoice free.");
	const percent = (frm.doc.basis_points || 0) / 100;
	frm.set_df_property("basis_points", "description", percent ? `${percent} %. ${help}` : help);
}
