frappe.ui.form.on("Payment Refund", {
	refresh(frm) {
		if (frm.doc.__onload?.can_close) frm.add_custom_button(__("It was not made"), () => close_refund(frm));
	},
});

function close_refund(frm) {
	const fields = [
		{
			fieldtype: "HTML",
			options: __("Please look in the gateway's dashboard first: if the refund was made, the customer would get it twice."),
		},
		{ fieldname: "note", fieldtype: "Small Text", label: __("What you saw there"), reqd: 1 },
	];
	const close = async ({ note }) => {
		await oropendola.call("admin.close_refund", { refund: frm.doc.name, note });
		frm.reload_doc();
	};
	frappe.prompt(fields, close, __("This refund was not made"), __("Free its balance"));
}
