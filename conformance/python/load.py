"""Usage that is sent while tests read, and the tests' own ledger of it: what was acknowledged, and as
part of which commit."""

import http.client
import json
import os
import random
import ssl
import threading
import time
import urllib.parse
from collections import defaultdict
from decimal import Decimal, localcontext

with open(os.environ["TALLYHOUSE_CASE"], encoding="utf-8") as file:
    CASE = json.load(file)

EVENTS = "/tallyhouse/v1/events"
SENDERS = 3
METERS = [f"11fe0000-0000-4000-8000-00000000000{number}" for number in range(7)]
MONTH = "from=2026-03-01&to=2026-04-01"
# What is waited for takes far less, even on a busy machine.
WAIT_SECONDS = 60
PAUSE_SECONDS = 0.1
# A server that is busy asks for less.
RETRY_AFTER_SECONDS = 5


def wait_for(what, holds):
    """Asks again and again until it holds; fails after a while, with what was waited for."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited {WAIT_SECONDS} s for {what}"
        time.sleep(PAUSE_SECONDS)


class Client:
    """One connection with the administrator's token. For one thread."""

    def __init__(self):
        context = ssl.create_default_context(cafile=CASE["authority"])
        self.connection = http.client.HTTPSConnection(
            urllib.parse.urlsplit(CASE["url"]).netloc, context=context, timeout=60
        )

    def ask(self, method, path, body=None, form="application/json"):
        """Status and body of the answer."""
        headers = {
            "Authorization": f"Bearer {CASE['tokens']['administrator']}",
            "Content-Type": form,
        }
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        text = answer.read()
        self.retry_after = answer.headers.get("Retry-After")
        return answer.status, json.loads(text) if text else None

    def ask_patiently(self, method, path, body=None, form="application/json"):
        """The same, again while the server is busy: nothing was stored or begun then."""
        end = time.monotonic() + WAIT_SECONDS
        while True:
            status, answer = self.ask(method, path, body, form)
            if status != 503:
                return status, answer
            assert time.monotonic() < end, f"{method} {path} was busy for {WAIT_SECONDS} s: {answer}"
            time.sleep(min(float(self.retry_after or PAUSE_SECONDS), RETRY_AFTER_SECONDS))


class Load:
    """Senders and one who asks for seals and joins, from entering to leaving."""

    def __init__(self, seed):
        self.changed = threading.Condition()
        self.records = []  # (commit, subscription, meter, quantity, event id) of each acknowledged event
        self.begun, self.done = [0] * SENDERS, [0] * SENDERS
        self.stopping = threading.Event()
        self.failures = []
        work = [lambda place=place: self._send(place, seed) for place in range(SENDERS)]
        # The tests end without those that do not stop.
        self.threads = [
            threading.Thread(target=self._run, args=[each], daemon=True) for each in [*work, self._seal]
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *failure):
        self.stop()

    def stop(self):
        """Ends it once every request is answered."""
        self.stopping.set()
        end = time.monotonic() + WAIT_SECONDS
        for thread in self.threads:
            thread.join(max(end - time.monotonic(), 0))
        self.check()
        alive = sum(thread.is_alive() for thread in self.threads)
        assert not alive, f"waited {WAIT_SECONDS} s for {alive} of {len(self.threads)} threads to stop"

    def check(self):
        """Fails if a request was not answered as it should be."""
        if self.failures:
            raise self.failures[0]

    def settle(self):
        """Waits for the answer to every request that is under way now: its commit may be in the table."""
        with self.changed:
            begun = list(self.begun)
            settled = lambda: all(done >= least for done, least in zip(self.done, begun))
            in_time = self.changed.wait_for(lambda: settled() or self.failures, WAIT_SECONDS)
        self.check()
        assert in_time, f"waited {WAIT_SECONDS} s for the answers to requests that were under way"

    def wait_for(self, what, holds):
        """Waits until it holds or a request fails."""

        def checked():
            self.check()
            return holds()

        wait_for(what, checked)

    def first_commit(self):
        """The lowest commit that was acknowledged, None before there is one."""
        with self.changed:
            return min((record[0] for record in self.records), default=None)

    def up_to(self, commit):
        """Event ids and the sums by subscription and meter of what was acknowledged up to a commit."""
        with self.changed:
            records = [record for record in self.records if record[0] <= commit]
        return ids_and_sums(record[1:] for record in records)

    def _run(self, work):
        try:
            work()
        except BaseException as failure:  # the test's own thread raises it
            with self.changed:
                self.failures.append(failure)
                self.changed.notify_all()

    def _send(self, sender, seed):
        client, chance, sent = Client(), random.Random(seed + sender), []
        request = 0
        while not self.stopping.is_set():
            count = chance.choice([1, 1, 2, 5, 20])
            events = [event(f"{sender}-{request}-{place}", chance) for place in range(count)]
            # Now and then what was sent before comes along, or comes alone.
            again = chance.sample(sent, min(len(sent), 5)) if chance.random() < 0.3 else []
            new = [] if again and chance.random() < 0.3 else events
            with self.changed:
                self.begun[sender] += 1
            commit = self._post(client, new, again)
            with self.changed:
                self.records += [(commit, *record) for record, _ in new]
                self.done[sender] += 1
                self.changed.notify_all()
            sent += new
            request += 1

    def _post(self, client, new, again):
        """The commit of the new events, which one group commit stores together."""
        texts = [text for _, text in new + again]
        if len(texts) == 1:
            form, body = "application/cloudevents+json", texts[0]
        else:
            form, body = "application/cloudevents-batch+json", f"[{','.join(texts)}]"
        status, answer = client.ask_patiently("POST", EVENTS, body, form)
        expected = 201 if len(texts) == 1 and new else 200
        assert status == expected, (status, answer)
        assert (answer["accepted"], answer["duplicate"]) == (len(new), len(again)), answer
        return answer["commit"]

    def _seal(self):
        client, seals = Client(), 0
        while not self.stopping.is_set():
            what = "compact" if seals % 10 == 9 else "seal"
            status, answer = client.ask_patiently("POST", f"/tallyhouse/v1/ledger/{what}")
            assert status == 204, answer
            seals += 1


