"""Rows of CSV and XLSX files, one at a time, with their line numbers. Nothing of a file is kept."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import BinaryIO

from frappe import _
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from oropendola_payments.engine.payouts.values import Unreadable

SAMPLE = 64 * 1024
DELIMITERS = ",;\t|"
MOST_COLUMNS = 300
LONGEST_LINE = 1024 * 1024
LARGEST_SHEET = 400 * 1024 * 1024  # unpacked
LONGEST_EXACT = 15  # digits that a spreadsheet program keeps of a number
BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+\d+")

Row = tuple[int, list[str]]


class BadFile(ValueError):
	"""A file that is no table, or a line of it; `line` is its number, or 0."""

	def __init__(self, sentence: str, line: int = 0):
		super().__init__(sentence)
		self.line = line


def rows_of(stream: BinaryIO) -> Iterator[Row]:
	"""The rows of a file with at least one filled cell, each with its number. BadFile where it cannot be read."""
	head = stream.read(SAMPLE)
	stream.seek(0)
	if not head.strip():
		raise BadFile(_("The file is empty."))
	found = _sheet_rows(stream) if head.startswith(b"PK\x03\x04") else _csv_rows(stream, head)
	for line, cells in found:
		if len(cells) > MOST_COLUMNS:
			raise BadFile(_("The row has too many columns."), line)
		if any(cells):
			yield line, cells


def _csv_rows(stream: BinaryIO, head: bytes) -> Iterator[Row]:
	encoding = _encoding(head)
	delimiter = _delimiter(head.decode(encoding, errors="ignore"))
	reader = csv.reader(_lines(stream, encoding), delimiter=delimiter, strict=True)
	while True:
		try:
			cells = next(reader)
		except StopIteration:
			return
		except csv.Error as error:
			message = _("The row cannot be read as CSV ({0}).")
			raise BadFile(message.format(error), reader.line_num) from None
		except UnicodeError:
			message = _("The row has characters that are not {0}. Please save the file as UTF-8.")
			raise BadFile(message.format(encoding.upper()), reader.line_num + 1) from None
		yield reader.line_num, [_clean(cell) for cell in cells]


def _lines(stream: BinaryIO, encoding: str) -> Iterator[str]:
	"""The lines of a text, each decoded by itself, so that it is known which one cannot be."""
	if encoding == "utf-16":  # its lines do not end with a byte
		text = io.TextIOWrapper(stream, encoding=encoding, newline="")
		try:
			while line := text.readline(LONGEST_LINE):
				yield line
		finally:
			text.detach()  # the stream belongs to the caller
		return
	while raw := stream.readline(LONGEST_LINE):
		yield raw.decode(encoding)
		encoding = encoding.removesuffix("-sig")  # only the first line has a mark


def _encoding(head: bytes) -> str:
	"""The encoding by its mark; else UTF-8 if the beginning is, else the one of Western spreadsheet programs."""
	for mark, name in BOMS:
		if head.startswith(mark):
			return name
	try:
		head[: head.rfind(b"\n") + 1 or None].decode("utf-8")
	except UnicodeDecodeError:
		return "cp1252"
	return "utf-8"


def _delimiter(sample: str) -> str:
	"""The character that parts most cells in the first lines."""
	lines = sample.splitlines()[:20]
	return max(DELIMITERS, key=lambda mark: max((line.count(mark) for line in lines), default=0))


def _sheet_rows(stream: BinaryIO) -> Iterator[Row]:
	try:
		with zipfile.ZipFile(stream) as archive:
			if sum(entry.file_size for entry in archive.infolist()) > LARGEST_SHEET:
				raise BadFile(_("The file is too large when unpacked. Please save it as CSV."))
		stream.seek(0)
		book = load_workbook(stream, read_only=True, data_only=True)
	except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError) as error:
		if isinstance(error, BadFile):
			raise
		raise BadFile(_("The file is neither CSV nor XLSX.")) from None
	try:
		for line, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
			yield line, [_cell(value) for value in cells]
	finally:
		book.close()


def _cell(value: object) -> str:
	if value is None:
		return ""
	if isinstance(value, datetime | date):
		return value.isoformat()
	if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
		is_exact = abs(value) < 10**LONGEST_EXACT
		return str(int(value)) if is_exact else f"{int(value)}.0"  # which `exact_id` refuses
	return _clean(str(value))


def _clean(text: str) -> str:
	"""A cell without what spreadsheet programs put around text that looks like a number or a formula."""
	text = "".join(letter for letter in text if letter.isprintable() or letter.isspace()).strip()
	if text.startswith('="') and text.endswith('"'):
		text = text[2:-1]
	return text.removeprefix("'").strip()


def exact_id(text: str) -> str | None:
	"""An id of a report. One that a spreadsheet program has rounded is refused: its last digits are gone."""
	if not text:
		return None
	if ROUNDED.fullmatch(text) or re.fullmatch(r"\d{16,}\.0", text):
		message = _(
			"The id “{0}” was rounded by a spreadsheet program. Please import the file as the gateway made it."
		)
		raise Unreadable(message.format(text))
	return text[:140]
