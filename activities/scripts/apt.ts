import { AUTOMATIC_UPDATES } from './automatic-updates.ts';

/**
 * Scripts that read package sources. They use lists and caches of their own in a folder that is
 * removed afterwards: the node's apt state is not touched, and its locks are not waited for.
 */
const PRIVATE_APT = `
set -u
LC_ALL=C; export LC_ALL
umask 022
mkdir -p /var/cache/tidegate && chmod 700 /var/cache/tidegate || exit 1
work=$(mktemp -d /var/cache/tidegate/work.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM PIPE
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/get"
apt_private() {
  tool=$1; shift
  "$tool" -q -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root -o Acquire::Retries=2 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 "$@"
}
# On a full disk not even the reason can be written down.
full() { [ "$(df --output=avail -B1 "$work" | tail -n 1)" -ge 65536 ] || printf 'no room is left in /var/cache/tidegate '; }
refresh() {
  apt_private apt-get -o APT::Update::Error-Mode=any update >"$work/update.log" 2>&1 && return
  untrusted=$(grep -E 'NO_PUBKEY|EXPKEYSIG|REVKEYSIG|KEYEXPIRED' "$work/update.log" | tail -n 1 | tr '\\t' ' ')
  [ -z "$untrusted" ] || printf 'untrusted\\t%s\\n' "$untrusted"
  printf 'updateFailed\\t%s\\n' "$(full; grep -E '^[EW]:' "$work/update.log" | tail -n 5 | tr '\\t\\n' '  ')"
}
offers() {
  for name in "$@"; do
    apt_private apt-cache show "$name" 2>/dev/null |
      sed -n 's/^\\(Package\\|Version\\|SHA256\\): */\\1\\t/p; s/^$/-/p'
  done
}
# Versions of a package that a source offers: what is only installed has no digest.
offered() {
  { offers "$1"; echo -; } | {
    version= sum=
    while read -r field value; do
      case "$field" in
        Version) version=$value ;;
        SHA256) sum=$value ;;
        -) [ -z "$sum" ] || echo "$version"; version= sum= ;;
      esac
    done
  } | sort -u
}
`;

/** Prints every version of the packages that the node's sources offer, then "end". */
export const OFFERS_SCRIPT = `${PRIVATE_APT}
main() { refresh; offers "$@"; echo end; }
main "$@" </dev/null
exit 0
`;

/**
 * Puts packages into /var/cache/tidegate/<sha256>.deb; then asks apt whether installing those
 * marked "to" would change any other package. Arguments: end, name, version and sha256 for each.
 */
