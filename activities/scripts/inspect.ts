import { AUTOMATIC_UPDATES } from './automatic-updates.ts';
import { DAEMON_VERSION } from './daemon-version.ts';
import { TRANSACTION_UNITS } from './transaction-units.ts';

/**
 * What the host says of itself, in one round trip: lines of tab-separated fields, the last one
 * "end". Arguments: package names. Reads only.
 */
export const INSPECT_SCRIPT = `
set -u
LC_ALL=C; export LC_ALL
${AUTOMATIC_UPDATES}${DAEMON_VERSION}${TRANSACTION_UNITS}line() { printf '%s\\t%s\\n' "$1" "$2"; }
release() { (. /etc/os-release; eval "printf '%s' \\"\\\${$1:-}\\""); }

host() {
  line os "$(release ID)-$(release VERSION_ID)"
  line osPrettyName "$(release PRETTY_NAME)"
  for tool in dpkg apt-get; do command -v "$tool" >/dev/null 2>&1 || line lacks "$tool"; done
  line architecture "$(dpkg --print-architecture)"
  line kernel "$(uname -r)"
  line bootId "$(cat /proc/sys/kernel/random/boot_id)"
  case "$(stat -fc %T /sys/fs/cgroup)" in
    cgroup2fs) line cgroupVersion 2 ;;
    *) line cgroupVersion 1 ;;
  esac
  line diskFreeBytes "$(df --output=avail -B1 /var | tail -n 1 | tr -d ' ')"
  if [ -n "$(dpkg --audit)" ] || ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1
  then line dpkgInterrupted yes
  else line dpkgInterrupted no
  fi
  line automaticUpdates "$(automatic_updates)"
}

packages() {
  [ "$#" -eq 0 ] && return
  dpkg-query -W -f='package\\t\${Package}\\t\${Version}\\t\${Status}\\n' "$@" 2>/dev/null
}

containerd() {
  version=$(daemon_version containerd)
  line daemon "containerd	$version"
  line killMode "containerd	$(systemctl show -p KillMode --value containerd.service 2>/dev/null)"
  # One that is silent tells nothing else either.
  [ -n "$version" ] || return
  if plugins=$(timeout 5 ctr plugins ls 2>/dev/null); then
    line pluginsRead yes
    printf '%s\\n' "$plugins" | while read -r type id platforms state rest; do
      case "$type/$id" in
        io.containerd.grpc.v1/cri | io.containerd.cri.v1/*) printf 'plugin\\t%s/%s\\t%s %s %s\\n' "$type" "$id" "$platforms" "$state" "$rest" ;;
      esac
    done
  fi
  line clockTicks "$(getconf CLK_TCK)"
  line bootSeconds "$(sed -n 's/^btime //p' /proc/stat)"
  if tasks=$(list_tasks || list_tasks); then line containersRead "containerd	yes"
  else line containersRead "containerd	no"; return
  fi
  printf '%s\\n' "$tasks" | while read -r id pid state; do
    [ "$state" = RUNNING ] || continue
    stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
    set -- \${stat##*) }
    printf 'task\\t%s\\t%s\\n' "$id" "\${20}"
    labels "$id" || [ ! -e "/proc/$pid" ] || line containersRead "containerd	no"
  done
}
list_tasks() { timeout 10 ctr -n k8s.io tasks ls 2>/dev/null; }

# The runtime's bundle holds the annotations; asking the daemon is the slower way to the same text.
labels() {
  file=/run/containerd/io.containerd.runtime.v2.task/k8s.io/$1/config.json
  spec=$(cat "$file" 2>/dev/null || timeout 5 ctr -n k8s.io containers info "$1" 2>/dev/null) || return 1
  printf '%s\\n' "$spec" |
    grep -o '"io\\.kubernetes\\.cri\\.\\(container-type\\|container-name\\|sandbox-name\\|sandbox-namespace\\)": *"[^"]*"' |
    sort -u | sed 's/^"io\\.kubernetes\\.cri\\.\\([a-z-]*\\)": *"\\(.*\\)"$/label\\t'"$1"'\\t\\1\\t\\2/'
}

crio() {
  version=$(daemon_version crio)
  line daemon "crio	$version"
  [ -n "$version" ] || return
  if list=$(list_crio || list_crio); then
    line containersRead "crio	yes"
    printf 'crictl\\t%s\\n' "$(printf '%s' "$list" | tr -d '\\n\\t')"
  else line containersRead "crio	no"
  fi
}
list_crio() { timeout 10 crictl ps -o json 2>/dev/null; }

transactions_told() {
  if running=$(running_transactions); then line transactionsRead yes
  else line transactionsRead no
  fi
  for name in $running; do line transaction "$name"; done
}

main() {
  line clock "$(date +%s%3N)"
  host
  packages "$@"
  transactions_told
  command -v ctr >/dev/null 2>&1 && containerd
  systemctl is-active --quiet crio 2>/dev/null && crio
  echo end
}
main "$@" </dev/null
exit 0
`;
