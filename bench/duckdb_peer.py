"""DuckDB on the files that the server was measured with; prints what it measured as JSON.

The task comes as JSON in the first argument (see xtask/src/bench/peer.rs).
"""

import glob
import json
import os
import statistics
import sys
import time

import duckdb

RUNS = 11
TASK = json.loads(sys.argv[1])

TABLE = """
CREATE TABLE {name} (
    id VARCHAR PRIMARY KEY, subscription_id VARCHAR, reported_time TIMESTAMP,
    usage_start TIMESTAMP, usage_end TIMESTAMP, meter_id VARCHAR,
    quantity DECIMAL(38, 20), resource_uri VARCHAR, location VARCHAR, tags VARCHAR)
"""

# A row of a usage answer has no id of its own: the hash of its content is one. DuckDB reads a JSON
# number into a decimal by way of a double, which loses digits; by way of its text it does not.
LOAD = """
INSERT INTO usage
SELECT md5(concat_ws('|', name, properties)), properties.subscriptionId,
       strptime(name, 'Hourly_BRSDT_%Y%m%d_%H%M'),
       properties.usageStartTime, properties.usageEndTime, properties.meterId, properties.quantity::DECIMAL(38, 20),
       data->>'$."Microsoft.Resources".resourceUri', data->>'$."Microsoft.Resources".location',
       data->'$."Microsoft.Resources".tags'
FROM (SELECT name, properties, properties.instanceData::JSON AS data
      FROM read_json(?, format = 'newline_delimited', columns = {
          name: 'VARCHAR',
          properties: 'STRUCT(subscriptionId VARCHAR, usageStartTime TIMESTAMP,
              usageEndTime TIMESTAMP, meterId VARCHAR, quantity VARCHAR,
              instanceData VARCHAR)'}))
"""

LOAD_EVENTS = """
INSERT INTO events
SELECT id, data.subscriptionId, now()::TIMESTAMP, data.usageStartTime, data.usageEndTime,
       data.meterId, data.quantity, data.resourceUri, data.location, data.tags
FROM read_json(?, format = 'newline_delimited', columns = {
    id: 'VARCHAR',
    data: 'STRUCT(subscriptionId VARCHAR, meterId VARCHAR, usageStartTime TIMESTAMP,
        usageEndTime TIMESTAMP, quantity DECIMAL(38, 20), resourceUri VARCHAR, location VARCHAR,
        tags JSON)'})
"""

PAGE = """
SELECT date_trunc('{bucket}', reported_time::TIMESTAMP) AS reported,
       date_trunc('{bucket}', usage_start::TIMESTAMP) AS start,
       meter_id, resource_uri, location, tags, sum(quantity) AS quantity
FROM {table}
WHERE subscription_id = ? AND reported_time >= '2026-03-01' AND reported_time < '2026-04-01'
GROUP BY ALL ORDER BY reported, start, meter_id, resource_uri LIMIT 1000
"""

MONTH = """
SELECT meter_id, sum(quantity) AS quantity FROM {table}
WHERE subscription_id = ? AND usage_start >= '2026-03-01' AND usage_start < '2026-04-01'
GROUP BY meter_id ORDER BY meter_id
"""

# Graduated tiers over what is beyond the included quantity, exact in 38 digits.
RATING_TABLES = """
CREATE TABLE rating_usage AS
SELECT meter, quantity::DECIMAL(18, 6) AS quantity FROM read_csv(?, all_varchar = true);
CREATE TABLE rating_tiers AS
SELECT meter, included::DECIMAL(18, 6) AS included, bound::DECIMAL(18, 6) AS bound,
       rate::DECIMAL(18, 10) AS rate,
       lead(bound::DECIMAL(18, 6)) OVER (PARTITION BY meter ORDER BY bound::DECIMAL(18, 6)) AS next
FROM read_csv(?, all_varchar = true)
"""

RATING = """
WITH used AS (SELECT meter, sum(quantity)::DECIMAL(18, 6) AS quantity FROM rating_usage GROUP BY meter),
charges AS (
    SELECT meter, sum((greatest(0, least(greatest(0, quantity - included), coalesce(next, 999999999999))
                       - bound))::DECIMAL(18, 6) * rate) AS charge
    FROM used JOIN rating_tiers USING (meter) GROUP BY meter)
SELECT sum(charge) FROM charges
"""


def measure_rating(connection):
    """Wall times of rating all meters, and the bill."""
    usage_table, tiers_table = RATING_TABLES.split(";")
    connection.execute(usage_table, [TASK["rating_usage"]])
    connection.execute(tiers_table, [TASK["rating_tiers"]])
    ask = lambda: connection.execute(RATING).fetchone()[0]
    total = ask()
    runs = [clock(ask)[:2] for _ in range(RUNS)]
    cpu = statistics.median_low([cpu for _, cpu in runs])
    return {"wall_us": [wall for wall, _ in runs], "cpu_us": cpu, "total": format(total, "f")}


def clock(work):
    """Wall and processor time of one call, in microseconds, and its result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return (
        round((time.perf_counter() - wall) * 1e6),
        round((time.process_time() - cpu) * 1e6),
        result,
    )


def ledger_files(table):
    """The files of the table: those that its log added and did not remove."""
    files = set()
    for entry in sorted(glob.glob(os.path.join(table, "_delta_log", "*.json"))):
        with open(entry, encoding="utf-8") as lines:
            for action in map(json.loads, lines):
                if "add" in action:
                    files.add(os.path.join(table, action["add"]["path"]))
                if "remove" in action:
                    files.discard(os.path.join(table, action["remove"]["path"]))
    return sorted(files)


def measure_query(connection, query):
    """Wall times of several runs, and the processor time of a median one."""
    ask = lambda: connection.execute(query, [TASK["subscription"]]).fetchall()
    ask()
    runs = [clock(ask)[:2] for _ in range(RUNS)]
    cpu = statistics.median_low([cpu for _, cpu in runs])
    return {"wall_us": [wall for wall, _ in runs], "cpu_us": cpu}


def main():
    connection = duckdb.connect(TASK["database"])
    connection.execute("SET TimeZone = 'UTC'")
    answer = {"queries": {}, "sums": {}}

    connection.execute(TABLE.format(name="usage"))
    wall, cpu, _ = clock(lambda: connection.execute(LOAD, [TASK["aggregates"]]).fetchall())
    answer["load"] = {"wall_us": wall, "cpu_us": cpu}
    answer["records"] = connection.execute("SELECT count(*) FROM usage").fetchone()[0]

    connection.execute(TABLE.format(name="events"))
    def load_batches():
        for batch in TASK["batches"]:
            connection.execute(LOAD_EVENTS, [batch]).fetchall()
    wall, cpu, _ = clock(load_batches)
    answer["batches"] = {"wall_us": wall, "cpu_us": cpu}

    files = ", ".join(f"'{path}'" for path in ledger_files(TASK["table"]))
    places = {"own": "usage", "ledger": f"read_parquet([{files}])"}
    for place, table in places.items():
        queries = {
            "hourly_page": PAGE.format(bucket="hour", table=table),
            "daily_page": PAGE.format(bucket="day", table=table),
            "month_by_meter": MONTH.format(table=table),
        }
        for name, query in queries.items():
            measured = measure_query(connection, query)
            answer["queries"].setdefault(name, {})[place] = measured
        rows = connection.execute(queries["month_by_meter"], [TASK["subscription"]]).fetchall()
        answer["sums"][place] = {meter: format(total, "f") for meter, total in rows}
    answer["rating"] = measure_rating(connection)
    print(json.dumps(answer))


main()
