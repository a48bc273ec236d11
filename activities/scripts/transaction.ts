/**
 * The change itself. It runs in a transient systemd unit of its own, so that a lost connection or a
 * dead worker interrupts nothing; the unit's name is what makes it happen once.
 */

import { DAEMON_VERSION } from './daemon-version.ts';

/** Runs inside the unit. Arguments: phase file, log file; then name, version, sha256, daemon or "-", daemon version. */
const UNIT_SCRIPT = `
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C; export PATH LC_ALL
phase_file=$1 log=$2; shift 2
phase() { echo "$1" >"$phase_file.new" && mv "$phase_file.new" "$phase_file"; echo "tidegate: $1"; }
logged() { "$@" >"$log" 2>&1; rc=$?; cat "$log"; return $rc; }
# Waiting for the lock is no failure; giving up on it is one that has changed nothing.
busy() { grep -Eq '^E: (Could not get lock|Unable to (acquire|lock))|locked by another process' "$log"; }
check() { if [ "$1" -ne 0 ]; then busy && exit 75; exit "$1"; fi; }

if [ -n "$(dpkg --audit)" ] || ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1; then
  phase Repairing
  logged dpkg --configure -a --force-confold --force-confdef; check $?
fi

${DAEMON_VERSION}stale() {
  pid=$(systemctl show -p MainPID --value "$1")
  [ "$pid" = 0 ] && return 0
  case "$(readlink "/proc/$pid/exe")" in *'(deleted)'*) return 0 ;; esac
  [ "$(daemon_version "$1")" != "$2" ]
}

phase Installing
set -- "$@" END
files=
while [ "$1" != END ]; do
  files="$files /var/cache/tidegate/$3.deb"
  set -- "$@" "$4" "$5"
  shift 5
done
shift
# Without any source apt can fetch nothing: what is installed are the staged files, or it fails.
logged apt-get install -y --allow-downgrades --no-remove --no-install-recommends \\
  -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \\
  -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef -o DPkg::Lock::Timeout=60 $files
check $?

while [ "$#" -ge 2 ]; do
  if [ "$1" != - ] && stale "$1" "$2"; then
    phase Restarting
    logged systemctl restart "$1" || exit 76
  fi
  shift 2
done
phase Done
`;

/**
 * Starts the unit, or finds it, and follows it to its end, printing a line a second. Arguments:
 * unit; the unit to wait for first, or "-"; "once" or "again" (whether a failed unit is started
 * anew); then name, version, sha256, daemon or "-", daemon version for each package.
 */
