"""`az` as a person runs it, in a folder of its own. It may talk to the server and to nobody else."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path

from case import CASE, URL

CLOUD = "Tallyhouse"
VERSION = "2.91.0"


class Failed(Exception):
    """A command that ended with an error; its text is what it said."""


class Elsewhere(Exception):
    """A command that asked another host than the server."""


class Door:
    """The proxy for every host but the server's: it notes who is asked for, and opens to nobody."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.asked = []
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                self.asked.append(connection.recv(1000).split(b"\r\n")[0].decode())

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"


DOOR = Door()


class Az:
    """The program, with a new configuration or a copy of another's."""

    def __init__(self, copied=None):
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name)
        if copied:
            for file in Path(copied.folder.name).iterdir():
                if file.is_file():
                    (path / file.name).write_bytes(file.read_bytes())
        else:
            # As if it had looked for newer versions today, which it does on its first day.
            now = f"{datetime.now():%Y-%m-%d %H:%M:%S.%f}"
            versions = {part: {"local": VERSION} for part in ["azure-cli", "core", "telemetry"]}
            check = {"versions": versions, "update_time": now}
            (path / "versionCheck.json").write_text(json.dumps(check))
        self.environment = os.environ | {
            "AZURE_CONFIG_DIR": self.folder.name,
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "REQUESTS_CA_BUNDLE": CASE["authority"],
            "HTTP_PROXY": DOOR.url,
            "HTTPS_PROXY": DOOR.url,
            "NO_PROXY": "127.0.0.1",
        }

    def __call__(self, *arguments):
        """What a command prints, read as JSON."""
        printed = self.text(*arguments, "-o", "json")
        return json.loads(printed) if printed.strip() else None

    def text(self, *arguments):
        """What a command prints."""
        command = [sys.executable, "-m", "azure.cli", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if DOOR.asked:
            asked, DOOR.asked = DOOR.asked, []
            raise Elsewhere(f"{arguments} asked {asked}")
        if done.returncode != 0:
            raise Failed(done.stderr)
        return done.stdout

    def register(self):
        """Makes the server the cloud that is asked."""
        self("cloud", "register", "--name", CLOUD, "--endpoint-resource-manager", URL)
        self("cloud", "set", "--name", CLOUD)

    def sign_in(self, name, **changed):
        """Signs in as one of the case's service principals; gives its subscriptions."""
        application = CASE["applications"][name] | changed
        return self(
            "login", "--service-principal", "--username", application["appId"],
            "--password", application["password"], "--tenant", application["tenant"],
        )
