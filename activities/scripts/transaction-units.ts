/**
 * Shell functions about the units of transactions on a host; their names must match `unitName` in
 * activities/transaction.ts. `running_transactions` prints those that have not ended, and fails
 * where systemd does not say.
 */
export const TRANSACTION_UNITS = `
show() { systemctl show -p "$2" --value "$1.service"; }
state() { echo "$(show "$1" ActiveState)/$(show "$1" SubState)"; }
ended() { case "$1" in active/exited | failed/* | inactive/*) return 0 ;; *) return 1 ;; esac; }
transactions() {
  units=$(systemctl list-units --all --plain --no-legend 'tidegate-tx-*' 2>/dev/null) || return 1
  echo "$units" | sed -n 's/^ *\\([^ ]*\\)\\.service .*/\\1/p'
}
running_transactions() {
  names=$(transactions) || return 1
  for name in $names; do ended "$(state "$name")" || echo "$name"; done
}
`;
