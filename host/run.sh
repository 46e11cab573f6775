#!/usr/bin/env bash
# Runs the action's image with the runner's network, user and files: localhost is the runner's, written files belong to
# its user, and the signals of a cancelled job arrive.
set -euo pipefail

image=$WINDTUNNEL_IMAGE
if [ "$image" = Dockerfile ]; then # not a release: built from this checkout
  image=localhost/windtunnel-action
  docker build --quiet --tag "$image" "$GITHUB_ACTION_PATH/.."
fi

# The files and the workspace are mounted at the same paths, so that paths are valid on both sides.
options=(--rm --init --network host --user "$(id -u):$(id -g)" --env HOME=/tmp)
options+=(--workdir "$GITHUB_WORKSPACE" --volume "$GITHUB_WORKSPACE:$GITHUB_WORKSPACE")
for file in "${GITHUB_OUTPUT:-}" "${GITHUB_STEP_SUMMARY:-}" "${GITHUB_EVENT_PATH:-}"; do
  if [ -f "$file" ]; then options+=(--volume "$file:$file"); fi
done

# Variables are passed by name, so that no value appears on a command line: the inputs, `env:` of the step, and those of
# the runner. Skipped: variables for the runner's own programs.
while IFS= read -r -d '' variable; do
  name=${variable%%=*}
  case $name in
    PATH | HOME | PWD | OLDPWD | SHLVL | SHELL | HOSTNAME | _) ;;
    TMPDIR | TMP | TEMP | BASH_ENV | BASH_FUNC_* | LD_* | PYTHONHOME | PYTHONPATH | WINDTUNNEL_IMAGE) ;;
    *) options+=(--env "$name") ;;
  esac
done < <(env -0)

exec docker run "${options[@]}" "$image" action
