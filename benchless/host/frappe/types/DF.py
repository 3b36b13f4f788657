"""The types of fields, by field type: for the blocks that Frappe writes into controllers, and read by type checkers alone."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal

Data = str
Text = str

Attach = Data
AttachImage = Data
Autocomplete = Data
Barcode = Data
Check = bool | int
Code = Text
Color = Data
Currency = float | Decimal  # read as a float; exact amounts may be written
Date = str | date
Datetime = str | datetime
Duration = int
DynamicLink = Data
Float = float
HTMLEditor = Text
Int = int
JSON = Text
Link = Data
LongText = Text
MarkdownEditor = Text
Password = Data
Percent = float
Phone = Data
Rating = float
ReadOnly = Data
Select = Literal
SmallText = Text
Table = list
TableMultiSelect = list
TextEditor = Text
Time = str | time
