#!/bin/sh
# claim: when libxl refuses a vTPM domain, a disk script or a silent manager fails it, it is not ready in time, or xl-vtpm create is told to end, nothing is left behind but what a TPM's state may be on, and the next start goes on with it
# long-variants: pv
# needs: guests time=1500
. service-lib
lean_guest
installed
disks=/var/lib/xen/vtpm vtpm=/etc/xen/vtpm/g1-vtpm.cfg
check "the files are written" configured pv g1 g2
# Whatever could be left: nodes, loop devices, domains, files, locks, processes. A backend's two folders for devices
# that it turned away come into being once.
there() {
  xenstore-ls -f / | sed 's/ = .*//' | grep -v -e '^/local/domain/0/memory' -e '^/libxl/0' -e '/error/backend$' -e '/error/backend/vtpm$'
  losetup -a
  xl list | awk '{ print $1 }'
  find /run /tmp $disks -name 'lab-*' -prune -o -print | grep -v '^/run/xen-hotplug\|^/run/xenstored/db$'
  pgrep -fl 'xl-vtpm (create|reap|hotplug)'
}
same() { there >/tmp/lab-after; diff /tmp/lab-before /tmp/lab-after; }
# What the first of all brings into being once, such as folders, is nothing left behind.
check "guest, vTPM and manager start" xlv create /tmp/g1.cfg --timeout 120
guest_wait g1 || fail "the guest came up"
raw_guest g1 "it writes into its TPM" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde01:0000"
check "guest and vTPM end" xlv shutdown g1
: >/tmp/lab-before; : >/tmp/lab-after
: >/tmp/said.log
there >/tmp/lab-before

# fails "SENTENCE" REGEX GUEST [OPTION...]: its start fails with such a word, and all is as it was.
fails() {
  fails_sentence=$1 fails_word=$2 fails_guest=$3; shift 3
  if stopwatch xlv create "/tmp/$fails_guest.cfg" "$@" >/tmp/said.log 2>&1; then
    cat /tmp/said.log; fail "$fails_sentence: the guest does not start"
  fi
  cat /tmp/said.log
  grep -Eq -e "$fails_word" /tmp/said.log || fail "$fails_sentence: it says so: $fails_word"
  lab_until 10 same
  check "$fails_sentence: it is said, and nothing is left behind" same
}
# meanwhile NAME COMMAND...: does it as soon as there is such a domain.
meanwhile() { meanwhile_name=$1; shift; { lab_until 60 xl domid "$meanwhile_name" && "$@"; } >/tmp/lab-meanwhile.log 2>&1 & }
tell() { pkill "-$1" -f '^/lab/tools/xl-vtpm create'; }

cp /etc/xen/vtpm/g2-vtpm.cfg /root/g2-vtpm.cfg
sed -i 's/^memory *=.*/memory = 100000/' /etc/xen/vtpm/g2-vtpm.cfg
fails "a domain larger than the machine" 'could not start the vTPM domain g2-vtpm.*nothing was left behind' g2
check "no image of a TPM that was never made, either" test ! -e $disks/g2-vtpm.img
cp /root/g2-vtpm.cfg /etc/xen/vtpm/

cp $vtpm /root/g1-vtpm.cfg
sed -i '/^disk/s/\[ *"/["script=block-vtpm-state,/' $vtpm
chmod 644 $disks/g1-vtpm.img
fails "a disk that its script refuses" 'could not start the vTPM domain g1-vtpm' g1
chmod 600 $disks/g1-vtpm.img
cp /root/g1-vtpm.cfg $vtpm

xl pause vtpmmgr
fails "a manager that does not answer libxl" 'could not start the vTPM domain g1-vtpm.*nothing was left behind' g1 --timeout 5
xl unpause vtpmmgr

meanwhile g1-vtpm xl pause g1-vtpm
fails "a vTPM that is not ready in time" 'it is not ready after 5 s.*nothing was left behind' g1 --timeout 5

for signal in INT TERM HUP; do
  meanwhile g1-vtpm tell $signal
  fails "SIG$signal while the vTPM starts" 'it was told to end.*nothing was left behind' g1 --timeout 60
done

check "the manager is stopped" xlv manager stop
lab_until 10 no_domains
there >/tmp/lab-before
meanwhile vtpmmgr tell INT
fails "SIGINT while the manager starts" 'it was told to end' g1 --timeout 60
check "no domain is left" no_domains

check "after all that the guest starts" xlv create /tmp/g1.cfg --timeout 120
guest_wait g1 || fail "the guest came up again"
raw_guest g1 "it finds what it wrote" "has_tpm; tpm $nv_read | grep -q 123456789abcde01"
check "so does the one that was refused" xlv create /tmp/g2.cfg --timeout 120
check "all of it ends" xlv service down --timeout 30
check "nothing is left" no_domains
check "nor a loop device" no_loops
