"""DuckDB, Polars or chDB on the ledger's own files: one engine a run; prints what it measured as JSON.

The task comes as JSON in the first argument (see xtask/src/bench/ledger/peers.rs). No figure counts
unless the answer is the one that the data was made with, to the last digit.
"""

import csv
import json
import pathlib
import statistics
import sys
import time
from collections import defaultdict
from decimal import Decimal, localcontext

import pyarrow
from deltalake import DeltaTable

TASK = json.loads(sys.argv[1])
MONTH = ("2026-03-01", "2026-04-01")
PAGE_ROWS = 1_000
COLD_RUNS = 3
# What each question groups by, and the sums file that has the answer.
QUESTIONS = ["meter", "tag", "resource", "day"]
# The grain of rollup that has what a question needs.
GRAINS = {"meter": "day", "tag": "instance", "resource": "instance", "day": "day"}
# The columns that have to be read for it.
COLUMNS = {
    "meter": ["subscription_id", "meter_id", "usage_start", "quantity"],
    "tag": ["tags", "usage_start", "quantity"],
    "resource": ["resource_uri", "usage_start", "quantity"],
    "day": ["usage_start", "quantity"],
}


class DuckDb:
    """Files as one table, by SQL. Tags are summed by their text first: each is then parsed once."""

    KEYS = {
        "meter": "subscription_id, meter_id",
        "resource": "resource_uri",
        "day": "strftime(usage_start, '%Y-%m-%d')",
    }

    def __init__(self):
        import duckdb

        self.version = duckdb.__version__
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")

    def source(self, files):
        return f"read_parquet([{', '.join(quoted(file) for file in files)}])"

    def sums(self, question, files):
        source, month = self.source(files), between("usage_start")
        if question == "tag":
            return self.ask(
                f"""SELECT tags->>'$."cost-center"' AS key, sum(quantity) FROM
                (SELECT tags, sum(quantity) AS quantity FROM {source} WHERE {month} GROUP BY tags)
                GROUP BY key"""
            )
        keys = self.KEYS[question]
        return self.ask(f"SELECT {keys}, sum(quantity) FROM {source} WHERE {month} GROUP BY ALL")

    def page(self, granularity, files):
        bucket = {"Hourly": "hour", "Daily": "day"}[granularity]
        return self.ask(
            f"""SELECT date_trunc('{bucket}', reported_time) AS reported,
            date_trunc('{bucket}', usage_start) AS start, meter_id, instance_hash,
            any_value(resource_uri), any_value(location), any_value(tags), sum(quantity)
            FROM {self.source(files)}
            WHERE subscription_id = {quoted(TASK['subscription'])} AND {between('reported_time')}
            GROUP BY reported, start, meter_id, instance_hash
            ORDER BY reported, start, meter_id, instance_hash LIMIT {PAGE_ROWS}"""
        )

    def ask(self, query):
        return self.connection.sql(query).to_arrow_table()

    def column_bytes(self, files):
        """Bytes of each column on disk, compressed."""
        rows = self.connection.execute(
            f"""SELECT path_in_schema, sum(total_compressed_size)::BIGINT
            FROM parquet_metadata([{', '.join(quoted(file) for file in files)}]) GROUP BY ALL"""
        ).fetchall()
        return dict(rows)


class ChDb:
    """The same in ClickHouse's dialect."""

    KEYS = {
        "meter": "subscription_id, meter_id",
        "resource": "resource_uri",
        "day": "toString(toDate(usage_start, 'UTC'))",
    }

    def __init__(self):
        import chdb

        self.chdb, self.version = chdb, chdb.__version__

    def source(self, files):
        names = ",".join(str(pathlib.Path(file).relative_to(TASK["table"])) for file in files)
        return f"file('{TASK['table']}/{{{names}}}', Parquet)"

    def sums(self, question, files):
        source, month = self.source(files), self.between("usage_start")
        if question == "tag":
            return self.ask(
                f"""SELECT JSONExtractString(tags, 'cost-center') AS key, sum(quantity) FROM
                (SELECT tags, sum(quantity) AS quantity FROM {source} WHERE {month} GROUP BY tags)
                GROUP BY key"""
            )
        keys = self.KEYS[question]
        return self.ask(f"SELECT {keys}, sum(quantity) FROM {source} WHERE {month} GROUP BY {keys}")

    def page(self, granularity, files):
        bucket = {"Hourly": "toStartOfHour", "Daily": "toStartOfDay"}[granularity]
        return self.ask(
            f"""SELECT {bucket}(reported_time, 'UTC') AS reported, {bucket}(usage_start, 'UTC') AS start,
            meter_id, instance_hash, any(resource_uri), any(location), any(tags), sum(quantity)
            FROM {self.source(files)}
            WHERE subscription_id = {quoted(TASK['subscription'])} AND {self.between('reported_time')}
            GROUP BY reported, start, meter_id, instance_hash
            ORDER BY reported, start, meter_id, instance_hash LIMIT {PAGE_ROWS}"""
        )

    def between(self, column):
        first, after = (f"toDateTime64('{day} 00:00:00', 6, 'UTC')" for day in MONTH)
        return f"{column} >= {first} AND {column} < {after}"

    def ask(self, query):
        return pyarrow.ipc.open_stream(self.chdb.query(query, "ArrowStream").bytes()).read_all()