export const STAGE_SCRIPT = `${PRIVATE_APT}
store=/var/cache/tidegate
digest() { sha256sum "$1" 2>/dev/null | cut -d ' ' -f 1; }
keep() { touch "$1" && mv "$1" "$store/.$2.new" && sync "$store/.$2.new" && mv "$store/.$2.new" "$store/$2.deb"; }
# A file that is used is none of long ago.
used() { [ -z "$(find "$store/$1.deb" -mtime +0)" ] || touch "$store/$1.deb"; }
have() { [ "$(digest "$store/$1.deb")" = "$1" ]; }

# The node may still have a version that its sources no longer offer.
from_node() {
  for file in /var/cache/apt/archives/"$1"_*.deb; do
    [ -f "$file" ] && [ "$(digest "$file")" = "$2" ] && cp "$file" "$work/get/copy.deb" && keep "$work/get/copy.deb" "$2" && return
  done
  return 1
}

fetch() {
  name=$1 version=$2 sha=$3
  rm -f "$work"/get/*.deb
  if ! (cd "$work/get" && apt_private apt-get download "$name=$version") >"$work/get.log" 2>&1; then
    if offered "$name" | grep -Fqx -e "$version"
    then printf 'fetchFailed\\t%s\\t%s\\t%s\\n' "$name" "$version" "$(tail -n 5 "$work/get.log" | tr '\\t\\n' '  ')"
    else printf 'unavailable\\t%s\\t%s\\t%s\\n' "$name" "$version" "$(offered "$name" | tr '\\n' ' ')"
    fi
    return 1
  fi
  found=$(digest "$work"/get/*.deb)
  if [ "$found" != "$sha" ]; then
    printf 'mismatch\\t%s\\t%s\\t%s\\n' "$name" "$version" "$found"
    return 1
  fi
  keep "$work"/get/*.deb "$sha"
}

# Anything apt would install, change or remove beside the bundle's own packages is a surprise.
surprises() {
  names=$1; shift
  # An interrupted dpkg makes apt refuse to answer; the transaction repairs it first.
  [ -z "$(dpkg --audit)" ] && ! ls /var/lib/dpkg/updates/[0-9]* >/dev/null 2>&1 || return
  apt-get -s install -y --allow-downgrades --allow-change-held-packages --no-install-recommends "$@" >"$work/simulate.log" 2>&1 ||
    printf 'unsolvable\\t%s\\n' "$(tail -n 12 "$work/simulate.log" | tr '\\t\\n' '  ')"
  sed -n 's/^\\(Inst\\|Remv\\) \\([^ ]*\\) .*/\\1 \\2/p' "$work/simulate.log" | while read -r verb other; do
    case " $names " in *" $other "*) ;; *) printf 'surprise\\t%s\\t%s\\n' "$verb" "$other" ;; esac
  done
}

# Removes what no rollout has used for 30 days and is not installed, and what killed runs left.
# Arguments: the digests to keep.
prune() {
  removed=0
  for file in $(find "$store" -maxdepth 1 -name '*.deb' -mtime +30); do
    sum=$(basename "$file" .deb)
    case " $* " in *" $sum "*) continue ;; esac
    name=$(dpkg-deb -f "$file" Package 2>/dev/null)
    version=$(dpkg-deb -f "$file" Version 2>/dev/null)
    [ -n "$version" ] && [ "$(dpkg-query -W -f='\${Version}' "$name" 2>/dev/null)" = "$version" ] && continue
    rm -f "$file" && removed=$((removed + 1)) && echo "$name $version" >>"$work/pruned"
  done
  [ "$removed" = 0 ] || printf 'pruned\\t%s\\n' "$(paste -s -d , "$work/pruned" | sed 's/,/, /g')"
  find "$store" -maxdepth 1 -type f -name 'tidegate-tx-*' -mtime +30 -delete
  find "$store" -maxdepth 1 -type d -name 'work.*' -mtime +1 -exec rm -rf {} +
}

# What a container runtime's packages need to be fetched, kept and unpacked.
needed_mib=256
roomy() {
  free=$(df --output=avail -B1M "$store" | tail -n 1 | tr -d ' ')
  [ "$free" -ge "$needed_mib" ] || { printf 'noSpace\\t%s\\t%s\\n' "$free" "$needed_mib"; return 1; }
}

digests() { while [ "$#" -ge 4 ]; do printf '%s ' "$4"; shift 4; done; }

${AUTOMATIC_UPDATES}
main() {
  fresh=no ok=yes files= names=
  prune $(digests "$@")
  automatic=$(automatic_updates)
  [ -z "$automatic" ] || printf 'automatic\\t%s\\n' "$automatic"
  while [ "$#" -ge 4 ]; do
    end=$1 name=$2 version=$3 sha=$4; shift 4
    if have "$sha"; then used "$sha"; printf 'present\\t%s\\t%s\\n' "$name" "$version"
    elif from_node "$name" "$sha"; then printf 'fetched\\t%s\\t%s\\n' "$name" "$version"
    elif ! roomy; then ok=no; continue
    else
      [ "$fresh" = yes ] || { refresh; fresh=yes; }
      if fetch "$name" "$version" "$sha"; then printf 'fetched\\t%s\\t%s\\n' "$name" "$version"; else ok=no; continue; fi
    fi
    if [ "$end" = to ]; then files="$files $store/$sha.deb"; names="$names $name"; fi
  done
  [ "$ok" = yes ] && [ -n "$files" ] && surprises "$names" $files
  echo end
}
main "$@" </dev/null
exit 0
`;

/** Removes staged packages whose version is not the installed one. Arguments: name, version, sha256 for each. */
export const UNSTAGE_SCRIPT = `
set -u
LC_ALL=C; export LC_ALL
main() {
  while [ "$#" -ge 3 ]; do
    installed=$(dpkg-query -W -f='\${Version}' "$1" 2>/dev/null)
    [ "$installed" = "$2" ] || rm -f "/var/cache/tidegate/$3.deb" || exit 1
    shift 3
  done
  echo end
}
main "$@" </dev/null
exit 0
`;
