"""Put a film on an OpenCue farm whose machines share its folder: on_opencue.py film.mp4 out.mp4 --show S --shot N.

It needs opencue-pyoutline, and vidcolor on this machine too.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
from getpass import getuser
from pathlib import Path

import outline
import outline.cuerun
import outline.modules.shell

EACH = 4  # segments of one task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--show", required=True)
    parser.add_argument("--shot", required=True)
    options = parser.parse_args()
    film, output = options.film.absolute(), options.output.absolute()
    plan, parts = output.with_name(f"{output.name}.plan.json"), output.with_name(f"{output.name}.parts")
    if not plan.exists():
        how = ["--container", output.suffix, "--threads", "4"]
        subprocess.run(["vidcolor", "plan", str(film), "-o", str(plan), *how], check=True)
    last = len(json.loads(plan.read_text())["segments"]) - 1
    job = outline.Outline(f"vidcolor-{output.stem}", show=options.show, shot=options.shot, user=getuser())
    both = [shlex.quote(str(plan)), "--parts", shlex.quote(str(parts))]
    # The farm writes the numbers of a task's segments in the place of #FRAMESPEC#, as in 4-7.
    make = ["vidcolor", "work", *both, "--segments", "#FRAMESPEC#", "--progress", "json"]
    work = outline.modules.shell.Shell("work", command=make, range=f"0-{last}", chunk=EACH, cores=4, memory="8g")
    put = ["vidcolor", "join", *both, "-o", shlex.quote(str(output)), "--progress", "json"]
    join = outline.modules.shell.Shell("join", command=put, range="0-0", cores=1, memory="2g")
    join.depend_all(work)
    job.add_layer(work)
    job.add_layer(join)
    outline.cuerun.launch(job, use_pycuerun=False)


if __name__ == "__main__":
    main()
