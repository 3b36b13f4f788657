"""QR codes, as images that a page can contain without another request."""

import segno


def image(text: str) -> str:
	"""Return a QR code as a data URI. The quiet zone around it is part of the image."""
	return segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=4, dark="#000", light="#fff")