def event(name, chance):
    """An event, as (subscription, meter, quantity, id) and as JSON."""
    subscription, meter = chance.choice(CASE["subscriptions"]), chance.choice(METERS)
    digits = "".join(chance.choices("0123456789", k=20))
    quantity = chance.choice(["0", f"0.{digits}", f"{digits[:5]}.{digits}", f"{digits[:15]}.5"])
    day, hour = chance.randrange(1, 32), chance.randrange(24)
    data = {
        "subscriptionId": subscription, "meterId": meter, "quantity": quantity,
        "usageStartTime": f"2026-03-{day:02}T{hour:02}:00:00Z",
        "usageEndTime": f"2026-03-{day:02}T{hour:02}:30:00Z",
        "resourceUri": f"/subscriptions/{subscription}/resourceGroups/rg/providers/p/t/vm-{day}",
        "location": chance.choice(["eastus", "westeurope"]), "tags": {"environment": "test"},
    }
    text = json.dumps({
        "specversion": "1.0", "type": "tallyhouse.usage.v1", "source": "urn:tallyhouse:live",
        "id": name, "data": data,
    })
    return (subscription, meter, Decimal(quantity), name), text


def ids_and_sums(records):
    """Of (subscription, meter, quantity, event id): ids in order, and sums without lost digits."""
    ids, sums = [], defaultdict(Decimal)
    with localcontext() as context:
        context.prec = 60
        for subscription, meter, quantity, name in records:
            ids.append(name)
            sums[subscription, meter] += quantity
    return sorted(ids), dict(sums)


def sums_as_of(client, time):
    """The server's own sums by subscription and meter of what was known at a moment, and the commit."""
    sums, commits = {}, set()
    for subscription in CASE["subscriptions"]:
        path = f"/tallyhouse/v1/subscriptions/{subscription}/cost?{MONTH}&groupBy=meter&asOf={time}"
        status, cost = client.ask("GET", path)
        assert status == 200, cost
        # Form of a version: docs/FORMAT.md, Version.
        commits.add(int(cost["basis"]["ledgerVersion"].rsplit(".", 1)[1]))
        for group in cost["groups"]:
            sums[subscription, group["key"]] = Decimal(group["quantity"])
        for usage in cost["unpriced"]:
            sums[subscription, usage["meterId"]] = Decimal(usage["quantity"])
    (commit,) = commits
    return sums, commit
