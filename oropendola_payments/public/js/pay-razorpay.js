// Razorpay's Checkout. By itself its script would post from our page without our token, so we take the answer and post it.
// The callback_url stays for browsers without frames, where the whole page goes to Razorpay.
(window.paymentDrivers ??= {}).razorpay = ({ config, post, closed }) => {
	const options = {
		...config,
		redirect: false,
		handler: (answer) => post(config.callback_url, answer),
		modal: { ...config.modal, ondismiss: closed, confirm_close: true },
	};
	new window.Razorpay(options).open();
};
