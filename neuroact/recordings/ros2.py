"""ROS 2 bags in SQLite (`.db3`): one table of topics, one of messages.

The database is opened read-only and as immutable, so that nothing beside the file is read or written, and may only read
the two tables: a file from a stranger can bring views and expressions that compute for ever.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing

from neuroact.errors import CorruptRecording, TruncatedRecording
from neuroact.recordings.bag import BagReader, note_topic
from neuroact.recordings.reader import Source
from neuroact.recordings.report import Report
from neuroact.recordings.ros_messages import Message, plain_type
from neuroact.recordings.words import open_binary

MOST_TOPICS = 1 << 12
MOST_RETRIES = 1 << 10
"""Messages that are tried one by one behind a damaged page."""
MOST_STEPS = 10_000_000
"""Instructions of SQLite's machine that finding the topics may take: a damaged tree may lead round in circles."""
DATABASE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What `sqlite3` raises for damage; the latter where its message would quote a name that is no text."""


def open_ros2(source: Source) -> BagReader:
    """Opens a ROS 2 database. Raises `UnknownFormat` for one without events, `CorruptRecording` if it is no bag."""
    return BagReader(source, "ros2", walk)


def walk(source: Source, report: Report) -> Generator[Message, None, None]:
    """The messages that carry events, in the order of their numbers."""
    report.truncated_at = _cut_at(source)
    with closing(_connect(source, report.truncated_at)) as database:
        topics = _topics(source, database, report)
        if topics:
            yield from _messages(database, topics, report)


def _messages(
    database: sqlite3.Connection, topics: dict[int, tuple[str, str]], report: Report
) -> Generator[Message, None, None]:
    """Goes on behind damaged pages, message by message, until one is sound again."""
    last, retries = -(1 << 63), 0
    query = "SELECT id, topic_id, data FROM messages WHERE id > ? ORDER BY id"
    while retries < MOST_RETRIES:
        try:
            for number, topic, data in database.execute(query, (last,)):
                if number <= last:  # a damaged tree, which may lead round in circles
                    report.drop("damaged pages", 1, None)
                    return
                last, retries = number, 0
                if topic in topics:
                    if isinstance(data, bytes):
                        yield Message(*topics[topic], True, data, None)
                    else:
                        report.drop("damaged messages", 1, None)
            return
        except DATABASE_ERRORS:
            if report.truncated_at is not None:
                return  # what follows would leave a gap
            if not retries:
                report.drop("damaged pages", 1, None)
            last, retries = max(last, 0) + 1, retries + 1


def _topics(source: Source, database: sqlite3.Connection, report: Report) -> dict[int, tuple[str, str]]:
    """Number -> name and type of the topics that carry events."""
    database.set_progress_handler(lambda: True, MOST_STEPS)
    try:
        kinds = dict(database.execute("SELECT name, type FROM sqlite_master WHERE name IN ('topics', 'messages')"))
        if kinds != {"topics": "table", "messages": "table"}:
            raise CorruptRecording(source.path, "a database without the tables of a ROS 2 bag")
        rows = database.execute("SELECT id, name, type FROM topics ORDER BY id").fetchmany(MOST_TOPICS)
    except DATABASE_ERRORS as error:
        raise CorruptRecording(source.path, f"the database cannot be read: {error}") from error
    database.set_progress_handler(None, 0)
    named = {number: (str(name), plain_type(str(kind))) for number, name, kind in rows}
    return {number: topic for number, topic in named.items() if note_topic(report, *topic)}


def _connect(source: Source, cut: int | None) -> sqlite3.Connection:
    try:
        if cut is None:
            database = sqlite3.connect(f"{source.path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        else:
            database = sqlite3.connect(":memory:")
            database.deserialize(_whole_pages(source, cut))
    except (*DATABASE_ERRORS, OverflowError) as error:
        raise CorruptRecording(source.path, f"the database cannot be opened: {error}") from error
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, source.limits.packet_bytes)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.set_authorizer(_only_reading)
    return database


def _only_reading(action: int, *_: str | None) -> int:
    """Allows to select and to read columns: no function, recursion, pragma or attached file."""
    return sqlite3.SQLITE_OK if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ) else sqlite3.SQLITE_DENY


def _cut_at(source: Source) -> int | None:
    """The file's size if its header says that there should be more pages."""
    with closing(open_binary(source.path)) as file:
        head = file.read(100)
        size = file.seek(0, 2)
    pages = int.from_bytes(head[28:32], "big")
    sure = head[24:28] == head[92:96]  # the count is only kept by versions that write both
    return size if sure and _page_bytes(head) * pages > size else None


def _whole_pages(source: Source, cut: int) -> bytes:
    """A cut database as far as its pages are whole, with a header that says so.

    SQLite refuses a file of fewer pages than it says, and takes what is missing of the last one for zeros.
    Raises `TruncatedRecording` for one too large to hold in memory, which must be repaired on disk.
    """
    if cut > source.limits.expanded_bytes:
        problem = "the database is cut, and too large to be read in part; sqlite3's .recover repairs it"
        raise TruncatedRecording(source.path, problem, offset=cut, events_recovered=0)
    data = bytearray(source.path.read_bytes())
    page = max(512, _page_bytes(data))
    pages = len(data) // page
    if not pages:
        raise TruncatedRecording(source.path, "the database ends in its first page", offset=cut, events_recovered=0)
    data[18:20] = b"\1\1"  # not in WAL mode, which needs a second file
    data[28:32] = pages.to_bytes(4, "big")
    return bytes(data[: pages * page])


def _page_bytes(head: bytes | bytearray) -> int:
    page = int.from_bytes(head[16:18], "big")
    return 65536 if page == 1 else page
