"""How films spread over 1 to 256 workers, simulated: the real schedule, with workers and a clock that are made up.

    python benchmarks/farm.py figures.json [--workers 1 4 16 64 256] [--shelf 100] [--cores 4] [--disk 500] [--calm]

The figures are those of farm_figures.py. Each film is of 90 minutes at 24 frames a second, with shots of random lengths
cut into segments by the real rule. What each step takes is drawn from the figures, at --cores cores a worker. One
segment in two hundred takes three times as long, each worker dies once in 24 hours in the middle of its work, and
another comes when it has loaded its network. Joins run on the driver, as many at the same time as there: most of what
they compute is in libraries that let other threads run. What the schedule itself computes counts too, in seconds of
this machine. What is told of one film is the mean of several, whose shots and accidents differ.

Efficiency is the time that one worker takes when nothing goes wrong, shared by the number of workers, beside the time
that they take: what it lacks is waiting, reading twice, stragglers, and loss. *Of making* counts the segments alone as
useful, and not the pass over the film that plans it. The workers have started when the time begins.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from farm_crew import FRAMES, KINDS, MINUTES, Circumstances, Crew, Parts, plan_of

from vidcolor.pipeline.distributed import schedule
from vidcolor.pipeline.distributed.plan import Plan
from vidcolor.pipeline.distributed.planner import Outline
from vidcolor.pipeline.distributed.schedule import Schedule
from vidcolor.pipeline.distributed.station import Request
from vidcolor.pipeline.distributed.tasks import Report
from vidcolor.pipeline.result import Job, Result
from vidcolor.settings import RunSettings, ShotSettings

RUNS = 16  # of one film


@dataclass(frozen=True)
class Found:
    """What came of a simulated farm.

    Attributes:
        seconds: From the first task to the last film.
        making: Seconds that all segments take together when nothing goes wrong.
        driver: Seconds that the schedule computes for each task.
        memory: Bytes that Python holds after each film, where that is measured.
    """

    seconds: float
    making: float
    driver: float
    lost: int
    memory: tuple[int, ...] = ()


def simulate(
    figures: dict[str, Any],
    workers: int,
    films: int,
    how: Circumstances,
    calm: bool,
    *,
    trace: bool = False,
    first: int = 0,
) -> Found:
    """Bring films through workers, and look at the clock."""
    crew = Crew(figures, workers, how, calm, first)
    jobs = (Job(Path(f"/films/{first + n}.mkv"), Path(f"/colored/{n}.mp4")) for n in range(films))

    def request(job: Job) -> Request:
        return Request(job.source, ".mp4", RunSettings(), ShotSettings())

    def join(job: Job, plan: Plan, folder: Path) -> Result:
        return Result(job.output, plan.frames, 0.1, 0.0, "fast", "cpu", ())

    def finish(outline: Outline, readings: Any) -> Plan:
        crew.clock.now += laid_out_in()
        return plan_of(int(outline.plan.film.stem))

    whole, schedule.finish_plan = schedule.finish_plan, finish  # type: ignore[assignment]
    memory = []
    try:
        if trace:
            plans = [plan_of(kind) for kind in range(KINDS)]
            assert plans
            tracemalloc.start()
        crew.clock.begin()
        run = Schedule(jobs, crew, request, join, Report(), joiner=crew.joiner, clock=crew.clock, parts=Parts)  # type: ignore[arg-type]
        for outcome in run.outcomes():
            assert not outcome.error, outcome.error
            if trace:
                crew.counted.clear()
                memory.append(tracemalloc.get_traced_memory()[0])
    finally:
        schedule.finish_plan = whole
        tracemalloc.stop()
    seconds = crew.clock.now
    return Found(seconds, crew.nominal, crew.clock.own / crew.tasks, crew.lost, tuple(memory))


@cache
def laid_out_in() -> float:
    """Return the core seconds of laying a film out."""
    plan_of.__wrapped__(0)
    began = time.process_time()
    plan_of.__wrapped__(0)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16, 64, 128, 256])
    parser.add_argument("--shelf", type=int, default=100, help="films on the shelf")
    parser.add_argument("--cores", type=int, default=4, help="of each worker")
    parser.add_argument("--calm", action="store_true", help="nobody straggles or dies")
    parser.add_argument("--disk", type=float, default=500, help="megabytes a second of the driver's disk")
    options = parser.parse_args()
    how = Circumstances(options.cores, 1e6 * options.disk)
    figures = json.loads(options.figures.read_text())
    laid_out_in()

    @cache
    def alone(films: int, first: int) -> Found:
        return simulate(figures, 1, films, how, calm=True, first=first)

    total = sum(row[1] for row in figures["segments"]) / sum(row[0] for row in figures["segments"])
    print(f"Measured at {figures['film']} on {figures['processor']}, torch {figures['torch']}: ", end="")
    print(f"{1000 * total:.0f} core milliseconds a frame to make, {1000 * figures['read']:.1f} to plan, ", end="")
    print(f"{1000 * figures['join']:.2f} to join.\n")
    shelf = f"{options.shelf} films"
    head = f"one film, minutes | efficiency | of making | {shelf}, hours | efficiency | of making | workers lost"
    print(f"| workers of {options.cores} cores | {head} |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    driver = 0.0
    for workers in options.workers:
        row = f"| {workers} |"
        for films, firsts, unit in ((1, range(RUNS), 60), (options.shelf, range(1), 3600)):
            found = [simulate(figures, workers, films, how, options.calm, first=first) for first in firsts]
            seconds = fmean(each.seconds for each in found)
            base = fmean(alone(films, first).seconds for first in firsts)
            shares = [whole / workers / seconds for whole in (base, fmean(each.making for each in found))]
            row += f" {seconds / unit:.2f} | {shares[0]:.3f} | {shares[1]:.3f} |"
            driver = max(driver, *(each.driver for each in found))
        print(f"{row} {found[-1].lost} |", flush=True)
    traced = simulate(figures, 64, options.shelf, how, options.calm, trace=True)
    first, last = (max(part) for part in (traced.memory[: options.shelf // 4], traced.memory[-options.shelf // 2 :]))
    count = sum(len(plan_of(n % KINDS).segments) for n in range(options.shelf))
    print(
        f"\nThe schedule computes {1000 * driver:.2f} ms a task at most. Over {count} segments it holds at most ",
        end="",
    )
    print(f"{first / 1e6:.1f} MB in the first quarter of the films, and {last / 1e6:.1f} MB in their second half.")
    thousand = 1000 * FRAMES * total / 3600
    stored = FRAMES * sum(row[2] for row in figures["segments"]) / sum(row[0] for row in figures["segments"])
    print(f"\n1,000 films of {MINUTES} minutes: {thousand:,.0f} core hours to make and ", end="")
    print(f"{1000 * FRAMES * figures['read'] / 3600:,.0f} to plan, {stored / 1e6:,.0f} GB of colored films, ", end="")
    print(f"{2 * stored / 1e9:.1f} GB of a film while it is joined.")


if __name__ == "__main__":
    main()
