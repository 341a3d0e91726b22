#!/bin/bash
# Keeps a throw-away machine: boots it, prints the process id of its systemd, and buries it when stdin ends.
#
#   sandbox_keeper.sh CGROUPS WORKDIR SYSTEM own|host [ro|rw:HOST_FOLDER:FOLDER...]
#
# Must run as root. CGROUPS is where the unified control groups are mounted; the rest is for sandbox_boot.sh. Whoever
# starts it holds the other end of stdin, so that a test run that is killed takes its machines along.
set -euo pipefail
trap '' HUP INT QUIT TERM # A Ctrl-C reaches the whole terminal, but the end comes through stdin.

readonly PREFIX=$1/hearthd-sandbox-
readonly GROUP=$PREFIX$$
readonly BOOT_LIMIT_S=45 BURIAL_LIMIT_S=20

namespaces=(--mount --uts --ipc --pid --cgroup)
[ "$4" = host ] || namespaces+=(--net)

remove_group() { # GROUP: false while somebody lives in it
  find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
}

for group in "$PREFIX"*; do # of keepers that were killed: their machines died with them, their groups did not
  [ -e "/proc/${group#"$PREFIX"}" ] || [ ! -d "$group" ] || remove_group "$group" || true
done

mkdir "$GROUP"
(
  trap - HUP INT QUIT TERM
  echo "$BASHPID" >"$GROUP/cgroup.procs"
  # A session of its own, or Ctrl-C would reboot the machine. It dies with its unshare, and unshare with the keeper.
  exec setsid setpriv --pdeathsig=KILL unshare "${namespaces[@]}" --propagation=private --fork --kill-child=KILL -- \
    bash "${0%/*}/sandbox_boot.sh" "${@:2}" >&2
) &
machine=$!

bury() {
  local limit_s=$((SECONDS + BURIAL_LIMIT_S))
  kill -KILL "$machine" 2>/dev/null || true
  wait "$machine" 2>/dev/null || true
  until remove_group "$GROUP"; do # the kernel needs a moment
    [ "$SECONDS" -lt "$limit_s" ] || { echo "$GROUP is left behind" >&2; exit 1; }
    sleep 0.02
  done
}
trap bury EXIT

init=
until [ "$init" ] && [ "$(cat "/proc/$init/comm")" = systemd ]; do
  [ "$SECONDS" -lt "$BOOT_LIMIT_S" ] || { echo "systemd does not start" >&2; exit 1; }
  init=$(cat "/proc/$machine/task/$machine/children" 2>/dev/null) || exit # it has ended, and said why
  init=${init%% *}
  sleep 0.02
done
echo "$init"
exec >&- # Whoever waits for the end of stdout learns of the burial by the exit code alone.
cat >/dev/null
