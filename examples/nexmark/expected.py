#!/usr/bin/env python3
"""What a query of Nexmark gives for all events, computed with SQLite and independently of the engine.

    python3 expected.py q9 < events.jsonl

Reads events as JSON lines in the form of crate `nexmark` (`{"Bid": {...}}`), and rows of the side input of query 13 as
`{"Side": {"key": 1, "value": "..."}}`. Prints the rows of the query as JSON lines.

The columns have the names of the engine's results. `left.` and `right.` stand before those of the two sides of a join.
Where the query leaves the order of equals open, the columns that decide are the plugin's.
"""

import json
import re
import sqlite3
import sys

TABLES = {
    "Person": "id name email_address credit_card city state date_time extra",
    "Auction": "id item_name description initial_bid reserve date_time expires seller category extra",
    "Bid": "auction bidder price channel url date_time extra",
    "Side": "key value",
}

DAY = "strftime('%Y-%m-%d', date_time / 1000, 'unixepoch')"
MINUTE = "strftime('%H:%M', date_time / 1000, 'unixepoch')"
RANKS = {
    "total": "TRUE",
    "rank1": "price < 10000",
    "rank2": "price >= 10000 AND price < 1000000",
    "rank3": "price >= 1000000",
}


def counts(what, counted):
    """Columns that count over all prices and over each rank of them."""
    return ", ".join(
        f"count({counted}) FILTER (WHERE {rank}) AS {name}_{what}" for name, rank in RANKS.items()
    )


STATISTICS = ", ".join(
    [
        counts("bids", "*"),
        counts("bidders", "DISTINCT bidder"),
        counts("auctions", "DISTINCT auction"),
    ]
)

WINNING = """
    SELECT * FROM (
        SELECT A.*, B.auction, B.bidder, B.price, B.date_time AS bid_date_time, B.extra AS bid_extra,
            ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.date_time, B.bidder) AS place
        FROM auction A JOIN bid B ON A.id = B.auction
        WHERE B.date_time BETWEEN A.date_time AND A.expires)
    WHERE place = 1
"""