class Polars:
    """The same as expressions, by the engine that streams."""

    def __init__(self):
        import polars

        self.polars, self.version = polars, polars.__version__

    def scan(self, files, time_column):
        column, day = self.polars.col(time_column), self.polars.lit
        first, after = (
            day(text).str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC") for text in MONTH
        )
        return self.polars.scan_parquet(files).filter((column >= first) & (column < after))

    def sums(self, question, files):
        col = self.polars.col
        rows, quantity = self.scan(files, "usage_start"), col("quantity").sum()
        if question == "tag":
            key = col("tags").str.json_path_match('$["cost-center"]').alias("key")
            rows = rows.group_by("tags").agg(quantity).with_columns(key).group_by("key")
        else:
            day = col("usage_start").dt.strftime("%Y-%m-%d")
            if question == "day":  # by the number of the day, which is its text only at the end
                sums = rows.group_by(col("usage_start").dt.date()).agg(quantity)
                return self.ask(sums.with_columns(day))
            keys = {"meter": ["subscription_id", "meter_id"], "resource": ["resource_uri"]}
            rows = rows.group_by(keys[question])
        return self.ask(rows.agg(quantity))

    def page(self, granularity, files):
        bucket, col = {"Hourly": "1h", "Daily": "1d"}[granularity], self.polars.col
        keys = ["reported_time", "usage_start", "meter_id", "instance_hash"]
        return self.ask(
            self.scan(files, "reported_time")
            .filter(col("subscription_id") == TASK["subscription"])
            .with_columns(col("reported_time", "usage_start").dt.truncate(bucket))
            .group_by(keys)
            .agg(col("resource_uri", "location", "tags").first(), col("quantity").sum())
            .sort(keys)
            .head(PAGE_ROWS)
        )

    def ask(self, query):
        return query.collect(engine="streaming").to_arrow()


ENGINES = {"duckdb": DuckDb, "polars": Polars, "chdb": ChDb}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def between(column):
    first, after = MONTH
    return f"{column} >= '{first}' AND {column} < '{after}'"


def expected(question):
    """The sums that the data was made with; for all but meters, over all subscriptions."""
    sums = defaultdict(Decimal)
    with open(pathlib.Path(TASK["sums"], f"{question}.csv"), encoding="utf-8") as lines:
        for subscription, key, text in csv.reader(lines):
            sums[(subscription, key) if question == "meter" else (key,)] += Decimal(text)
    return dict(sums)


def compare(answer, sums, what):
    """Fails unless the answer has these sums and no others."""
    *keys, quantities = (column.to_pylist() for column in answer.columns)
    found = {}
    for *key, quantity in zip(*keys, quantities):
        key = tuple(str(part) for part in key)
        assert key not in found, f"{what}: {key} twice"
        found[key] = quantity
    assert len(found) == len(sums), f"{what}: {len(found)} groups, not {len(sums)}"
    for key, sum in sums.items():
        assert found[key] == sum, f"{what}: {key} is {found[key]}, not {sum}"


def measure(ask):
    """Wall times of several runs, and the processor time of a median one."""
    answer, runs = ask(), []
    for _ in range(TASK["runs"]):
        wall, cpu = time.perf_counter(), time.process_time()
        ask()
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    cpu = statistics.median_low([cpu for _, cpu in runs])
    measured = {"wall_us": [round(wall * 1e6) for wall, _ in runs], "cpu_us": round(cpu * 1e6)}
    return answer, {**measured, "rows": answer.num_rows}


def measure_cold(ask):
    """The same, where the page cache is emptied before each; nothing if that is not allowed."""
    walls = []
    for _ in range(COLD_RUNS):
        try:
            pathlib.Path("/proc/sys/vm/drop_caches").write_text("1")
        except OSError:
            return None
        wall = time.perf_counter()
        ask()
        walls.append(round((time.perf_counter() - wall) * 1e6))
    return {"wall_us": walls, "cpu_us": 0}


def rollup(file, grain):
    """Where the rollup of a data file lies, as docs/FORMAT.md says, if there are any."""
    path, table = pathlib.Path(file), pathlib.Path(TASK["table"])
    return table / "_rollup" / grain / path.parent.name / path.name


def main():
    engine = ENGINES[TASK["engine"]]()
    files = sorted(file.removeprefix("file://") for file in DeltaTable(TASK["table"]).file_uris())
    answer = {"version": engine.version, "files": len(files), "rows": {}, "rollup": {}}
    answer |= {"page": {}, "cold": {}}
    for question in [] if TASK["pages_only"] else QUESTIONS:
        sums = expected(question)
        rollups = [rollup(file, GRAINS[question]) for file in files]
        places = {"rows": files}
        if all(path.exists() for path in rollups):  # small files have none
            places["rollup"] = [str(path) for path in rollups]
        for place, sources in places.items():
            found, measured = measure(lambda: engine.sums(question, sources))
            compare(found, sums, f"{TASK['engine']}, {question}, {place}")
            answer[place][question] = measured
    for granularity in ["Hourly", "Daily"]:
        found, measured = measure(lambda: engine.page(granularity, files))
        total = sum_of(found.columns[-1].to_pylist())
        answer["page"][granularity] = {**measured, "sum": format(total, "f")}
        answer["cold"][granularity] = measure_cold(lambda: engine.page(granularity, files))
    if isinstance(engine, DuckDb) and not TASK["pages_only"]:
        sizes = engine.column_bytes(files)
        answer["bytes"] = {
            question: sum(sizes[column] for column in columns) for question, columns in COLUMNS.items()
        }
    print(json.dumps(answer))


def sum_of(quantities):
    with localcontext() as context:
        context.prec = 60
        return sum(quantities, Decimal(0))


main()
