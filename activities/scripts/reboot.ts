/**
 * Asks the host for a reboot, unless it runs another boot than the one that has to end, and tells
 * how far it has come: lines of tab-separated fields, the last one "end". Argument: the boot id that
 * has to end. What was asked is kept in /run, which a reboot wipes: "count seconds-of-uptime".
 */
export const REBOOT_SCRIPT = `
set -u
LC_ALL=C; export LC_ALL
line() { kind=$1; shift; printf '%s' "$kind"; printf '\\t%s' "$@"; echo; }

# Detached, so that this connection ends in order. Without the manager's help the request still goes
# its way, and "--force" leaves the units alone that keep the host from going down.
request() {
  if [ "$1" = force ]; then (sleep 1; sync; systemctl reboot --force) >/dev/null 2>&1 &
  else
    systemd-run --quiet --collect --on-active=1 --timer-property=AccuracySec=100ms systemctl reboot 2>/dev/null ||
      systemctl reboot --no-block
  fi
}

ask() {
  marker=/run/tidegate-reboot-$1
  read -r up rest </proc/uptime
  now=\${up%%.*} count=0 at=0
  [ ! -s "$marker" ] || read -r count at <"$marker"
  since=$((now - at))
  # A host that stops its units one after the other is given more time.
  patience=30
  [ "$2" != stopping ] || patience=120
  if [ "$count" -gt 0 ] && [ "$since" -lt "$patience" ]; then line asked "$count" "$since"; return; fi
  count=$((count + 1)) how=order
  if [ "$count" -gt 2 ] || [ "$2" = stopping ] && [ "$count" -gt 1 ]; then how=force; fi
  echo "$count $now" >"$marker.new" && mv "$marker.new" "$marker" || exit 1
  said=$(request "$how" 2>&1) || line refused "$(printf '%s' "$said" | tr '\\t\\n' '  ' | tail -c 300)"
  line asked "$count" 0
}

main() {
  case "$1" in '' | *[!0-9a-f-]*) echo "no boot id: $1" >&2; exit 1 ;; esac
  boot=$(cat /proc/sys/kernel/random/boot_id)
  system=$(systemctl is-system-running 2>/dev/null)
  line bootId "$boot"
  line system "\${system:-unknown}"
  if [ "$boot" = "$1" ]; then ask "$1" "\${system:-unknown}"
  elif [ "$system" = degraded ]; then
    line failed "$(systemctl list-units --failed --plain --no-legend | cut -d ' ' -f 1 | head -n 5 | tr '\\n' ' ')"
  elif [ "$system" != running ]; then
    line jobs "$(systemctl list-jobs --plain --no-legend | head -n 5 | sed 's/^ *[0-9]* *//' | tr -s ' ' | tr '\\n' ',')"
  fi
  echo end
}
main "$@" </dev/null
exit 0
`;
