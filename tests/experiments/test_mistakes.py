"""What cannot be done is refused in one line on stderr, with exit status 2."""

import re
import shlex

import pytest

LOOP = "--tpr .9 --fpr .2 --initial .3"
START = "--initial .3 --goal .9"
NOT_OURS = ("not a directory",)  # the system says it


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("verfy", "COMMAND: 'verfy' was given; accepted: verify, list, run, check, plan, "),
        ("--profile full", "COMMAND: '--profile' was given; accepted: verify"),
        ("verify --profile ful", "--profile: 'ful' was given; accepted: quick, full; did you mean full?"),
        ("verify --profle full", "OPTION: '--profle' was given; accepted: --profile, --claim"),
        ("verify --profile --seed 1", "--profile: no value was given; accepted: quick, full"),
        ("verify --seed one", "--seed: 'one' was given; accepted: a whole number"),
        ("verify --resume=3", "--resume: '3' was given; accepted: no value"),
        ("verify all", "ARGUMENT: 'all' was given; accepted: options"),
        ("run", "NAME: nothing was given; accepted: a value"),
        ("run fake other", "ARGUMENT: 'other' was given; accepted: NAME, then options"),
        ("check 'X -> D' --before X", "--after: nothing was given; accepted: a value"),
        ("verify --row C3-x", "--row: 'C3-x' was given; accepted: C2-fake, C2-fake-control, C1-fake"),
        ("verify --row C1-fake --row c2-fak", "C1-fake; did you mean C2-fake or C1-fake?"),
        ("verify --claim c2", "--claim: 'c2' was given; accepted: C2, C1; did you mean C2?"),
        ("verify --seed -1", "seed: -1 was given; accepted"),
        ("verify --seeds 0", "--seeds: 0 was given; accepted"),
        ("verify --seeds 2 --seed 1", "--seeds: 2 beside --seed was given; accepted"),
        (f"verify --out {__file__}/out", "not a directory"),
        (f"run fake --out {__file__}/out", "not a directory"),
        (f"bench --out {__file__}/out", "not a directory"),
        ("run fakedata", "NAME: 'fakedata' was given; accepted: fake, fake-data; did you mean fake-data?"),
        ("run fake --data x.csv", "--data: x.csv was given; accepted: none with fake"),
        ("check 'X -> D -> X' --before D --after D", "graph: the cycle X -> D -> X was given"),
        ("check 'X -> D' --before D --after Q", "after: Q was given; accepted: nodes of the graph: X, D"),
        ("check 'X -> D' --before D --after D", "after: D was given; accepted: nodes other than X, D"),
        ("check 'X -> D' --before '' --after D --figure x.jpg", "--figure: x.jpg was given; accepted: FILE.png"),
        (f"plan --tpr 1.2 --fpr .2 {START}", "--tpr: 1.2 was given; accepted"),
        (f"plan --tpr .9 --fpr nan {START}", "--fpr: nan was given; accepted"),
        (f"plan {LOOP} --goal 1", "--goal: 1.0 was given; accepted"),
        ("plan --tpr .9 --fpr .2 --initial 0 --goal .9", "--initial: 0.0 was given; accepted"),
        (f"plan {LOOP} --goal .9 --data x.csv", "--data: a file beside --tpr or --fpr was given"),
        (f"plan --data no.csv {START}", "no.csv: "),
        (f"plan {LOOP} --goal .9 --truth correct", "--truth: a part of a file was given; accepted: --data FILE"),
        (
            f"plan {LOOP} --goal .9 --errors often",
            "--errors: 'often' was given; accepted: independent, persistent or a",
        ),
        (f"plan {LOOP} --goal .9 --errors 2", "--errors: '2' was given; accepted: independent, persistent or a share"),
        (f"plan {LOOP} --goal .9 --spread 1", "--spread: 1.0 was given; accepted: a correlation in [0, 0.98]"),
        (f"plan {START}", "--tpr: nothing was given; accepted: --tpr and --fpr, or --data"),
        ("plan --tpr .9 --fpr .2 --goal .9", "--initial: nothing was given"),
        (f"plan {LOOP}", "--goal: nothing was given"),
        ("plan --tpr .9 --initial .3 --verdicts 9", "--fpr: nothing was given"),
        (f"plan --tpr .9 {START}", "--fpr: nothing was given"),
        (f"plan --tpr .9 {START} --protocol filtering --verdicts 9", "--round-size too"),
        ("plan --tpr .9 --initial .3 --goal .99 --verdicts 2", "--verdicts: 2 was given; accepted: "),
        (f"plan --tpr 0 --fpr 0 {START}", "a verifier that accepts something"),
        (f"plan {LOOP} --verdicts 0", "--verdicts: 0 was given"),
        (f"plan {LOOP} --verdicts 1", "enough to end a loop, 3 or more"),
        (
            f"plan {LOOP} --verdicts 10.5",
            "--verdicts: '10.5' was given; accepted: a whole number such as 1000, 1,000 or 1e3",
        ),
        (f"plan {LOOP} --verdicts 1,5", "--verdicts: '1,5' was given; accepted: a whole number"),
        (f"plan {LOOP} --verdicts inf", "--verdicts: 'inf' was given; accepted: a whole number"),
        (
            "plan --tpr .9 --fpr .2 --initial 'a third'",
            "--initial: 'a third' was given; accepted: a number such as 0.3 or 30%",
        ),
        ("plan --tpr .9 --fpr .2 --initial 130%", "--initial: 1.3 was given; accepted"),
        (f"plan {LOOP} --goal .9 --candidates 1", "--candidates: 1 was given"),
        ("shortcut --agreement .3", "--agreement: 0.3 was given; accepted: a share from 0.5 to 1"),
        ("shortcut --agreement .9 --label-noise .5", "--label-noise: 0.5 was given"),
        ("shortcut --agreement .9 --intended colour", "--intended: 'colour' was given; accepted: bit, parity"),
        ("shortcut --agreement .9 --spurious lenght", "position; did you mean length?"),
        ("shortcut --agreement .9 --order 11", "--order: 11 was given; accepted: with parity 1 to 10"),
        (
            "shortcut --agreement .9 --spurious source --spurious-order 6",
            "--spurious-order: 6 was given; accepted: with source 1 to 5",
        ),
        ("shortcut --agreement .9 --samples 100", "--samples: 100 was given; accepted: 2048 or more"),
        ("shortcut --agreement .9 --seeds 1", "--seeds: 1 was given; accepted: 2 or more"),
        ("shortcut --agreement .9 --learning-rate 0", "--learning-rate: 0.0 was given; accepted: a number above 0"),
        ("shortcut --agreement .9 --intended bit --order 2", "--order: 2 was given; accepted: with bit 1"),
        ("shortcut --agreement .9 --margin .5", "--margin: 0.5 was given; accepted: with parity none"),
        ("shortcut --agreement .9 --order 7 --student table", "parity of 7 was given; accepted: 6 columns"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(fake, refused, command, message):
    said = refused(*shlex.split(command))
    assert message in said
    assert re.fullmatch(r"infoloop: .+: .+ was given; accepted: .+", said) or message in NOT_OURS, said
