"""What cannot be done is refused in one line on stderr, with exit status 2."""

import shlex
from collections.abc import Callable
from types import ModuleType

import pytest

LOOP = "--tpr .9 --fpr .2 --initial .3"
START = "--initial .3 --goal .9"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("verfy", "COMMAND is 'verfy'; did you mean verify? accepted: verify, list, run, check, plan, shortcut, bench"),
        ("verify --row C3-x", "--row is 'C3-x'; accepted: C2-fake, C2-fake-control, C1-fake"),
        (
            "verify --row C1-fake --row c2-fak",
            "--row is 'c2-fak'; did you mean C2-fake or C1-fake? accepted: C2-fake, ",
        ),
        ("verify --claim R9", "--claim is 'R9'; accepted: C2, C1"),
        ("verify --claim c2", "--claim is 'c2'; did you mean C2? accepted: C2, C1"),
        ("verify --seed -1", "seed: -1 was given; accepted"),
        ("verify --seeds 0", "--seeds: 0 was given; accepted"),
        ("verify --seeds 2 --seed 1", "--seeds: 2 was given beside --seed; accepted"),
        (f"verify --out {__file__}/out", "not a directory"),
        (f"run fake --out {__file__}/out", "not a directory"),
        (f"bench --out {__file__}/out", "not a directory"),
        ("run fakedata", "NAME is 'fakedata'; did you mean fake-data? accepted: fake, fake-data"),
        ("run nothing", "NAME is 'nothing'; accepted: fake, fake-data"),
        ("run fake --data x.csv", "--data is given, but fake takes none"),
        ("run fake-data --data no/such.csv", "--data is no/such.csv, which is not a file"),
        ("check 'X -> D -> X' --before D --after D", "graph: the cycle X -> D -> X was given"),
        ("check 'X -> D' --before D --after Q", "after: Q was given; accepted: nodes of the graph: X, D"),
        ("check 'X -> D' --before D --after D", "after: D was given; accepted: nodes other than X, D"),
        ("check 'X -> D' --before '' --after D --figure x.jpg", "--figure is x.jpg; accepted: FILE.png"),
        (f"plan --tpr 1.2 --fpr .2 {START}", "--tpr is 1.2; accepted"),
        (f"plan --tpr .9 --fpr nan {START}", "--fpr is nan; accepted"),
        (f"plan {LOOP} --goal 1", "--goal is 1.0; accepted"),
        ("plan --tpr .9 --fpr .2 --initial 0 --goal .9", "--initial is 0.0; accepted"),
        (f"plan {LOOP} --goal .9 --verdicts-file x.csv", "--verdicts-file is given beside"),
        (f"plan --verdicts-file no.csv {START}", "no.csv: no such file"),
        (f"plan {START}", "the verifier is missing"),
        (f"plan {LOOP}", "too few options"),
        (f"plan --tpr .9 {START}", "too few options to solve for --fpr"),
        ("plan --tpr .9 --initial .3 --verdicts 9", "--fpr is missing"),
        ("plan --tpr .9 --initial .3 --goal .99 --verdicts 2", "no verifier is good enough"),
        (f"plan --tpr 0 --fpr 0 {START}", "keeps something"),
        (f"plan {LOOP} --verdicts 1", "enough to end a loop, 3 or more"),
        (f"plan {LOOP} --verdicts 0", "--verdicts is 0"),
        (f"plan {LOOP} --verdicts 10.5", "--verdicts is '10.5'; accepted: a whole number such as 1000 or 1e3"),
        (f"plan {LOOP} --verdicts inf", "--verdicts is 'inf'; accepted: a whole number"),
        (f"plan {LOOP} --round-size many", "--round-size is 'many'; accepted: a whole number"),
        ("plan --tpr .9 --fpr .2 --initial 'a third'", "--initial is 'a third'; accepted: a number such as 0.3 or 30%"),
        ("plan --tpr .9 --fpr .2 --initial 130%", "--initial is 1.3; accepted"),
        (f"plan {LOOP} --goal .9 --blocks 1", "--blocks is 1"),
        ("shortcut --agreement .3", "--agreement: 0.3 was given; accepted: a share from 0.5 to 1"),
        ("shortcut --agreement much", "--agreement is 'much'; accepted: a number such as 0.3 or 30%"),
        ("shortcut --agreement .9 --label-noise .5", "--label-noise: 0.5 was given; accepted"),
        ("shortcut --agreement .9 --intended colour", "--intended is 'colour'; accepted: bit, parity"),
        (
            "shortcut --agreement .9 --spurious lenght",
            "--spurious is 'lenght'; did you mean length? accepted: bit, parity",
        ),
        ("shortcut --agreement .9 --order three", "--order is 'three'; accepted: a whole number such as 1000 or 1e3"),
        (
            "shortcut --agreement .9 --spurious-margin high",
            "--spurious-margin is 'high'; accepted: a number such as 0.3 or 30%",
        ),
        ("shortcut --agreement .9 --order 11", "--intended parity: "),
        ("shortcut --agreement .9 --spurious source --spurious-order 6", "--spurious source: "),
        ("shortcut --agreement .9 --samples 100", "--samples: 100 was given; accepted: 2048 or more"),
        ("shortcut --agreement .9 --samples few", "--samples is 'few'"),
        ("shortcut --agreement .9 --seeds 1", "--seeds: 1 was given; accepted: 2 or more"),
        ("shortcut --agreement .9 --learning-rate 0", "--learning-rate: 0.0 was given; accepted: a number above 0"),
        (
            "shortcut --agreement .9 --intended bit --order 2",
            "--intended bit: order: 2 was given; accepted: with bit 1",
        ),
        (
            "shortcut --agreement .9 --spurious-order 3",
            "--spurious length: order: 3 was given; accepted: with length 1",
        ),
        ("shortcut --agreement .9 --margin .5", "--intended parity: margin: 0.5 was given; accepted: with parity none"),
        (
            "shortcut --agreement .9 --order 7 --student table",
            "--intended: parity of 7 was given; accepted: 6 columns or fewer",
        ),
        ("shortcut --agreement .9 --scale -1", "--intended parity: scale"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(
    fake: ModuleType, refused: Callable[..., str], command: str, message: str
) -> None:
    assert message in refused(*shlex.split(command))
