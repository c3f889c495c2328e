"""What is claimed of the order in which features are learned: C10, and where that fails, L2."""

import math
from functools import partial

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.questions.shortcut.curves import Curves, measured_turn
from experiments.thesis import acceleration, exact, failures, rates, study
from experiments.thesis.acceleration import MEANS
from experiments.thesis.cases import CASES, raced
from experiments.thesis.exact import ANSWERS
from experiments.thesis.failures import AGREEMENT, BROKEN, CONTEXTS, CONTROLS, FAILURES, Probe
from experiments.thesis.rates import EVERYONE, MLPS, SAVING, TABLES, Pool

OPTIMISER, LINEAR, TENTH = (f"saving, {of}" for of in ("other optimiser", "linear learner", "a tenth of the samples"))
RIVALS = {  # and by how much the saving is right more often
    "information": 0.1,
    "correlation": 0.1,
    "always the spurious one": 0.05,
    "linear fit": 0.03,
    "order": 0.0,
    "accuracy": 0.0,
}
MOST = 2 / 3  # of the answers: fewer follow the larger saving where it says little
CELLS = "share of decided cells"


def hits(how: str, least: float, students: tuple[str, ...], lead: float, elsewhere: int, settings: Settings) -> Found:
    """The hit rate over decided cells, of those where one saving is `lead` times the other."""
    found = rates.pool(study.students(settings), students).elsewhere(elsewhere)
    correct = rates.correct(found, how, least=lead)
    setting = (
        f"what is relied on, told by {how}; {_cells(found)}; of these, where one saving is {lead:g} times the other"
    )
    return at_least(*paired(correct, least), setting, CELLS)


def as_own(how: str, students: tuple[str, ...], settings: Settings) -> Found:
    """… against that of the student's own savings."""
    found = rates.pool(study.students(settings), students)
    setting = f"what is relied on, told by {how}, predicted: by its own; {_cells(found)}"
    return at_least(*paired(rates.correct(found, how), rates.correct(found)), setting, CELLS)


def above(elsewhere: int, settings: Settings) -> Found:
    """How much more often one says what is relied on than each rival does, environment by environment."""
    found = rates.pool(study.students(settings)).elsewhere(elsewhere)
    rivals = np.stack([rates.correct(found, rival) for rival in RIVALS], axis=1)
    where = [
        f"what is relied on, told by {SAVING}; {_cells(found)}; predicted: by {rival}, in {share:.1%}, and {margin:.0%}"
        for (rival, margin), share in zip(RIVALS.items(), rivals.mean(0), strict=True)
    ]
    return at_least(*paired(rates.correct(found)[:, None], rivals + np.array(list(RIVALS.values()))), where, CELLS)


def _cells(found: Pool) -> str:
    environments, students, _ = found.reliance.shape
    return f"{environments} environments × {students} students, {found.decided.mean():.0%} of the cells are decided"


def crossover(students: tuple[str, ...], settings: Settings) -> Found:
    """By which factor a turn is off its prediction, in either direction, in the environments of TURNING."""
    learned = study.students(settings).students
    places = [(name, i) for name in students for i in range(len(study.TURNING))]
    found = [acceleration.turned(learned[name].turning.pick(i)) for name, i in places]
    logs = np.stack([one.measured - one.predicted for one in found], axis=1)
    where = [
        f"{name}, a parity of {int(study.TURNING[i].intended.order)} against a length: predicted after "
        f"{np.exp(one.predicted.mean()):.0f} samples, measured {np.exp(one.measured.mean()):.0f}; {len(logs)} runs"
        for (name, i), one in zip(places, found, strict=True)
    ]
    return at_most(*paired(np.concatenate([logs, -logs], axis=1), math.log(2)), 2 * where, "ln turn/predicted, or −")


def follows_little(probe: Probe, most: float, settings: Settings) -> Found:
    """The share of answers that are as the larger saving says, at most."""
    found = failures.probed(settings, probe)
    return at_most(*paired(found.share, most), failures.described(probe, found), ANSWERS)


def follows(probe: Probe, least: float, settings: Settings) -> Found:
    """At least."""
    found = failures.probed(settings, probe)
    return at_least(*paired(found.share, least), failures.described(probe, found), ANSWERS)


def earlier(name: str, settings: Settings) -> Found:
    """The turn, against where nothing is done."""
    found = acceleration.speedup(settings, name)
    setting = _sped(settings, name, found)
    return at_least(
        *paired(found.slow.measured, found.fast.measured), f"{setting}; ln turn, without and with", "ln samples"
    )


def agrees(name: str, within: float, settings: Settings) -> Found:
    """The speed-up against what is predicted, up to a share `within` of that in either direction."""
    found = acceleration.speedup(settings, name)
    measured, predicted = found.measured, found.predicted
    above, below = np.stack([measured, (1 + within) * predicted], 1), np.stack([(1 - within) * predicted, measured], 1)
    setting = _sped(settings, name, found)
    where = [f"{setting}; measured, predicted: {1 - within:.2f} of it", f"{setting}; {1 + within:.2f} of it, measured"]
    return at_least(*paired(above, below), where, "ln times fewer samples")


