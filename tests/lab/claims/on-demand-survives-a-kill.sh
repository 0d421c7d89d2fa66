#!/bin/sh
# claim: when xl-vtpm is killed while the disk script block-vtpm makes a guest's vTPM, the guest does not start and xl says why; the half-made domain is taken away by the next start, which goes on with the TPM's state, or by the watch, while xl holds its lock or not
# long-variants: pv pv-no-lock
# needs: guests time=1200
. service-lib
lean_guest
installed
case $VARIANT in
*-no-lock) balloon=off;;
*) balloon=on;;
esac
# With "on", xl takes memory from domain 0 and holds its lock while a disk script runs.
sed -i '/autoballoon/d' /etc/xen/xl.conf; echo "autoballoon=\"$balloon\"" >>/etc/xen/xl.conf
check "the files are written" configured pv g1
on_demand g1
# The vTPM's own disk takes as long as /tmp/slow is there.
cat >/etc/xen/scripts/block-slow <<'END'
#!/bin/sh
while [ "$1" = add ] && [ -e /tmp/slow ]; do sleep 0.1; done
exec /etc/xen/scripts/block "$@"
END
chmod 755 /etc/xen/scripts/block-slow
sed -i '/^disk/s/\[ *"/["script=block-slow,/' /etc/xen/vtpm/g1-vtpm.cfg
grep '^disk' /etc/xen/vtpm/g1-vtpm.cfg
check "the manager is started" /etc/init.d/xl-vtpm start
check "the TPM is made" made g1
ended() { for ended_name in "$@"; do xl shutdown "$ended_name" && wait_gone "$ended_name" 20 || return; done; }
check "its domain ends" ended g1-vtpm

half_made() { xl list g1-vtpm 2>/dev/null | awk 'NR == 2 { print $5 }' | grep -q -e '--p---'; }
# killed_meanwhile: a start of the guest whose xl-vtpm is killed once its vTPM's domain is there.
killed_meanwhile() {
  : >/tmp/slow
  xl create -q /tmp/g1.cfg >/tmp/killed.log 2>&1 & killed_xl=$!
  lab_until 15 half_made || { cat /tmp/killed.log; return 1; }
  kill -9 "$(pgrep -f '^xl-vtpm hotplug')" || return
  rm /tmp/slow
  ! wait $killed_xl
}
check "a start is killed in the middle" killed_meanwhile
check "xl says why there is no guest" matches 'xl-vtpm was killed; the next start of the guest puts it right' cat /tmp/killed.log
check "there is none" toolstack_gone g1
check "a paused domain of the vTPM's name is left" half_made
check "the next start takes it away" \
  matches 'g1-vtpm \(domain [0-9]+\) was half made and is taken away' stopwatch xl create -q /tmp/g1.cfg
cat /tmp/lab-check.log
guest_wait g1 || fail "the guest came up"
raw_guest g1 "its TPM is the one that was made" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde01:0000"
xl destroy g1
check "guest and vTPM end" eval 'wait_gone g1 10 && ended g1-vtpm'
check "another start is killed" killed_meanwhile
check "the watch is started" /etc/init.d/xl-vtpm-watch start
check "and takes away what is left" wait_gone g1-vtpm 30
check "which it says" matches 'g1-vtpm \(domain [0-9]+\) was half made and is taken away' cat /var/log/xen/xl-vtpm-watch.log
# On a slow machine a disk script may have too little time; the next start finds the TPM ready.
later() { for attempt in 1 2 3; do xl create -q /tmp/g1.cfg && return; done; return 1; }
check "a start goes on with the TPM's state" later
guest_wait g1 || fail "the guest came up again"
raw_guest g1 "it finds what it wrote" "has_tpm; tpm $nv_read | grep -q 123456789abcde01"
check "no note is left of what was being made" eval '! xenstore-list /tool/xl-vtpm/making 2>/dev/null | grep .'
check "all of it ends" xlv service down --timeout 30
check "nothing is left" no_domains
check "nor a loop device" no_loops
