"""Usage that is sent while tests read, and the tests' own ledger of it: what was acknowledged, and as
part of which commit."""

import http.client
import json
import os
import random
import ssl
import threading
import urllib.parse
from collections import defaultdict
from decimal import Decimal, localcontext

with open(os.environ["TALLYHOUSE_CASE"], encoding="utf-8") as file:
    CASE = json.load(file)

EVENTS = "/tallyhouse/v1/events"
SENDERS = 3
METERS = [f"11fe0000-0000-4000-8000-00000000000{number}" for number in range(7)]
MONTH = "from=2026-03-01&to=2026-04-01"


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
        return answer.status, json.loads(text) if text else None


class Load:
    """Senders and one who asks for seals and joins, from entering to leaving."""

    def __init__(self, seed):
        self.changed = threading.Condition()
        self.records = []  # (commit, subscription, meter, quantity, event id) of each acknowledged event
        self.begun, self.done = [0] * SENDERS, [0] * SENDERS
        self.stopping = threading.Event()
        self.failures = []
        work = [lambda place=place: self._send(place, seed) for place in range(SENDERS)]
        self.threads = [threading.Thread(target=self._run, args=[each]) for each in [*work, self._seal]]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *failure):
        self.stop()

    def stop(self):
        """Ends it once every request is answered."""
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        self.check()

    def check(self):
        """Fails if a request was not answered as it should be."""
        if self.failures:
            raise self.failures[0]

    def settle(self):
        """Waits for the answer to every request that is under way now: its commit may be in the table."""
        with self.changed:
            begun = list(self.begun)
            settled = lambda: all(done >= least for done, least in zip(self.done, begun))
            self.changed.wait_for(lambda: settled() or self.failures)
        self.check()

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
        status = 503
        while status == 503:  # busy: nothing was stored
            status, answer = client.ask("POST", EVENTS, body, form)
        expected = 201 if len(texts) == 1 and new else 200
        assert status == expected, (status, answer)
        assert (answer["accepted"], answer["duplicate"]) == (len(new), len(again)), answer
        return answer["commit"]

    def _seal(self):
        client, seals = Client(), 0
        while not self.stopping.is_set():
            what = "compact" if seals % 10 == 9 else "seal"
            status, answer = client.ask("POST", f"/tallyhouse/v1/ledger/{what}")
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
