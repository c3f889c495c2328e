"""Claims on the order in which features are learned: C10, and where its rule fails, L2."""

from functools import partial

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.questions.shortcut import Curves, measured_crossover
from experiments.thesis import acceleration, exact, failures, predicted
from experiments.thesis.acceleration import BASELINES
from experiments.thesis.cases import SCENARIOS, learned
from experiments.thesis.exact import ANSWERS
from experiments.thesis.failures import AGREEMENT, BROKEN, CONTEXTS, CONTROLS, FAILURES, RuleTest
from experiments.thesis.rates import EVERYONE, MLPS, TABLES
from experiments.thesis.study import CURRENT, HALF, LINEAR_SAVED, OPTIMISER, SAVED, TENTH

MOST = 2 / 3  # of the answers: fewer follow the rule where it predicts little


def follows_little(test: RuleTest, most: float, settings: Settings) -> Found:
    """The share of answers that follow the larger code length saved, at most."""
    found = failures.tested(settings, test)
    return at_most(*paired(found.share, most), failures.described(test, found), ANSWERS)


def follows(test: RuleTest, least: float, settings: Settings) -> Found:
    """… at least."""
    found = failures.tested(settings, test)
    return at_least(*paired(found.share, least), failures.described(test, found), ANSWERS)


def earlier(name: str, settings: Settings) -> Found:
    """The crossover, against that of the baseline."""
    found = acceleration.speedup(settings, name)
    setting = _sped(settings, name, found)
    return at_least(
        *paired(found.slow.measured, found.fast.measured), f"{setting}; ln crossover, without and with", "ln samples"
    )


def agrees(name: str, within: float, settings: Settings) -> Found:
    """The speed-up against the predicted one, up to a share `within` of it in either direction."""
    found = acceleration.speedup(settings, name)
    measured, predicted = found.measured, found.predicted
    above, below = np.stack([measured, (1 + within) * predicted], 1), np.stack([(1 - within) * predicted, measured], 1)
    setting = _sped(settings, name, found)
    where = [f"{setting}; measured, predicted: {1 - within:.2f} of it", f"{setting}; {1 + within:.2f} of it, measured"]
    return at_least(*paired(above, below), where, "ln times fewer samples")


def _sped(settings: Settings, name: str, found: acceleration.Speedup) -> str:
    def when(of: str) -> str:
        curves: Curves = learned(settings, of)
        return f"{SCENARIOS[of].text}: it switches after {measured_crossover(curves).at:.0f} samples"

    factors = (np.exp(x.mean()) for x in (found.predicted, found.measured))
    times = ", measured ".join(f"{factor:.2f}" for factor in factors)
    return f"{when(BASELINES[name])}; {when(name)}; {len(found.measured)} seeds; predicted {times} times fewer samples"


HITS, CURVES, MAP, FASTER = "thesis-hits", "thesis-race", "thesis-failures", "thesis-acceleration"
LIMITS = "tests/experiments/test_thesis_limits.py::"
FLOWS = "tests/experiments/test_thesis.py::test_the_flow_switches_where_a_matrix_exponential_does"

