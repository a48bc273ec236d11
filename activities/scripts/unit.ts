import { DAEMON_VERSION } from './daemon-version.ts';

/**
 * Shell functions about holds that were taken off for a change. dpkg forgets a hold when the package
 * is installed; the file of names outlives a killed unit, and whoever comes next puts them back.
 */
export const HOLDS = `
holds=/var/cache/tidegate/holds
is_held() { case "$(dpkg-query -W -f='\${Status}' "$1" 2>/dev/null)" in hold*) return 0 ;; *) return 1 ;; esac; }
hold_again() {
  [ -s "$holds" ] || return 0
  left=no
  while read -r kept; do
    is_held "$kept" || echo "$kept hold" | dpkg --set-selections >/dev/null 2>&1
    is_held "$kept" || left=yes
  done <"$holds"
  [ "$left" = yes ] || rm -f "$holds"
}
`;

/**
 * Runs inside the unit. Arguments: phase file, log file, notes file; then name, version, sha256,
 * daemon or "-", daemon version, version of the other end, "rehold" or "-" for each package.
 * Exit codes: 75, dpkg's lock stayed held and nothing was changed; 76, a daemon did not start.
 */
export const UNIT_SCRIPT = `
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C; export PATH LC_ALL
phase_file=$1 log=$2 notes=$3; shift 3
now=
phase() {
  [ "$1" != "$now" ] || return 0
  now=$1
  echo "$1" >"$phase_file.new" && mv "$phase_file.new" "$phase_file"; echo "tidegate: $1"
}
note() { grep -Fqxs -e "$1" "$notes" || echo "$1" >>"$notes"; echo "tidegate: $1"; }
logged() { "$@" >"$log" 2>&1; rc=$?; cat "$log"; return $rc; }
uptime() { read -r up idle </proc/uptime; echo "\${up%.*}"; }
${HOLDS}
trap hold_again EXIT
trap 'exit 143' HUP INT TERM

# Who holds a lock of dpkg or apt: of the processes that hold any lock, those that have its file open.
holder() {
  for pid in $(sed -n 's/^[0-9]*: POSIX  *[A-Z]*  *WRITE  *\\([0-9]*\\) .*/\\1/p' /proc/locks | sort -u); do
    for fd in /proc/"$pid"/fd/*; do
      for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/cache/apt/archives/lock; do
        [ "$fd" -ef "$lock" ] || continue
        printf '%s (pid %s)' "$(cat /proc/"$pid"/comm 2>/dev/null)" "$pid"
        return
      done
    done
  done
}
# Waiting for the lock is no failure; giving up on it is one that has changed nothing.
patience=60 deadline=$(($(uptime) + 60)) since= met=
keep_waiting() {
  met=$1
  [ -n "$since" ] || since=$(uptime)
  phase "waiting for dpkg's lock, held by $met"
  [ "$(uptime)" -lt "$deadline" ] || exit 75
  sleep 0.5
}
await_lock() { while who=$(holder); [ -n "$who" ]; do keep_waiting "$who"; done; }
busy() { grep -Eq '^E: (Could not get lock|Unable to (acquire|lock))|locked by another process' "$log"; }
# Runs a command that needs the lock; somebody may take it right before it does.
locked() {
  doing=$1; shift
  while :; do
    await_lock
    phase "$doing"
    logged "$@" && break
    rc=$?
    busy || return $rc
    keep_waiting 'another process'
  done
  [ -z "$since" ] || note "waited $(($(uptime) - since)) s for dpkg's lock, held by $met"
  since=
}

# "name is state" of packages that an interrupted dpkg left behind.
broken() {
  dpkg-query -W -f='\${Package} \${Status}\\n' "$@" 2>/dev/null | while read -r name want flag state; do
    case "$flag $state" in
      'ok installed' | 'ok config-files' | 'ok not-installed') ;;
      *) printf '%s is %s, ' "$name" "$state" ;;
    esac
  done
}
journal() { ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1; }
await_lock
if [ -n "$(dpkg --audit)" ] || journal; then
  found=$(broken)
  if journal; then found="\${found}its journal was not written down, "; fi
  # What cannot be configured the installation may replace.
  if locked Repairing dpkg --configure -a --force-confold --force-confdef
  then how='and was repaired'
  else how='and "dpkg --configure -a" failed'
  fi
  [ -z "$found" ] || note "dpkg had been interrupted (\${found%, }) $how"
fi

${DAEMON_VERSION}stale() {
  pid=$(systemctl show -p MainPID --value "$1")
  [ "$pid" = 0 ] && return 0
  case "$(readlink "/proc/$pid/exe")" in *'(deleted)'*) return 0 ;; esac
  [ "$(daemon_version "$1")" != "$2" ]
}

set -- "$@" END
files= options=
while [ "$1" != END ]; do
  files="$files /var/cache/tidegate/$3.deb"
  # Half-installed in the version that is wanted: apt would take it for installed.
  [ -z "$(broken "$1")" ] || options="$options --reinstall"
  if [ "$7" = rehold ]; then
    options="$options --allow-change-held-packages"
    ! is_held "$1" || grep -Fqxs -e "$1" "$holds" || echo "$1" >>"$holds" || exit 1
  fi
  set -- "$@" "$4" "$5"
  shift 7
done
shift
# Without any source apt can fetch nothing: what is installed are the staged files, or it fails.
locked Installing apt-get install -y --allow-downgrades --no-remove --no-install-recommends $options \\
  -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \\
  -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-confdef -o DPkg::Lock::Timeout=5 $files || exit $?
held=$(cat "$holds" 2>/dev/null)
hold_again
for name in $held; do note "$name: was on hold; it was changed, and is on hold again"; done

while [ "$#" -ge 2 ]; do
  if [ "$1" != - ] && stale "$1" "$2"; then
    phase Restarting
    logged systemctl restart "$1" || exit 76
  fi
  shift 2
done
phase Done
`;
