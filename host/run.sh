#!/usr/bin/env bash
# Runs the action's image with the runner's own network, user and files: localhost is the runner's, what is written
# belongs to it, and a cancelled job's signals arrive.
set -euo pipefail

image=$WINDTUNNEL_IMAGE
if [ "$image" = Dockerfile ]; then # not a release: built from this checkout
  image=localhost/windtunnel-action
  docker build --quiet --tag "$image" "$GITHUB_ACTION_PATH/.."
fi

# The files and the workspace lie at the same paths inside, so that paths mean the same in both.
options=(--rm --init --network host --user "$(id -u):$(id -g)" --env HOME=/tmp)
options+=(--workdir "$GITHUB_WORKSPACE" --volume "$GITHUB_WORKSPACE:$GITHUB_WORKSPACE")
for file in "${GITHUB_OUTPUT:-}" "${GITHUB_STEP_SUMMARY:-}" "${GITHUB_EVENT_PATH:-}"; do
  if [ -f "$file" ]; then options+=(--volume "$file:$file"); fi
done

# Variables go along by name alone, so that no value appears on a command line: the inputs, your `env:`, what the
# runner says. Left out is what only makes sense among the runner's own programs.
while IFS= read -r -d '' variable; do
  name=${variable%%=*}
  case $name in
    PATH | HOME | PWD | OLDPWD | SHLVL | SHELL | HOSTNAME | _) ;;
    TMPDIR | TMP | TEMP | BASH_ENV | BASH_FUNC_* | LD_* | PYTHONHOME | PYTHONPATH | WINDTUNNEL_IMAGE) ;;
    *) options+=(--env "$name") ;;
  esac
done < <(env -0)

exec docker run "${options[@]}" "$image" action
