"""What `infoloop plan` prints, and the numbers in it."""

import re

from experiments import cli

RATES = ["--tpr", ".9", "--fpr", ".2"]
LOOP = [*RATES, "--initial", ".3"]


def screen(capsys, *arguments):
    """What `infoloop plan` prints, on one line without the breaks."""
    assert cli.main(["plan", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 34 and max(map(len, lines)) <= 100
    return " ".join(" ".join(lines).split())


def found(pattern, text):
    """The numbers that the pattern catches."""
    match = re.search(pattern, text)
    assert match, text
    return [float(group.replace(",", "")) for group in match.groups()]


def table(kind, text):
    """Accuracy, verdicts and rounds of a row without intervals."""
    return found(rf"{kind} (?:over )?([\d.]+) % ([\d,.]+) ([\d,.]+)", text)