CLAIMS = (
    *claim(
        "C10-scale",
        "Information does not decide: a gradient flow relies on a sign of .13 nats before one of .49 scaled to .1",
        exact.scaled,
        test=FLOWS,
    ),
    *claim(
        "C10-flow-turn",
        "In a gradient flow three in four of the switches from a sign of mean ≥ .5 are predicted within a factor of 2",
        partial(exact.flow_switches, exact.STRONG),
        control=("… and of those from a sign of mean ≤ .3", partial(exact.flow_switches, exact.WEAK)),
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
        "Where a student clearly relies on one of two features, that saves more code length alone, in 5 cells of 6",
        partial(predicted.hits, SAVED, 5 / 6, EVERYONE, 0, 0),
        control=(
            "… that saves more code length in another environment",
            partial(predicted.hits, SAVED, 5 / 6, EVERYONE, 0, 1),
        ),
        figure=HITS,
    ),
    *claim(
        "C10-leads",
        "Where one feature has saved twice the code length of the other, nine decided cells of ten rely on it",
        partial(predicted.hits, SAVED, 0.9, EVERYONE, 2, 0),
        control=(
            "… where one has saved twice as much in another environment, that one is",
            partial(predicted.hits, SAVED, 0.9, EVERYONE, 2, 1),
        ),
        figure=HITS,
    ),
    *claim(
        "C10-above",
        "It predicts four kinds of students more often than information or correlation (by .1), than always spurious "
        "(by .05), and than a linear fit, simplicity and the accuracy of the same learners",
        partial(predicted.above, 0),
        control=("… so does the code length saved in another environment", partial(predicted.above, 1)),
        figure=HITS,
    ),
    *claim(
        "C10-optimiser",
        "Code lengths under the other optimiser predict the feature an MLP relies on, in four decided cells of five",
        partial(predicted.hits, OPTIMISER, 0.8, MLPS, 0, 0),
        figure=HITS,
    ),
    *claim(
        "C10-half",
        "The code length saved in the last half of the samples predicts as well: that of all is ahead by .05 at most",
        partial(predicted.tied, HALF, 0.05),
        control=(
            "… as does that of the first tenth of them",
            partial(predicted.tied, TENTH, 0.05),
        ),
        figure=HITS,
    ),
    *claim(
        "C10-current",
        "The current log loss of the same learners predicts nearly as well: code length is ahead by .08 at most",
        partial(predicted.tied, CURRENT, 0.08),
        control=("… as does the information, known before any training", partial(predicted.tied, "information", 0.08)),
        figure=HITS,
    ),
    *claim(
        "C10-first",
        "The feature relied on first is that whose single-feature learner first saves 3 nats, in seven of ten students",
        partial(predicted.first, 0),
        control=("… whose learner in another environment first does", partial(predicted.first, 1)),
        figure=HITS,
    ),
    *claim(
        "C10-linear",
        "Code lengths saved by a linear learner predict the feature an MLP relies on, in three decided cells of four",
        partial(predicted.hits, LINEAR_SAVED, 0.75, MLPS, 0, 0),
        control=(
            "… and predict what a table relies on as often as code lengths of tables do",
            partial(predicted.as_own, LINEAR_SAVED, TABLES),
        ),
        figure=HITS,
    ),
    *claim(
        "C10-turn",
        "Of MLPs' switches from length to a parity of 2 or 3, observed or predicted, four in five are both, within 2×",
        partial(predicted.designed, MLPS),
        control=("… and of a table's in the same environments", partial(predicted.designed, TABLES)),
        figure=CURVES,
    ),
    *claim(
        "L2-tie",
        "Between two equal features, both learned, code lengths predict little: under ⅔ of the answers follow the rule",
        partial(follows_little, FAILURES["tie"], MOST),
        control=(
            "… also between unequal ones, of agreements .9 and .75 with the label",
            partial(follows_little, CONTROLS["tie"], MOST),
        ),
        figure=MAP,
    ),
    *claim(
        "L2-tie-broken",
        "The code lengths saved in a run predict in most answers which of two equal features that run learns first",
        partial(follows, BROKEN, 0.5),
        tie=("… so do those of other runs", partial(follows, BROKEN._replace(others=True), 0.5)),
        figure=MAP,
    ),
    *claim(
        "L2-scale-flow",
        "In a gradient flow a small feature has saved more code length before the student switches to it",
        exact.scaled_flow,
        figure=MAP,
        test=LIMITS + "test_scale",
    ),
    *claim(
        "L2-decay-flow",
        "Under weight decay a student may never rely on a small feature, whatever its code length saved",
        partial(exact.decayed_flow, 0.02),
        control=("… also under a tenth of that decay", partial(exact.decayed_flow, 0.002)),
        figure=MAP,
        test=LIMITS + "test_decay",
    ),
    *claim(
        "L2-decay",
        "Under strong weight decay the student relies on the other feature, though a small one saves more code length",
        partial(follows_little, FAILURES["decay"], 0.5),
        control=("… also without weight decay", partial(follows_little, CONTROLS["decay"], 0.5)),
        figure=MAP,
    ),
    *claim(
        "L2-rate-edge",
        "At a rate that is stable for each feature alone, but not for both, every second answer is against the rule",
        partial(exact.edge, 1.9),
        control=("… also at half that rate", partial(exact.edge, 0.95)),
        figure=MAP,
        test=LIMITS + "test_edge_of_stability",
    ),
    *claim(
        "L2-rate",
        "At rate 100 log-loss learners lose code length, and an answer in five or more is against the rule",
        partial(follows_little, FAILURES["rate"], 0.8),
        control=("… also at rate .1", partial(follows_little, CONTROLS["rate"], 0.8)),
        figure=MAP,
    ),
    *claim(
        "L2-repeats",
        "A student that repeats few samples relies against the code lengths saved on fresh ones",
        partial(follows_little, FAILURES["repeats"], 0.5),
        control=("… so does one that sees fresh samples", partial(follows_little, CONTROLS["repeats"], 0.5)),
        figure=MAP,
    ),
    *claim(
        "L2-lag",
        "Code lengths lag: a student switches to the intended feature, once it predicts better, before they cross",
        partial(follows_little, FAILURES["lag"], 0.5),
        control=("… also after half as many samples", partial(follows_little, CONTROLS["lag"], 0.5)),
        figure=MAP,
    ),
    *claim(
        "L2-turn",
        "In random environments a third or more of MLPs' clear switches are only predicted, only observed, or 2× off",
        partial(predicted.missed, True),
        control=("… also of those from a length to a parity of 2 or 3", partial(predicted.missed, False)),
        figure=CURVES,
    ),
    *claim(
        "L2-joint-table",
        "A table of all pairs of contexts shares nothing, and answers a counterfactual input against the rule",
        partial(exact.joint_table, AGREEMENT),
        control=(
            "… also where the spurious feature agrees with the label more often than the intended one",
            partial(exact.joint_table, 0.95),
        ),
        figure=MAP,
        test=LIMITS + "test_joint_table",
    ),
    *claim(
        "C10-acceleration-scale",
        "In a gradient flow twice the scale of the intended feature makes the switch 4 times as early, to O(scale²)",
        exact.faster_flow,
        figure=FASTER,
        test=LIMITS + "test_scale",
    ),
    *claim(
        "C10-acceleration-curriculum",
        "A curriculum that starts with clear cases of the same task makes the student switch earlier",
        partial(earlier, "curriculum"),
        control=("… so does one of another task, one bit before the parity of three", partial(earlier, "detour")),
        figure=FASTER,
    ),
    *claim(
        "C10-acceleration-features",
        "A clearer feature, with a wider margin, makes the switch earlier, by half or more of the predicted ln factor",
        partial(agrees, "features", 1 / 2),
        figure=FASTER,
    ),
    *claim(
        "C10-acceleration-verdicts",
        "Cleaner labels make the switch earlier, by a third or more of the predicted ln factor",
        partial(agrees, "verdicts", 2 / 3),
        figure=FASTER,
    ),
)
STATEMENTS = (
    Statement.of(
        "C10",
        title="A student relies on the feature that saves more code length: correct in .91 to .94 of decided cells",
        formula=r"\mathrm{saved}_c(n) = \sum_{i=1}^{n} \bigl[ H(Y) + \ln q_{c,i}(y_i) \bigr]",
        words="""The code length saved by a feature c is the entropy of the label less the online log loss of a
            single-feature learner, summed over n samples (prequential, MDL). In 256 random environments with four
            students, each after 12 numbers of samples, a student that clearly relies on one of two features relies on
            the one whose code length saved is larger by then in .91 to .94 of the cells (five seeds). It is a theorem
            for a Bayesian mixture alone, whose posterior is ∝ prior × e^saved. The feature relied on first is that
            which first saves 3 nats alone in .83 to .87 of the students.""",
        conditions="""It does not follow from C7. That the sum over all samples matters is not shown: the code length of
            the last half predicts as often (.90 to .94), the current log loss of the same learners nearly so (.88 to
            .91). For MLPs alone the simpler feature is nearly as good a guess (.88 to .91 against .91 to .94). That
            information and correlation predict hardly more often than a coin is a fact of the ranges drawn, in which
            the difficulty of a feature has nothing to do with its information. Switches of MLPs from a length to a
            parity of 2 or 3 are predicted within a factor of 2; in random environments seven or eight clear ones in
            ten are not.""",
        practice="""Train a learner of your student's kind on each feature alone, on as many samples, and compare the
            code length saved, or their log loss now. To have the intended feature learned sooner, make it the cheaper
            one: a clearer feature, cleaner labels, a curriculum.""",
        source=f"""{PAPER}; Dawid (1984), Present position and potential developments: statistical theory: the
            prequential approach; Shah et al. (2020), The pitfalls of simplicity bias in neural networks,
            arXiv:2006.07710""",
        test="tests/theory/test_claims.py::test_learned_first",
        decided_by="C10-hits",
        fails_where="Where the code lengths are those of another environment: correct in .53 to .58 of the cells.",
    ),
    Statement.of(
        "L2",
        title="The rule of C10 fails under weight decay, at small scale, on repeated samples, at ties and switches",
        formula=r"\mathrm{saved}_1(n) > \mathrm{saved}_2(n) \;\not\Rightarrow\; \text{relies on feature 1}",
        words="""Ties once both features are learned; a feature of small scale, or one that weight decay shrinks; a
            learning rate at the edge of stability; code lengths on fresh samples where the student repeats few; the
            time just before a switch, and the time of most switches in random environments; a table of all pairs of
            contexts. Most stand beside a control where the rule holds, if only just for the table of pairs.""",
        conditions="""The paper calls C10 a guiding thesis; it does not follow from C7. This map of where it breaks is
            not complete: it holds the breaks that we could construct.""",
        practice="""Distrust the code lengths when a feature is small in scale, when they are nearly equal, and when
            they were measured on other samples, or with another weight decay than the student's.""",
        source="""Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep
            linear neural networks, arXiv:1312.6120, for the flows""",
        decided_by="L2-decay-flow",
        fails_where="Where decay is a tenth of that: the flow ends with the feature that saves more code length.",
    ),
)
