"""The recipes for farms do what they say: their commands, given by stand-ins of the farms' own, make the film."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reels import digest, write_reel
from vidcolor.cli.app import main
from vidcolor.pipeline.distributed.planner import make_plan
from vidcolor.pipeline.film import colorize_film
from vidcolor.settings import RunSettings

FARMS = Path(__file__).parent.parent / "docs" / "farms"
SMALL: dict[str, Any] = {"size": 32, "batch_size": 4}
pytestmark = pytest.mark.usefixtures("short_segments", "tiny_network")


def test_the_job_template_makes_the_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its steps with values in the place of parameters: the film of one machine, to the byte."""
    template = yaml.safe_load((FARMS / "vidcolor.openjd.yaml").read_text())
    film = write_reel(tmp_path / "film.mkv")
    plan = make_plan(film, suffix=".mp4", settings=RunSettings(**SMALL))
    plan.write(tmp_path / "plan.json")
    work, join = template["steps"]
    assert [each["dependsOn"] for each in join["dependencies"]] == [work["name"]]
    assert set(re.findall(r"Param\.(\w+)", str(template["steps"]))) == {
        *(each["name"] for each in template["parameterDefinitions"]),
        "Segment",
    }
    last = len(plan.segments) - 1
    assert last >= 3
    values = {
        "Param.Plan": tmp_path / "plan.json", "Param.Film": film, "Param.Parts": tmp_path / "parts",
        "Param.Output": tmp_path / "film.mp4",
    }  # fmt: skip
    chunks = [{"Task.Param.Segment": chunk} for chunk in (f"2-{last}", "0-1")]
    for step, own in [*((work, chunk) for chunk in chunks), (join, {})]:
        action = step["script"]["actions"]["onRun"]
        known = {**values, **own}
        arguments = list(action["args"])
        for name, value in known.items():
            arguments = [each.replace(f"{{{{{name}}}}}", str(value)) for each in arguments]
        monkeypatch.setattr(sys, "argv", [action["command"], *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert not stopped.value.code, arguments
    colorize_film(film, tmp_path / "whole.mp4", settings=RunSettings(**SMALL))
    assert digest(tmp_path / "film.mp4") == digest(tmp_path / "whole.mp4")


def test_the_job_template_is_valid() -> None:
    """By the checker of Open Job Description itself, which refuses a parameter that the template does not define."""
    from openjd.model import decode_job_template

    template = yaml.safe_load((FARMS / "vidcolor.openjd.yaml").read_text())
    found = decode_job_template(template=template, supported_extensions=["TASK_CHUNKING"])
    assert [step.name for step in found.steps] == ["Work", "Join"]
    template["steps"][0]["script"]["actions"]["onRun"]["args"].append("{{Param.Nothing}}")
    with pytest.raises(ValueError, match=r"Param\.Nothing does not exist"):
        decode_job_template(template=template, supported_extensions=["TASK_CHUNKING"])


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_the_slurm_script_makes_each_segment_once(tmp_path: Path) -> None:
    """An array of tasks covers all segments, the last one may be smaller; joining waits for all of them."""
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    calls = tmp_path / "calls"
    sbatch = f"""#!/bin/sh
echo "sbatch $*" >> {calls}
for each in "$@"; do case $each in
    --array=*) last=${{each#--array=0-}};;
    --export=*) eval "export $(echo "${{each#--export=ALL,}}" | tr , ' ')";;
    --wrap=*) sh -c "${{each#--wrap=}}"; exit;;
esac; done
cat > {tmp_path}/task
for id in $(seq 0 "$last"); do SLURM_ARRAY_TASK_ID=$id sh {tmp_path}/task; done
echo 77
"""
    vidcolor = f"""#!/bin/sh
echo "vidcolor $*" >> {calls}
[ "$1" != plan ] || echo '"run": {{"start": 0.0}},' > "$4"
[ "$1" != plan ] || for n in 0 1 2 3 4 5; do echo '{{"start": {{}}}}'; done >> "$4"
"""
    for name, text in (("sbatch", sbatch), ("vidcolor", vidcolor)):
        (stand_ins / name).write_text(text)
        (stand_ins / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{stand_ins}{os.pathsep}{os.environ['PATH']}", "EXCLUDE": "node7"}
    command = ["sh", str(FARMS / "slurm.sh"), "film.mkv", "out.mp4", "--saturation", "0.9"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=20)
    plan, array, *made, joining, joined = calls.read_text().splitlines()
    assert plan == "vidcolor plan film.mkv -o out.mp4.plan.json --container .mp4 --threads 4 --saturation 0.9"
    assert "--exclude=node7" in array
    assert [re.search(r"--segments (\S+)", line)[1] for line in made] == ["0-3", "4-5"]  # type: ignore[index]
    assert "--dependency=afterok:77" in joining
    assert joined == "vidcolor join out.mp4.plan.json --parts out.mp4.parts -o out.mp4"
