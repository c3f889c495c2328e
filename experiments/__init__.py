"""The evidence: each experiment compares loops of the sandbox with predictions of the theory.

An experiment is one module, or a folder of three, `study.py` (what is computed), `claims.py` (what is claimed) and
`figures.py` (what is drawn), and one line in `EXPERIMENTS`; its title is the first line of its docstring. It gives

- `CLAIMS`, its rows: `(*claim(...), *claim(...))` of `harness.claim`;
- `STATEMENTS`, the claims in words, beside their rows: `(Statement(...), ...)` of `harness.statements`;
- `FIGURES`, file stem to maker: a function of the settings, whose docstring is the caption;
- and, if it takes the user's own data, `run(settings, *, data, out, resume)`.

This package imports nothing heavy, so that `infoloop --help` answers at once.
"""

EXPERIMENTS: dict[str, str] = {
    "closed-loop": "experiments.closed_loop",
    "open-loop": "experiments.open_loop",
    "drift-barrier": "experiments.drift_barrier",
    "phase-boundary": "experiments.phase_boundary",
    "blind-spots": "experiments.blind_spots",
    "judges": "experiments.judges",
    "budget": "experiments.verdicts",
    "candidates": "experiments.candidates",
    "persistent-errors": "experiments.persistent_errors",
    "end-of-collapse": "experiments.end_of_collapse",
    "adaptive-rounds": "experiments.adaptive_rounds",
    "continuous-information": "experiments.continuous_information",
    "supervision": "experiments.supervision",
    "methods": "experiments.methods",
    "refit-or-reinforce": "experiments.refit_or_reinforce",
    "coverage": "experiments.coverage",
    "thesis": "experiments.thesis",
    "reward-hacking": "experiments.reward_hacking",
}
