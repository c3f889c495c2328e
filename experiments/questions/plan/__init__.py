"""`infoloop plan`: labelled verdicts in `labels`, what is computed in `case`, what is said in `screen`."""

from experiments.questions.plan.labels import read_counts
from experiments.questions.plan.screen import lines, share, whole

__all__ = ["lines", "read_counts", "share", "whole"]
