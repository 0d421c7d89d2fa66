#!/bin/sh
# claim: start scripts around Debian's unmodified xendomains start manager, resident vTPM and guest, and end them in order before xendomains would save them; a vTPM that is not resident is started on demand by the disk script block-vtpm, while xl holds its lock or not
# variants: pv
# long-variants: pvh pv-no-lock pv-xen-4.20 pv-c-xenstored
# needs: guests time=400
# needs pv-xen-4.20: release=trixie
# needs pv-c-xenstored: dom0-args=lab.xenstored=c
. service-lib
lean_guest
installed
xendomains_helpers
case $VARIANT in
*-no-lock) balloon=off;;
*) balloon=on;;
esac
type=${VARIANT%%-*}
# With "on", xl takes memory from domain 0 and holds its lock while a disk script runs.
sed -i '/autoballoon/d' /etc/xen/xl.conf; echo "autoballoon=\"$balloon\"" >>/etc/xen/xl.conf
check "the files are written" configured "$type" g1
mkdir -p /etc/xen/auto && ln -s /tmp/g1.cfg /etc/xen/auto/
check "the vTPM is made resident" xlv enable g1
check "manager and vTPM are started before the guests" /etc/init.d/xl-vtpm start
check "the vTPM serves" test "$(vtpm_says g1-vtpm state)" = ready
check "xendomains starts the guest" matches 'Starting Xen domain g1' /etc/init.d/xendomains start
guest_wait g1 || fail "the guest came up"
raw_guest g1 "it writes into its TPM" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde01:0000"
check "it is said in which order they would end" matches '^managers: vtpmmgr$' xlv service down --dry-run
cat /tmp/lab-check.log
check "guest, vTPM and manager are ended" stopwatch /etc/init.d/xl-vtpm-stop stop
cat /tmp/lab-check.log
check "nothing is left" no_domains
check "xendomains finds nothing to save or to shut down" test -z "$(/etc/init.d/xendomains stop)"
check "and has saved nothing" test -z "$(ls /var/lib/xen/save 2>/dev/null)"
check "the vTPM is not resident any more" xlv disable g1
on_demand g1
refused() { ! "$@"; }
check "without a manager the guest does not start, and it is said what to do" \
  matches 'the manager vtpmmgr does not run; start it first: xl-vtpm manager start vtpmmgr' refused xl create -q /tmp/g1.cfg
check "the manager alone is started before the guests" /etc/init.d/xl-vtpm start
check "there is no vTPM yet" toolstack_gone g1-vtpm
check "xendomains starts the guest, whose disk script starts the vTPM" stopwatch /etc/init.d/xendomains start
cat /tmp/lab-check.log
guest_wait g1 || fail "the guest came up again"
raw_guest g1 "it finds what it wrote" "has_tpm; tpm $nv_read | grep -q 123456789abcde01"
check "all of it ends" xlv service down --timeout 30
check "nothing is left" no_domains
check "nor a loop device" no_loops
