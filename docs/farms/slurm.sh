#!/bin/sh
# A film on a SLURM cluster whose machines share the folder of the film:
#
#   sh slurm.sh film.mp4 film.color.mp4 [options of vidcolor plan ...]
#
# Plans it here, makes its segments as an array of tasks, and joins it when all of them have succeeded. When a task has
# failed, look at its output and give the same command again: what is there already is not made again. A machine that was
# unfit (exit code 3) is left out with EXCLUDE=NODE before the command.
set -eu
film=$1 output=$2
shift 2
plan=$output.plan.json parts=$output.parts
each=4  # segments of one task
[ -e "$plan" ] || vidcolor plan "$film" -o "$plan" --container ".${output##*.}" --threads 4 "$@"
count=$(grep -c '^{"start": ' "$plan")  # the plan has a segment in each of these lines
last=$(((count - 1) / each))
tasks=$(sbatch --parsable --requeue --array="0-$last" --cpus-per-task=4 --mem=8G --job-name=vidcolor-work \
    ${EXCLUDE:+--exclude="$EXCLUDE"} --export=ALL,PLAN="$plan",PARTS="$parts",EACH="$each",COUNT="$count" <<'TASK'
#!/bin/sh
first=$((SLURM_ARRAY_TASK_ID * EACH))
end=$((first + EACH - 1))
[ "$end" -lt "$COUNT" ] || end=$((COUNT - 1))
vidcolor work "$PLAN" --parts "$PARTS" --segments "$first-$end" --progress json
TASK
)
sbatch --dependency="afterok:$tasks" --kill-on-invalid-dep=yes --cpus-per-task=1 --mem=2G --job-name=vidcolor-join \
    --wrap="vidcolor join '$plan' --parts '$parts' -o '$output' && rm -rf '$parts'"
