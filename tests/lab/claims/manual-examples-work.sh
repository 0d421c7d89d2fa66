#!/bin/sh
# claim: the commands in the manual pages' examples work as they stand there, from xl-vtpm doctor to the last vTPM cleared
# long-variants: commands all
# needs: tpm=2 tpm-dom0 time=300
# needs all: time=1200
. manager-lib
. hello-lib

# examples PAGE: each line that is to be typed in domain 0, behind the exit code that it should have.
examples() {
  awk '
    /^\.\\" example: / { kind = $3; code = $4 == "" ? 0 : $4; next }
    /^\.EX$/ { inside = kind == "xen"; next }
    /^\.EE$/ { inside = 0; kind = ""; next }
    inside { gsub(/\\-/, "-"); print code "\t" $0 }' "/lab/man/$1"
}
# run_page PAGE: types them.
run_page() {
  examples "$1" >/tmp/examples
  [ -s /tmp/examples ] || lab_error "$1 has no example for domain 0"
  tab=$(printf '\t')
  while IFS="$tab" read -r code line; do
    begin=$(date +%s)
    case $line in
      # "repeated until it says ready"
      xenstore-read*) check "$1: $line" lab_until 60 matches '^ready' sh -c "$line" </dev/null;;
      *) check "$1: $line" exits "$code" sh -c "$line" </dev/null;;
    esac
    echo "($(($(date +%s) - begin)) s)"
    case $line in
      # An emulated processor runs PV domains faster.
      "xl-vtpm new "*)
        [ "$VARIANT" = all ] || sed -i 's/^type = "pvh"/type = "pv"/; /^shadow_memory/d' /etc/xen/vtpm/*.cfg;;
      *" doctor" | *" list" | *" show "*) cat /tmp/lab-check.log;;
    esac
  done </tmp/examples
}

PATH=/lab/tools:/lab/hotplug:$PATH
export PATH
mkdir -p /usr/lib/xen/boot /root
ln -sf /lab/hotplug/block-vtpm* /etc/xen/scripts/
cp /lab/images/*.gz /usr/lib/xen/boot/
# A guest that does nothing.
cat >/etc/xen/guest1.cfg <<END
name = "guest1"
type = "pv"
kernel = "/lab/images/hello-stubdom.gz"
memory = 8
on_reboot = "destroy"
END
if [ "$VARIANT" = all ]; then
  run_page xl-vtpm.7
  run_page vtpm-rewire.8
  check "guest and vTPM are ended" xl-vtpm shutdown guest1
  run_page vtpmmgr-ctl.8
  check "the manager ends" wait_gone vtpmmgr 10
  xl vtpm-detach 0 0
else
  check "domain 0 lets go of its TPM" hwtpm release
  check "at each boot" hwtpm keep
fi
run_page xl-vtpm.1
no_domains() { [ "$(xenstore-list /local/domain)" = 0 ]; }
check "no domain is left" no_domains
check "nor a device of domain 0" test -z "$(ls -d /sys/bus/xen/devices/vtpm-* 2>/dev/null)"
check "the vTPM's disk is blank" matches '^blank' vtpm-inspect /var/lib/xen/vtpm/guest1-vtpm.img
check "the manager knows no vTPM" matches '^vTPMs +0$' vtpm-inspect /var/lib/xen/vtpm/vtpmmgr.img
