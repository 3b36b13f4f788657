"""Files that are tables, and files that are not."""

import io
import unittest
import zipfile
from datetime import datetime

from openpyxl import Workbook

from oropendola_payments.engine.payouts.tables import LARGEST_SHEET, BadFile, exact_id, rows_of
from oropendola_payments.engine.payouts.values import Unreadable

TEXT = 'Payment;Betrag;Name\r\np1;1.234,50;Zoë\r\n\r\np2;2,00;"a;b"\r\n'
ROWS = [(1, ["Payment", "Betrag", "Name"]), (2, ["p1", "1.234,50", "Zoë"]), (4, ["p2", "2,00", "a;b"])]


def rows(content: bytes) -> list:
	return list(rows_of(io.BytesIO(content)))


def sheet(*table) -> bytes:
	book, file = Workbook(), io.BytesIO()
	for row in table:
		book.active.append(row)
	book.save(file)
	return file.getvalue()


class TestCsv(unittest.TestCase):
	def test_encodings_delimiters_and_quotes_are_recognized(self):
		for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
			with self.subTest(encoding):
				self.assertEqual(rows(TEXT.encode(encoding)), ROWS)
		for delimiter in ",\t|":
			with self.subTest(delimiter):
				self.assertEqual(rows(f"a{delimiter}b\n1{delimiter}2\n".encode())[1], (2, ["1", "2"]))

	def test_rows_have_the_number_of_their_line_in_the_file(self):
		self.assertEqual([line for line, _cells in rows(b'a,b\n"two\nlines",2\n3,4\n')], [1, 3, 4])

	def test_what_spreadsheet_programs_put_around_numbers_is_removed(self):
		self.assertEqual(rows(b'\'4039937155,"=""00123""",x\n')[0][1], ["4039937155", "00123", "x"])

	def test_a_row_that_is_no_csv_is_refused_with_its_line(self):
		for content, line in (
			(b'a,b\n1,"2"3\n', 2),
			(b"a,b\n" + b"x" * 200_000 + b"\n", 2),
			(b"a,b\n1,\xff\n", 0),
		):
			with self.subTest(content[:20]):
				try:
					rows(content)
				except BadFile as error:
					self.assertEqual(error.line, line)
				else:
					self.assertEqual(line, 0, "it was read")

	def test_bytes_that_are_not_of_the_encoding_are_refused_with_their_line(self):
		content = b"a,b\n" + b"1,2\n" * 20_000 + b"3,\xff\n"
		with self.assertRaises(BadFile) as caught:
			rows(content)
		self.assertEqual(caught.exception.line, 20_002)

	def test_an_empty_file_is_refused(self):
		for content in (b"", b"  \n"):
			with self.assertRaises(BadFile):
				rows(content)

	def test_a_large_file_is_read_row_by_row(self):
		"""B9."""

		class Endless(io.RawIOBase):
			def __init__(self):
				self.given = 0

			def readable(self):
				return True

			def seekable(self):
				return True

			def seek(self, where, whence=0):
				self.given = 0
				return 0

			def readinto(self, buffer):
				chunk = (b"p1,499.00\n" * (len(buffer) // 10 + 1))[: len(buffer)]
				buffer[: len(chunk)] = chunk
				self.given += len(chunk)
				return len(chunk)

		stream = Endless()
		found = rows_of(io.BufferedReader(stream))
		for _number in range(10_000):
			next(found)
		self.assertLess(stream.given, 10_000 * 10 * 3)


class TestXlsx(unittest.TestCase):
	def test_cells_are_read_as_texts(self):
		content = sheet(
			["id", "amount", "day"],
			["p1", 499.35, datetime(2026, 11, 29, 10)],
			[None, None, None],
			[12, 499, True],
		)
		self.assertEqual(
			rows(content),
			[
				(1, ["id", "amount", "day"]),
				(2, ["p1", "499.35", "2026-11-29T10:00:00"]),
				(4, ["12", "499", "True"]),
			],
		)

	def test_a_workbook_that_unpacks_to_too_much_is_refused(self):
		"""B9."""
		file = io.BytesIO()
		with (
			zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
			archive.open("xl/big.xml", "w") as member,
		):
			for _number in range(LARGEST_SHEET // 2**20 + 1):
				member.write(b"0" * 2**20)
		self.assertLess(len(file.getvalue()), 10**6)
		with self.assertRaisesRegex(BadFile, "too large"):
			rows(file.getvalue())

	def test_an_id_that_was_rounded_is_refused(self):
		((_line, cells),) = rows(sheet([403993715521937565]))
		for text in (cells[0], "4.03993715521938E+17"):
			with self.subTest(text), self.assertRaises(Unreadable):
				exact_id(text)
		self.assertEqual(exact_id("403993715521937565"), "403993715521937565")

	def test_what_only_looks_like_a_workbook_is_refused(self):
		for content in (b"PK\x03\x04 and nothing more", sheet(["a"])[:-200]):
			with self.assertRaises(BadFile):
				rows(content)