QUERIES = {
    "q3": """
        SELECT A.id AS "left.id", P.name AS "right.name", P.city AS "right.city", P.state AS "right.state"
        FROM auction A JOIN person P ON A.seller = P.id
        WHERE A.category = 10 AND P.state IN ('or', 'id', 'ca')
    """,
    "q4": """
        SELECT category, AVG(final) AS avg FROM (
            SELECT A.id, A.category, MAX(B.price) AS final
            FROM auction A JOIN bid B ON A.id = B.auction
            WHERE B.date_time BETWEEN A.date_time AND A.expires
            GROUP BY A.id, A.category)
        GROUP BY category
    """,
    "q6": f"""
        SELECT seller, auction, AVG(price) OVER (
            PARTITION BY seller ORDER BY bid_date_time, auction
            ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS avg
        FROM ({WINNING})
    """,
    "q8": """
        SELECT P.id AS "left.id", P.name AS "left.name", P.start AS "left.start" FROM (
            SELECT id, name, stretch(date_time) AS start FROM person GROUP BY id, name, start) P
        JOIN (
            SELECT seller, stretch(date_time) AS start FROM auction GROUP BY seller, start) A
        ON P.id = A.seller AND P.start = A.start
    """,
    "q9": f"""
        SELECT id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra,
            auction, bidder, price, bid_date_time, bid_extra
        FROM ({WINNING})
    """,
    "q13": """
        SELECT auction AS "left.auction", bidder AS "left.bidder", price AS "left.price",
            date_time AS "left.date_time", value AS "right.value"
        FROM bid JOIN side ON bid.auction % 10000 = side.key
    """,
    "q14": """
        SELECT auction, bidder, printf('%d.%03d', price * 908 / 1000, price * 908 % 1000) AS price,
            CASE
                WHEN hour >= 8 AND hour <= 18 THEN 'dayTime'
                WHEN hour <= 6 OR hour >= 20 THEN 'nightTime'
                ELSE 'otherTime'
            END AS bid_time_type,
            date_time, extra, length(extra) - length(replace(extra, 'c', '')) AS c_counts
        FROM (SELECT *, CAST(strftime('%H', date_time / 1000, 'unixepoch') AS INTEGER) AS hour FROM bid)
        WHERE price * 908 > 1000000 * 1000 AND price * 908 < 50000000 * 1000
    """,
    "q15": f"SELECT {DAY} AS day, {STATISTICS} FROM bid GROUP BY {DAY}",
    "q16": f"""
        SELECT channel, {DAY} AS day, max({MINUTE}) AS minute, {STATISTICS} FROM bid GROUP BY channel, {DAY}
    """,
    "q17": f"""
        SELECT auction, {DAY} AS day, {counts('bids', '*')},
            min(price) AS min_price, max(price) AS max_price, avg(price) AS avg_price, sum(price) AS sum_price
        FROM bid GROUP BY auction, {DAY}
    """,
    "q18": """
        SELECT auction, bidder, price, channel, url, date_time, extra FROM (
            SELECT *, ROW_NUMBER() OVER (
                PARTITION BY bidder, auction ORDER BY date_time DESC, price DESC, extra DESC) AS place
            FROM bid)
        WHERE place = 1
    """,
    "q19": """
        SELECT * FROM (
            SELECT *, ROW_NUMBER() OVER (
                PARTITION BY auction ORDER BY price DESC, date_time, bidder, extra) AS rank_number
            FROM bid)
        WHERE rank_number <= 10
    """,
    "q20": """
        SELECT B.auction AS "left.auction", B.bidder AS "left.bidder", B.price AS "left.price",
            B.channel AS "left.channel", B.url AS "left.url", B.date_time AS "left.date_time",
            B.extra AS "left.extra", A.item_name AS "right.item_name", A.description AS "right.description",
            A.initial_bid AS "right.initial_bid", A.reserve AS "right.reserve",
            A.date_time AS "right.date_time", A.expires AS "right.expires", A.seller AS "right.seller",
            A.category AS "right.category", A.extra AS "right.extra"
        FROM bid B JOIN auction A ON B.auction = A.id WHERE A.category = 10
    """,
    "q21": """
        SELECT auction, bidder, price, channel,
            CASE lower(channel)
                WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3'
                ELSE channel_of(url)
            END AS channel_id
        FROM bid
        WHERE channel_of(url) IS NOT NULL OR lower(channel) IN ('apple', 'google', 'facebook', 'baidu')
    """,
    "q22": """
        SELECT auction, bidder, price, channel,
            part(url, 3) AS dir1, part(url, 4) AS dir2, part(url, 5) AS dir3
        FROM bid
    """,
}


def channel_of(url):
    found = re.search("(&|^)channel_id=([^&]*)", url)
    return found and found.group(2)


def part(text, number):
    parts = text.split("/")
    return parts[number] if number < len(parts) else None


def stretch(ms):
    """The beginning of the ten seconds of a time, as the engine writes it."""
    start = ms // 10_000 * 10
    text = "strftime('%Y-%m-%dT%H:%M:%S.000Z', ?, 'unixepoch')"
    return CLOCK.execute(f"SELECT {text}", (start,)).fetchone()[0]


CLOCK = sqlite3.connect(":memory:")


def database(lines):
    """All events, each in the table of its kind."""
    database = sqlite3.connect(":memory:")
    for name, arguments, function in [("channel_of", 1, channel_of), ("part", 2, part), ("stretch", 1, stretch)]:
        database.create_function(name, arguments, function, deterministic=True)
    for table, columns in TABLES.items():
        database.execute(f"CREATE TABLE {table} ({', '.join(columns.split())})")
    for line in lines:
        ((table, event),) = json.loads(line).items()
        columns = TABLES[table].split()
        places = ", ".join("?" * len(columns))
        database.execute(f"INSERT INTO {table} VALUES ({places})", [event[column] for column in columns])
    database.execute("CREATE INDEX bids ON bid (auction)")
    database.execute("CREATE INDEX auctions ON auction (id)")
    database.execute("CREATE INDEX persons ON person (id)")
    database.execute("CREATE INDEX sides ON side (key)")
    return database


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in QUERIES:
        sys.exit(f"usage: expected.py {'|'.join(QUERIES)} < events.jsonl")
    rows = database(sys.stdin).execute(QUERIES[sys.argv[1]])
    names = [column[0] for column in rows.description]
    for row in rows:
        print(json.dumps(dict(zip(names, row))))


if __name__ == "__main__":
    main()
