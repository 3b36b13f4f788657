// Razorpay's Checkout. With callback_url and redirect it brings the customer back by itself.
(window.paymentDrivers ??= {}).razorpay = ({ config, closed }) => {
	const options = { ...config, modal: { ...config.modal, ondismiss: closed, confirm_close: true } };
	new window.Razorpay(options).open();
};
