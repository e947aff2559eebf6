"""Makes focus-validator 2.2.1 run on Python 3.11, for which it was not written.

One f-string of it has a backslash inside its braces, which Python reads from 3.12 on. The line is
written anew with the same meaning. Doing it twice does no harm; another line is an error.
Run it with the interpreter of the environment that has the package.
"""

import importlib.metadata
import py_compile
import sys

VERSION = "2.2.1"
FILE = "focus_validator/config_objects/focus_to_duckdb_converter.py"
BEFORE = r"""+ ", ".join(f"'{k.replace('\"', '\"\"')}'" for k in ignore_keys)"""
AFTER = r"""+ ", ".join("'" + k.replace('"', '""') + "'" for k in ignore_keys)"""


def main():
    version = importlib.metadata.version("focus-validator")
    if version != VERSION:
        sys.exit(f"focus-validator is {version}, not {VERSION}")
    path = importlib.metadata.distribution("focus-validator").locate_file(FILE)
    text = path.read_text(encoding="utf-8")
    if text.count(BEFORE) == 1:
        text = text.replace(BEFORE, AFTER)
        path.write_text(text, encoding="utf-8")
    if text.count(AFTER) != 1:
        sys.exit(f"{path}: the line to be mended is not there")
    py_compile.compile(str(path), doraise=True)


if __name__ == "__main__":
    main()
