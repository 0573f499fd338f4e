"""Color in, grey, colorized, compared with the truth: numbers, tables, a page."""

from __future__ import annotations

from vidcolor.evaluation.album import Album
from vidcolor.evaluation.measurement import Evaluation, EvaluationOptions, evaluate
from vidcolor.evaluation.report import prepare_report, write_report

__all__ = ["Album", "Evaluation", "EvaluationOptions", "evaluate", "prepare_report", "write_report"]
