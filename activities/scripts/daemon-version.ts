/**
 * Shell function that prints what a running daemon reports of itself, or nothing. Debian's
 * containerd has the package revision as its "Revision"; upstream's has a commit there, and then
 * its "Version" is what tells releases apart.
 */
export const DAEMON_VERSION = `
daemon_version() {
  case "$1" in
    containerd)
      timeout 5 ctr version 2>/dev/null | sed -n '/^Server:/,$ s/^ *\\(Version\\|Revision\\): *//p' | {
        version= revision=
        read -r version; read -r revision
        case "$revision" in "$version"*) echo "$revision" ;; *) echo "$version" ;; esac
      } ;;
    crio) timeout 5 crictl version 2>/dev/null | sed -n 's/^RuntimeVersion: *//p' ;;
  esac
}
`;
