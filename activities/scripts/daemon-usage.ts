/**
 * What a daemon's main process uses, as lines of tab-separated fields, the last one "end". Argument: its
 * unit, e.g. "containerd.service". Shims are processes of their own and do not count. Reads only.
 */
export const DAEMON_USAGE_SCRIPT = `
set -u
LC_ALL=C; export LC_ALL
line() { printf '%s\\t%s\\n' "$1" "$2"; }
usage() {
  pid=$(systemctl show -p MainPID --value "$1" 2>/dev/null)
  case "$pid" in '' | 0) line down "$1"; return ;; esac
  # Of the host's own clock, so that the network's delays are nobody's time.
  read -r uptime idle </proc/uptime
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || { line down "$1"; return; }
  set -- \${stat##*) }
  # The 14th, 15th and 22nd field of all: user and system time with that of all threads, and its start.
  line process "$pid-\${20}"
  line cpuTicks "$((\${12} + \${13}))"
  line uptime "$uptime"
  line clockTicks "$(getconf CLK_TCK)"
  line rssKiB "$(sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\) kB$/\\1/p' "/proc/$pid/status")"
}
usage "$1" </dev/null
echo end
exit 0
`;