export const TRANSACTION_SCRIPT = `
set -u
LC_ALL=C; export LC_ALL
store=/var/cache/tidegate
show() { systemctl show -p "$2" --value "$1.service"; }
state() { echo "$(show "$1" ActiveState)/$(show "$1" SubState)"; }
ended() { case "$1" in active/exited | failed/* | inactive/*) return 0 ;; *) return 1 ;; esac; }
forget() { systemctl stop "$1.service" 2>/dev/null; systemctl reset-failed "$1.service" 2>/dev/null; rm -f "$store/$1.phase" "$store/$1.log" "$store/$1.sh" "$store/$1.start"; }

follow() {
  ticks=0
  while now=$(state "$1"); ! ended "$now"; do
    [ $((ticks % 5)) -eq 0 ] && printf 'phase\\t%s\\n' "$(cat "$store/$1.phase" 2>/dev/null || echo Starting)"
    ticks=$((ticks + 1))
    sleep 0.2
  done
}
${DAEMON_VERSION}installed() {
  while [ "$#" -ge 5 ]; do
    [ "$(dpkg-query -W -f='\${Version} \${Status}' "$1" 2>/dev/null)" = "$2 install ok installed" ] || return 1
    shift 5
  done
}
runs() {
  while [ "$#" -ge 5 ]; do
    [ "$4" = - ] || [ "$(daemon_version "$4")" = "$5" ] || return 1
    shift 5
  done
}
staged() {
  fine=yes
  while [ "$#" -ge 5 ]; do
    case "$(dpkg-query -W -f='\${Status}' "$1" 2>/dev/null)" in
      hold*) printf 'held\\t%s\\n' "$1"; fine=no ;;
    esac
    if [ ! -f "$store/$3.deb" ]; then printf 'missing\\t%s\\t%s\\n' "$1" "$2"; fine=no
    else
      found=$(sha256sum "$store/$3.deb" | cut -d ' ' -f 1)
      [ "$found" = "$3" ] || { printf 'mismatch\\t%s\\t%s\\t%s\\n' "$1" "$2" "$found"; fine=no; }
    fi
    shift 5
  done
  [ "$fine" = yes ]
}
# Only the holder of the node's lock comes here, so whatever other unit has ended is of the past.
tidy() {
  for other in $(systemctl list-units --all --plain --no-legend 'tidegate-tx-*' | cut -d ' ' -f 1); do
    other=\${other%.service}
    [ "$other" = "$1" ] || [ "$other" = "$2" ] || ! ended "$(state "$other")" || forget "$other"
  done
}
begin() {
  unit=$1; shift
  cat >"$store/$unit.sh.new" <<'TIDEGATE_UNIT_SCRIPT'
${UNIT_SCRIPT}
TIDEGATE_UNIT_SCRIPT
  mv "$store/$unit.sh.new" "$store/$unit.sh" || exit 1
  systemd-run --quiet --unit="$unit" --property=RemainAfterExit=yes --property=KillMode=process \\
    --setenv=DEBIAN_FRONTEND=noninteractive --setenv=NEEDRESTART_SUSPEND=1 --setenv=APT_LISTCHANGES_FRONTEND=none \\
    sh "$store/$unit.sh" "$store/$unit.phase" "$store/$unit.log" "$@" 2>"$store/$unit.start" && return
  # Refused because another attempt was quicker: its unit is the one to follow.
  [ "$(show "$unit" LoadState)" = loaded ] || { printf 'notStarted\\t%s\\n' "$(tr '\\t\\n' '  ' <"$store/$unit.start")"; return 1; }
}
report() {
  unit=$1; shift
  code=$(show "$unit" ExecMainStatus) result=$(show "$unit" Result)
  printf 'finished\\t%s\\t%s\\n' "$code" "$result"
  if [ "$result" != success ]; then
    { cat "$store/$unit.log" 2>/dev/null || journalctl -u "$unit.service" -o cat -n 40 2>/dev/null; } | tr '\\r' '\\n' | uniq | tail -n 30 | tail -c 3000 | sed 's/^/log\\t/'
    # Exit 75: the lock was held, nothing has changed; the next attempt starts anew.
    [ "$code" != 75 ] || forget "$unit"
  fi
}

main() {
  unit=$1 before=$2 mode=$3; shift 3
  mkdir -p "$store" && chmod 700 "$store" || exit 1
  [ "$before" = - ] || follow "$before"
  if [ "$(show "$unit" LoadState)" = loaded ]; then
    follow "$unit"
    # Stale: it succeeded, and somebody has changed the packages since; or an undo, which may repeat.
    case "$(state "$unit")" in
      failed/*) [ "$mode" = once ] || forget "$unit" ;;
      *) installed "$@" || forget "$unit" ;;
    esac
  fi
  if [ "$(show "$unit" LoadState)" != loaded ]; then
    if installed "$@" && runs "$@"; then printf 'already\\n'
    else
      staged "$@" || { echo end; return; }
      tidy "$unit" "$before"
      begin "$unit" "$@" || { echo end; return; }
      follow "$unit"
    fi
  fi
  [ "$(show "$unit" LoadState)" != loaded ] || report "$unit"
  if [ "$mode" = again ] && installed "$@" && runs "$@"; then
    forget "$unit"
    [ "$before" = - ] || forget "$before"
  fi
  echo end
}
main "$@" </dev/null
exit 0
`;
