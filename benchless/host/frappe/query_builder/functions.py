from pypika.functions import *  # noqa: F403
from pypika.functions import IfNull
from pypika.terms import CustomFunction

DateFormat = CustomFunction("DATE_FORMAT", ["date", "format"])
UnixTimestamp = CustomFunction("unix_timestamp", ["date"])
Ifnull = IfNull