def _sped(settings: Settings, name: str, found: acceleration.Speedup) -> str:
    def when(of: str) -> str:
        curves: Curves = raced(settings, of)
        return f"{CASES[of].text}: turn after {measured_turn(curves).at:.0f} samples"

    factors = (np.exp(x.mean()) for x in (found.predicted, found.measured))
    times = ", measured ".join(f"{factor:.2f}" for factor in factors)
    return f"{when(MEANS[name])}; {when(name)}; {len(found.measured)} seeds; predicted {times} times fewer samples"


HITS, TURNS, MAP, FASTER = "thesis-hits", "thesis-race", "thesis-failures", "thesis-acceleration"
LIMITS = "tests/experiments/test_thesis_limits.py::"
FLOWS = "tests/experiments/test_thesis.py::test_the_flow_turns_where_a_matrix_exponential_does"

CLAIMS = (
    *claim(
        "C10-scale",
        "Information does not decide: a gradient flow answers by .13 nats first, not by .49 written ten times smaller",
        exact.scaled,
        test=FLOWS,
    ),
    *claim(
        "C10-flow-turn",
        "The savings of two features alone say when a gradient flow turns from one to the other, within a factor of 2",
        exact.flow_turn,
        test=FLOWS,
    ),
    *claim(
        "C10-tables",
        "Bayesian tables of many contexts and much information save less at first than those of few and little",
        partial(exact.tables, CONTEXTS),
        control=("… also where both have two contexts", partial(exact.tables, 2)),
    ),
    *claim(
        "C10-hits",
        "A student relies on the component whose learner alone has saved more, in nine decided cells of ten",
        partial(hits, SAVING, 0.9, EVERYONE, 0, 0),
        control=("… on that which has saved more in another environment", partial(hits, SAVING, 0.9, EVERYONE, 0, 1)),
        figure=HITS,
    ),
    *claim(
        "C10-leads",
        "Where one component has saved twice as much, it is relied on in nine decided cells of ten",
        partial(hits, SAVING, 0.9, EVERYONE, 2, 0),
        control=(
            "… where one has saved twice as much in another environment, that one is",
            partial(hits, SAVING, 0.9, EVERYONE, 2, 1),
        ),
        figure=HITS,
    ),
    *claim(
        "C10-above",
        "The saving says what is relied on more often than information or correlation, by .1, than always the spurious "
        "one, by .05, than a linear fit, by .03, than simplicity, and than the accuracy of the solo learners",
        partial(above, 0),
        control=("… so does the saving in another environment", partial(above, 1)),
        figure=HITS,
    ),
    *claim(
        "C10-optimiser",
        "Savings under the other optimiser, too, say what an MLP relies on, in four decided cells of five",
        partial(hits, OPTIMISER, 0.8, MLPS, 0, 0),
        figure=HITS,
    ),
    *claim(
        "C10-tenth",
        "Savings on a tenth of the samples say what a student relies on in three decided cells of five",
        partial(hits, TENTH, 0.6, EVERYONE, 0, 0),
        figure=HITS,
    ),
    *claim(
        "C10-linear",
        "Savings of a linear learner say what an MLP relies on, in three decided cells of four",
        partial(hits, LINEAR, 0.75, MLPS, 0, 0),
        control=("… and what a table does, as often as its own savings", partial(as_own, LINEAR, TABLES)),
        figure=HITS,
    ),
    *claim(
        "C10-turn",
        "The savings say when an MLP turns to the intended component, up to a factor of 2",
        partial(crossover, MLPS),
        control=("… and when a table does in the same environments", partial(crossover, TABLES)),
        figure=TURNS,
    ),
    *claim(
        "L2-tie",
        "Between two equal components, both learned, the savings say little: under ⅔ of the answers follow the larger",
        partial(follows_little, FAILURES["tie"], MOST),
        control=(
            "… also between unequal ones, right in .9 and .75 of the labels",
            partial(follows_little, CONTROLS["tie"], MOST),
        ),
        figure=MAP,
    ),
    *claim(
        "L2-tie-broken",
        "Which of two equal components a network learns first, its own run's savings tell in most of the answers",
        partial(follows, BROKEN, 0.5),
        tie=("… so do those of other runs", partial(follows, BROKEN._replace(others=True), 0.5)),
        figure=MAP,
    ),
    *claim(
        "L2-scale-flow",
        "In a gradient flow a small feature has saved more before the student turns to it: the margin decides",
        exact.scaled_flow,
        figure=MAP,
        test=LIMITS + "test_scale",
    ),
    *claim(
        "L2-decay-flow",
        "Under weight decay a small feature may save more for ever, with the same decay, and never win",
        partial(exact.decayed_flow, 0.02),
        control=("… also under a tenth of that decay", partial(exact.decayed_flow, 0.002)),
        figure=MAP,
        test=LIMITS + "test_decay",
    ),
    *claim(
        "L2-decay",
        "Under strong weight decay, in solo learners too, a small feature saves more; an MLP goes by the other one",
        partial(follows_little, FAILURES["decay"], 0.5),
        control=("… also without weight decay", partial(follows_little, CONTROLS["decay"], 0.5)),
        figure=MAP,
    ),
    *claim(
        "L2-rate-edge",
        "At a rate that each component alone can bear, but not both, every second answer is against the savings",
        partial(exact.edge, 1.9),
        control=("… also at half that rate", partial(exact.edge, 0.95)),
        figure=MAP,
        test=LIMITS + "test_edge_of_stability",
    ),
    *claim(
        "L2-rate",
        "At rate 100 log-loss learners lose nats instead of saving, and an answer in five or more is against the rule",
        partial(follows_little, FAILURES["rate"], 0.8),
        control=("… also at rate .1", partial(follows_little, CONTROLS["rate"], 0.8)),
        figure=MAP,
    ),
    *claim(
        "L2-repeats",
        "A student that sees few samples again and again goes against the savings on fresh ones",
        partial(follows_little, FAILURES["repeats"], 0.5),
        control=("… so does one that sees fresh samples", partial(follows_little, CONTROLS["repeats"], 0.5)),
        figure=MAP,
    ),
    *claim(
        "L2-lag",
        "Savings lag: a student goes by the intended component, once it is worth more, before the savings cross",
        partial(follows_little, FAILURES["lag"], 0.5),
        control=("… also after half as many samples", partial(follows_little, CONTROLS["lag"], 0.5)),
        figure=MAP,
    ),
    *claim(
        "L2-joint-table",
        "A table of all pairs of contexts shares nothing, and answers a conflict against the larger saving",
        partial(exact.joint_table, AGREEMENT),
        control=(
            "… also where the spurious component agrees more often than the intended one",
            partial(exact.joint_table, 0.95),
        ),
        figure=MAP,
        test=LIMITS + "test_joint_table",
    ),
    *claim(
        "C10-acceleration-scale",
        "In a gradient flow twice the scale of the intended feature turns the student 4 times as early, to O(scale²)",
        exact.faster_flow,
        figure=FASTER,
        test=LIMITS + "test_scale",
    ),
    *claim(
        "C10-acceleration-curriculum",
        "A curriculum of clear cases of the same task first turns the student earlier",
        partial(earlier, "curriculum"),
        control=("… so does one of another task, one bit before the parity of three", partial(earlier, "detour")),
        figure=FASTER,
    ),
    *claim(
        "C10-acceleration-features",
        "Clearer features, a wider margin, turn the student earlier by what the savings say, ln right to a half",
        partial(agrees, "features", 1 / 2),
        figure=FASTER,
    ),
    *claim(
        "C10-acceleration-verdicts",
        "Cleaner verdicts, less label noise, turn the student earlier by what the savings say, ln right to two thirds",
        partial(agrees, "verdicts", 2 / 3),
        figure=FASTER,
    ),
)
STATEMENTS = (
    Statement.of(
        "C10",
        title="A student relies on what, learned alone, has saved more",
        formula=r"\mathrm{saving}_c(n) = \sum_{i=1}^{n} \bigl[ H(Y) + \ln q_{c,i}(y_i) \bigr]",
        words="""The saving of a component c is the entropy of the label less the online log loss of a learner that sees
            c alone, summed over n samples. A student of all components relies on the one that has saved most by then: a
            theorem for a Bayesian mixture, whose posterior is ∝ prior × e^saving, and a rule with a hit rate for
            networks.""",
        conditions="""It is not a theorem for networks, and does not follow from C7. Information and correlation say
            what comes first hardly more often than a coin; simplicity does in four cases of five, and the accuracy of
            the same solo learners nearly as often as their savings. A table turns later than its savings say, by
            factors of 2 to 5.""",
        practice="""Train a learner of your student's kind on each component alone, on as many samples, and add up what
            it saves. To have the intended one learned sooner, make it the cheaper one: clearer features, cleaner
            labels, clear cases first.""",
        source=f"""{PAPER}; Dawid (1984), Present position and potential developments: statistical theory: the
            prequential approach; Shah et al. (2020), The pitfalls of simplicity bias in neural networks,
            arXiv:2006.07710""",
        test="tests/theory/test_claims.py::test_learned_first",
    ),
    Statement.of(
        "L2",
        title="Where the rule of C10 fails",
        formula=r"\mathrm{saving}_1(n) > \mathrm{saving}_2(n) \;\not\Rightarrow\; \text{answers as component 1 says}",
        words="""Ties once both are learned; a component that is written small, or that weight decay shrinks; a learning
            rate at the edge; savings on fresh samples where the student sees few again and again; the time just before
            a turn; a table of all pairs of contexts. Most stand beside a control where the rule holds, if only just for
            the table of pairs.""",
        conditions="""The paper admits that the thesis does not follow from its decomposition; it has no map of where it
            breaks. This one is not complete either: it holds the breaks that we could make.""",
        practice="""Distrust savings when a component is small in scale, when they are nearly equal, and when they were
            measured on other samples, by another optimiser or with another decay than the student's.""",
        source="""Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep
            linear neural networks, arXiv:1312.6120, for the flows""",
    ),
)
