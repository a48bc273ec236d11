/**
 * The change itself. It runs in a transient systemd unit of its own, so that a lost connection or a
 * dead worker interrupts nothing; the unit's name is what makes it happen once.
 */

import { DAEMON_VERSION } from './daemon-version.ts';
import { TRANSACTION_UNITS } from './transaction-units.ts';
import { HOLDS, UNIT_SCRIPT } from './unit.ts';

/**
 * Starts the unit, or finds it, and follows it to its end, printing a line a second. Arguments:
 * unit; the unit to wait for first, or "-"; "once" or "again" (whether a failed unit is started
 * anew); then for each package name, version, sha256, daemon or "-", daemon version, version of the
 * other end, and "rehold" or "-" (what becomes of a hold).
 */
export const TRANSACTION_SCRIPT = `
set -u
LC_ALL=C; export LC_ALL
store=/var/cache/tidegate
# A minute, in fifths of a second; as for dpkg's lock in unit.ts.
patience=300
${TRANSACTION_UNITS}forget() { systemctl stop "$1.service" 2>/dev/null; systemctl reset-failed "$1.service" 2>/dev/null; rm -f "$store/$1.phase" "$store/$1.log" "$store/$1.sh" "$store/$1.start"; }
# The notes stay while the transaction is to be tried again.
forget_all() { forget "$1"; rm -f "$store/$1.notes"; }

follow() {
  ticks=0
  while now=$(state "$1"); ! ended "$now"; do
    [ $((ticks % 5)) -eq 0 ] && printf 'phase\\t%s\\n' "$(cat "$store/$1.phase" 2>/dev/null || echo Starting)"
    ticks=$((ticks + 1))
    sleep 0.2
  done
}
# One of an ended run may still be at work: nothing is begun beside it, and all is looked at again.
others() {
  running=$(running_transactions) || { echo 'transactions that systemd does not tell'; return; }
  for other in $running; do [ "$other" = "$1" ] || [ "$other" = "$2" ] || echo "$other"; done
}
await_others() {
  ticks=0
  while found=$(others "$1" "$2" | paste -s -d ' ' -); [ -n "$found" ]; do
    [ "$ticks" -lt "$patience" ] || { printf 'occupied\\t%s\\n' "$found"; return 1; }
    [ $((ticks % 5)) -ne 0 ] || printf 'phase\\twaiting for %s of another run\\n' "$found"
    ticks=$((ticks + 1))
    sleep 0.2
  done
}
${HOLDS}${DAEMON_VERSION}installed() {
  while [ "$#" -ge 7 ]; do
    case "$(dpkg-query -W -f='\${Version} \${Status}' "$1" 2>/dev/null)" in
      "$2 install ok installed" | "$2 hold ok installed") ;;
      *) return 1 ;;
    esac
    shift 7
  done
}
runs() {
  while [ "$#" -ge 7 ]; do
    [ "$4" = - ] || [ "$(daemon_version "$4")" = "$5" ] || return 1
    shift 7
  done
}
# Whatever else is installed, somebody else has installed: it is not ours to replace.
known() {
  found=$(dpkg-query -W -f='\${Version}	\${Status}' "$1" 2>/dev/null)
  case "$found" in
    *' not-installed' | *' config-files' | '') found='not installed' ;;
    "$2	"* | "$3	"*) return 0 ;;
  esac
  printf 'drift\\t%s\\t%s\\n' "$1" "\${found%%	*}"
  return 1
}
staged() {
  fine=yes
  while [ "$#" -ge 7 ]; do
    known "$1" "$2" "$6" || fine=no
    if [ "$7" != rehold ] && is_held "$1"; then printf 'held\\t%s\\n' "$1"; fine=no; fi
    if [ ! -f "$store/$3.deb" ]; then printf 'missing\\t%s\\t%s\\n' "$1" "$2"; fine=no
    else
      found=$(sha256sum "$store/$3.deb" | cut -d ' ' -f 1)
      [ "$found" = "$3" ] || { printf 'mismatch\\t%s\\t%s\\t%s\\n' "$1" "$2" "$found"; fine=no; }
    fi
    shift 7
  done
  [ "$fine" = yes ]
}
# Only the holder of the node's lock comes here, so whatever other unit has ended is of the past.
tidy() {
  for other in $(transactions); do
    [ "$other" = "$1" ] || [ "$other" = "$2" ] || ! ended "$(state "$other")" || forget_all "$other"
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
    sh "$store/$unit.sh" "$store/$unit.phase" "$store/$unit.log" "$store/$unit.notes" "$@" 2>"$store/$unit.start" && return
  # Refused because another attempt was quicker: its unit is the one to follow.
  [ "$(show "$unit" LoadState)" = loaded ] || { printf 'notStarted\\t%s\\n' "$(tr '\\t\\n' '  ' <"$store/$unit.start")"; return 1; }
}
report() {
  unit=$1; shift
  code=$(show "$unit" ExecMainStatus) result=$(show "$unit" Result)
  printf 'finished\\t%s\\t%s\\n' "$code" "$result"
  if [ "$result" != success ]; then
    { cat "$store/$unit.log" 2>/dev/null || journalctl -u "$unit.service" -o cat -n 40 2>/dev/null; } | tr '\\r' '\\n' | grep -v '^(Reading database' | uniq | tail -n 30 | tail -c 3000 | sed 's/^/log\\t/'
    # Exit 75: the lock was held, nothing has changed; the next attempt starts anew.
    [ "$code" != 75 ] || { printf 'busy\\t%s\\n' "$(cat "$store/$unit.phase")"; forget "$unit"; }
  fi
}
# Files of the package's own that were changed on the node and kept, where it brought a newer one.
kept() {
  while [ "$#" -ge 7 ]; do
    dpkg-query -W -f='\${Conffiles}\\n' "$1" 2>/dev/null | while read -r path sum rest; do
      [ -f "$path" ] && [ -f "$path.dpkg-dist" ] && [ "$(md5sum <"$path.dpkg-dist")" = "$sum  -" ] || continue
      [ "$(md5sum <"$path")" = "$sum  -" ] || printf 'kept\\t%s\\t%s\\n' "$1" "$path"
    done
    shift 7
  done
}
remarks() {
  unit=$1; shift
  [ ! -s "$store/$unit.notes" ] || sed 's/^/note\\t/' "$store/$unit.notes"
  kept "$@"
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
    await_others "$unit" "$before" || { echo end; return; }
    hold_again
    if installed "$@" && runs "$@"; then printf 'already\\n'
    else
      staged "$@" || { echo end; return; }
      tidy "$unit" "$before"
      begin "$unit" "$@" || { echo end; return; }
      follow "$unit"
    fi
  fi
  [ "$(show "$unit" LoadState)" != loaded ] || report "$unit"
  hold_again
  [ ! -s "$holds" ] || printf 'unheld\\t%s\\n' "$(tr '\\n' ' ' <"$holds")"
  remarks "$unit" "$@"
  if [ "$mode" = again ] && installed "$@" && runs "$@"; then
    forget_all "$unit"
    [ "$before" = - ] || forget_all "$before"
  fi
  echo end
}
main "$@" </dev/null
exit 0
`;
