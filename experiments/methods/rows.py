"""The ledger's rows: C9, how the signal enters separates the methods; F1, F2, the best of n."""

from collections.abc import Callable
from functools import partial

from experiments.ledger import Check, Outcome, Settings, twins
from experiments.methods import measures
from experiments.methods.maps import MOST
from experiments.methods.measures import compared
from experiments.methods.studies import ANEW, GRADIENT, HELD_OUT, ONCE, REFIT, UNSEEN
from experiments.methods.tables import NUM_GENERATIONS

MORE = 3  # batches of seeds, until five standard errors decide
EARLY = 75  # updates: at one domain of training the methods are farthest apart before all is learned

Measure = Callable[[Settings], Outcome]

_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_KEPT, _CURVES, _MAP, _DIVERSITY, _BEST = (f"methods-{x}" for x in ("kept", "curves", "map", "diversity", "best-of-n"))


_twins = partial(twins, test=_ROWS)

_LAWS: tuple[Check, ...] = (
    *_twins(
        "C9-natural-keeps",
        "exact",
        "On a table, natural policy gradient never changes the law inside the right class: it keeps its diversity",
        partial(measures.keeps, "natural"),
        "… nor does plain policy gradient",
        partial(measures.keeps, "plain"),
        figure=_DIVERSITY,
    ),
    *_twins(
        "C9-natural-law",
        "exact",
        "On a table, natural policy gradient on a verdict r gives p_0 e^{tr}/Z, t = learning rate × updates",
        measures.natural_law,
        "… with half the exponent",
        partial(measures.natural_law, factor=0.5),
        figure=_DIVERSITY,
    ),
    *_twins(
        "C9-orbit",
        "exact",
        "Plain policy gradient moves on its conserved orbit: correctness and start alone decide the law",
        measures.orbit,
        "… which is that of natural gradient at equal correctness",
        measures.off_natural,
        figure=_DIVERSITY,
    ),
    *_twins(
        "C9-sharpens",
        "exact",
        "Plain policy gradient loses diversity among right outputs that are not equally likely, in every update",
        partial(measures.sharpens, True),
        "… and among the wrong ones",
        partial(measures.sharpens, False),
        figure=_DIVERSITY,
    ),
    *_twins(
        "C9-refit",
        "monte-carlo",
        "A refit to N accepted samples keeps 1 − 1/N of the heterozygosity inside the class: E[1 − 1/N | N ≥ 1]",
        partial(measures.refit, 1, lambda refits, t: refits.exact(t)),
        "… all of it, since a filter on the class tells no form from another",
        partial(measures.refit, 1, lambda refits, t: 1.0),
        figure=_DIVERSITY,
    ),
    *_twins(
        "C9-refit-again",
        "monte-carlo",
        "… and every later one, when all n samples are right, 1 − 1/n of what was left",
        partial(measures.refit, NUM_GENERATIONS, lambda refits, t: refits.exact(t)),
        "… nothing more is lost once all samples are right",
        partial(measures.refit, NUM_GENERATIONS, lambda refits, t: refits.exact(1)),
        figure=_DIVERSITY,
    ),
    *_twins(
        "C9-one-reference",
        "exact",
        "A fit to one reference has no diversity left inside the class",
        partial(measures.one_reference, False),
        "… however many references there are",
        partial(measures.one_reference, True),
        figure=_DIVERSITY,
    ),
    *_twins(
        "C9-informs",
        "exact",
        "Natural policy gradient on verdicts ends with answers that tell the whole task: I(X;[Y]) = ln K",
        partial(measures.informs, "natural"),
        "… plain policy gradient as soon",
        partial(measures.informs, "plain"),
        figure=_DIVERSITY,
    ),
)

