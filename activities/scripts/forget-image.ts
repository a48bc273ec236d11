/**
 * Removes one image from containerd, so that the next pull is one. Argument: its reference as containerd
 * names it. The kubelet's side keeps each image under three names, its tag, its digest and its id, and
 * nothing is pulled anew while one of them is left. Prints lines of tab-separated fields, the last one
 * "end": "kept" where another tag has the same content, and then nothing is removed.
 */
export const FORGET_IMAGE_SCRIPT = `
set -u
LC_ALL=C; export LC_ALL
line() { printf '%s\\t%s\\n' "$1" "$2"; }
ctr_images() { timeout 15 ctr -n k8s.io images "$@"; }

forget() {
  ref=$1
  # A reference may have a port, so that only a colon behind the last slash begins a tag.
  tail=\${ref##*/}
  repository=\${ref%"$tail"}\${tail%%[:@]*}
  list=$(ctr_images ls) || return 1
  digest=$(printf '%s\\n' "$list" | while read -r name type target rest; do
    [ "$name" != "$ref" ] || echo "$target"
  done)
  [ -n "$digest" ] || { line absent "$ref"; return; }
  same=$(printf '%s\\n' "$list" | while read -r name type target rest; do
    [ "$target" != "$digest" ] || echo "$name"
  done)
  for name in $same; do
    case "$name" in
      "$ref" | "$repository@$digest" | sha256:*) ;;
      *) line kept "$name"; return ;;
    esac
  done
  # Synchronous: the last of its content is gone before the pull begins.
  ctr_images rm --sync $same >/dev/null || return 1
  line removed "$ref"
}
forget "$1" </dev/null || exit 1
echo end
`;
