/**
 * Shell function that prints what may change packages of the node by itself, or nothing:
 * unattended-upgrades, where it is installed, not switched off, and its timer enabled.
 */
export const AUTOMATIC_UPDATES = `
automatic_updates() {
  command -v unattended-upgrade >/dev/null 2>&1 || return 0
  [ "$(systemctl is-enabled apt-daily-upgrade.timer 2>/dev/null)" = enabled ] || return 0
  eval "$(apt-config shell periodic APT::Periodic::Unattended-Upgrade)"
  [ "\${periodic:-0}" = 0 ] || echo 'unattended-upgrades (apt-daily-upgrade.timer)'
}
`;
