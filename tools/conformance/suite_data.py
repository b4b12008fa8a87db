"""What the suite's scripts share: its tests, what is known of them beforehand (known.txt), and their results."""

import glob
import hashlib
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def names(cache):
    """Every [Conformance] test, as the suite itself lists them, in its order."""
    with open(os.path.join(cache, "source/test/conformance/testdata/conformance.yaml")) as file:
        return parse_names(file.read())


def parse_names(text):
    """A YAML list whose entries hold `codename: 'TEXT'`, folded over lines."""
    found = []
    for quoted, plain in re.findall(r"^  codename: (?:'((?:[^']|'')*)'|(\S.*(?:\n    .*)*))", text, re.M):
        found.append(" ".join((quoted.replace("''", "'") or plain).split()))
    return found


def slug(name):
    """A file's name for a test: readable, and unlike any other's."""
    short = re.sub(r"[^A-Za-z0-9]+", "-", re.sub(r"\[[^]]*\]", "", name)).strip("-")
    return f"{short[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def results(cache):
    """By test: {"name", "result", "message", "seconds", "version"}."""
    found = {}
    for path in glob.glob(os.path.join(cache, "results/*.json")):
        with open(path) as file:
            result = json.load(file)
        found[result["name"]] = result
    return found


class Known:
    """known.txt: lines of KIND | REGEX | WORDS."""

    def __init__(self, path=os.path.join(HERE, "known.txt")):
        self.rows = []
        with open(path) as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    kind, pattern, text = (part.strip() for part in line.split(" | "))
                    self.rows.append((kind, re.compile(pattern), text))

    def find(self, kinds, text):
        for kind, pattern, words in self.rows:
            if kind in kinds and pattern.search(text):
                return kind, words
        return None

    def not_run(self, name):
        """(kind, reason) of a test that cannot run here; else None."""
        return self.find({"removed", "not run"}, name)

    def cause(self, name, message):
        """Why it failed, in a line, where somebody found out."""
        found = self.find({"cause"}, name) or self.find({"message"}, message)
        return found[1] if found else None