_NETWORK: tuple[Check, ...] = (
    *_twins(
        "C9-transfer",
        "monte-carlo",
        "Verdicts transfer to unseen domains better than one reference a prompt, after as many updates: RLVR",
        partial(compared, GRADIENT, ONCE, UNSEEN),
        "… the reference transfers better",
        partial(compared, ONCE, GRADIENT, UNSEEN),
        figure=_KEPT,
    ),
    *_twins(
        "C9-transfer-refit",
        "monte-carlo",
        "… RFT as well, which imitates its own accepted samples",
        partial(compared, REFIT, ONCE, UNSEEN),
        "… the reference transfers better than RFT",
        partial(compared, ONCE, REFIT, UNSEEN),
        figure=_KEPT,
    ),
    *_twins(
        "C9-transfer-contents",
        "monte-carlo",
        "… and to held-out contents",
        partial(compared, GRADIENT, ONCE, HELD_OUT, batches=MORE),
        "… where the reference is better",
        partial(compared, ONCE, GRADIENT, HELD_OUT, batches=MORE),
        figure=_KEPT,
    ),
    *_twins(
        "C9-one-wording",
        "monte-carlo",
        "It is the one wording that transfers badly, not imitation: SFT on references worded anew beats one reference",
        partial(compared, ANEW, ONCE, UNSEEN),
        "… one reference, seen as often, is as good to imitate",
        partial(compared, ONCE, ANEW, UNSEEN),
        figure=_KEPT,
    ),
    *_twins(
        "C9-samples",
        "monte-carlo",
        "After as many outputs drawn and judged RFT is ahead of RLVR: it uses each in 25 updates",
        partial(measures.equal_samples, REFIT, GRADIENT),
        "… RLVR is ahead then",
        partial(measures.equal_samples, GRADIENT, REFIT),
        figure=_CURVES,
    ),
    *_twins(
        "C9-nats",
        "monte-carlo",
        "At as many nats told, I(Y;S|Q), the order is reversed: a reference is used in every update, a verdict once",
        partial(measures.equal_nats, ONCE, GRADIENT),
        "… verdicts are ahead then, too",
        partial(measures.equal_nats, GRADIENT, ONCE),
        figure=_CURVES,
    ),
    *_twins(
        "C9-one-domain",
        "monte-carlo",
        "With one domain of training the order is reversed after 75 updates: one reference transfers better than RLVR",
        partial(compared, ONCE, GRADIENT, UNSEEN, num_domains=1, batches=MOST, updates=EARLY),
        "… verdicts transfer better, whatever was trained on",
        partial(compared, GRADIENT, ONCE, UNSEEN, num_domains=1, batches=MOST, updates=EARLY),
        figure=_MAP,
    ),
    *_twins(
        "C9-kl",
        "monte-carlo",
        "RLVR with a KL to the start keeps nine tenths of the diversity inside the right class",
        partial(measures.diverse, "RLVR, KL"),
        "… so does a clipped ratio",
        partial(measures.diverse, "clipped"),
        figure=_KEPT,
    ),
    *_twins(
        "C9-kl-tries",
        "monte-carlo",
        "… and more often one right answer in 16, where it was not trained",
        partial(measures.tries, "RLVR, KL", GRADIENT),
        "… RLVR without it finds one as often as the KL does, or more",
        partial(measures.tries, GRADIENT, "RLVR, KL"),
        figure=_KEPT,
    ),
)

_BEST_OF_N: tuple[Check, ...] = (
    *_twins(
        "F1-kl",
        "monte-carlo",
        "The best of n is ln n − (n−1)/n away from the reference, if no two scores are equal",
        partial(measures.kl, 16),
        "… ln n away",
        partial(measures.kl, 16, log=True),
        figure=_BEST,
    ),
    *_twins(
        "F1-bound",
        "exact",
        "For any scores it is no farther away",
        partial(measures.kl_of_verdict, False),
        "… and as far if the score is a verdict",
        partial(measures.kl_of_verdict, True),
        figure=_BEST,
    ),
    *(
        row
        for n in (4, 64)
        for row in _twins(
            f"F2-goodhart-{n}",
            "monte-carlo",
            f"The best of {n} by a score with error variance v is worth E max of {n} normals / √(1+v), all normal",
            partial(measures.goodhart, n, "true"),
            "… what the score says",
            partial(measures.goodhart, n, "proxy"),
            figure=_BEST,
        )
    ),
)

CHECKS: tuple[Check, ...] = _LAWS + _NETWORK + _BEST_OF_N
