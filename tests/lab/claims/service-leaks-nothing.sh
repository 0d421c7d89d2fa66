#!/bin/sh
# claim: twenty guests with a vTPM each, created and destroyed, leave no domain, node, loop device, lock, process or file behind
# long-variants: pv
# needs: guests time=2400
. service-lib
lean_guest
installed
guests=$(seq -f 'g%.0f' 1 20)
check "the files are written" configured pv $guests
echo 'RUN_ARGS="--grace 1"' >>/etc/default/xl-vtpm
for guest in $guests; do on_demand "$guest"; done
check "manager and watch are started" eval '/etc/init.d/xl-vtpm start && /etc/init.d/xl-vtpm-watch start'
check "twenty TPMs are made" made $guests
for guest in $guests; do wait_gone "$guest-vtpm" 60 || fail "the vTPM of $guest ends"; done
# What there is: all nodes but those of what domains count, loop devices, temporary files and locks, open
# files of the watch, processes.
there() {
  xenstore-ls -f / | sed 's/ = .*//' | grep -v -e '^/local/domain/0/memory' -e '^/libxl/0'
  losetup -a
  find /run /tmp -name 'lab-*' -prune -o -print | grep -v '/tmp/service\|/run/xen-hotplug$'
  find /proc/"$(cat /run/xl-vtpm-watch.pid)"/fd | wc -l
  ps -ef | grep -c '[x]l-vtpm reap\|[d]efunct'
}
there >/tmp/lab-before
batch() {
  for guest in "$@"; do xl create -q "/tmp/$guest.cfg" || return; done
  for guest in "$@"; do guest_wait "$guest" || return; done
}
set -- $guests
while [ $# -gt 0 ]; do
  four="$1 $2 $3 $4"; shift 4
  check "$four start" batch $four
  for guest in $four; do raw_guest "$guest" "$guest has a TPM" "has_tpm; ok \$random"; done
  for guest in $four; do xl destroy "$guest"; done
  for guest in $four; do check "the vTPM of $guest ends" wait_gone "$guest-vtpm" 60; done
done
same() { there >/tmp/lab-after; diff /tmp/lab-before /tmp/lab-after; }
lab_until 10 same
check "there is what there was before" same
check "all of it ends" eval '/etc/init.d/xl-vtpm-watch stop && xlv service down --timeout 5'
check "nothing is left" no_domains
check "nor a loop device" no_loops
