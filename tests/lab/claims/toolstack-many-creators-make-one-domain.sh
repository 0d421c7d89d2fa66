#!/bin/sh
# claim: whoever starts the same vTPM or manager at the same moment, the scripts of several disks of a guest, xl-vtpm service or xl-vtpm create, there is one domain of each, no error that is none, and nothing left, whether xl holds its lock or not
# long-variants: pv pv-no-lock
# needs: guests time=1500
. service-lib
lean_guest
installed
case $VARIANT in
*-no-lock) balloon=off;;
*) balloon=on;;
esac
# With "on", xl takes memory from domain 0 and holds its lock while a disk script runs.
sed -i '/autoballoon/d' /etc/xen/xl.conf; echo "autoballoon=\"$balloon\"" >>/etc/xen/xl.conf
disks=/var/lib/xen/vtpm
check "the files are written" configured pv g1 g2
for guest in g1 g2; do
  truncate -s 1M /tmp/$guest-a.img /tmp/$guest-b.img
  echo "disk=[\"script=block-vtpm,vdev=xvda,target=/tmp/$guest-a.img\",\"script=block-vtpm,vdev=xvdb,target=/tmp/$guest-b.img\"]" >>/tmp/$guest.cfg
done
# one NAME...: there is one domain of each name.
one() { for one_name in "$@"; do [ "$(xl list | grep -c "^$one_name ")" = 1 ] || { xl list; return 1; }; done; }
# quiet: no lock, no note of what is being made and no file that was being made is left.
quiet() {
  find /run/xl-vtpm -type f; xenstore-ls /tool/xl-vtpm/making 2>/dev/null; ls -A $disks
  [ -z "$(find /run/xl-vtpm -type f)$(xenstore-list /tool/xl-vtpm/making 2>/dev/null)" ] &&
    [ -z "$(ls -A $disks | grep -vx -e 'g[12]-vtpm.img' -e vtpmmgr.img)" ]
}
# begun FILE: xl starts the guest. On a slow machine a disk script may have too little time: that, and nothing else,
# is a reason to start the guest once more.
begun() {
  for begun_attempt in 1 2 3; do
    : >/tmp/begun.log
    xl create -q "$1" 2>/tmp/begun.log; begun_code=$?
    cat /tmp/begun.log
    [ $begun_code != 0 ] || return 0
    grep -q -e 'it is not ready in the' -e 'not up after 34 s' -e 'because of timeout' /tmp/begun.log || return
    echo "it was late"
  done
  return 1
}
check "the manager is started" /etc/init.d/xl-vtpm start
check "a guest of two disks that both say block-vtpm starts, and its TPM is made" begun /tmp/g1.cfg
tee /tmp/said.log </tmp/lab-check.log
check "no word tells of two who made one image" eval '! grep -i -e exists -e meanwhile /tmp/said.log'
guest_wait g1 || fail "g1 came up"
raw_guest g1 "it has both disks" 'modprobe xen-blkfront; sleep 1; test -b /dev/xvda -a -b /dev/xvdb'
raw_guest g1 "it writes into its TPM" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde01:0000"
check "there is one domain of each" one vtpmmgr g1-vtpm g1
check "and nothing else" quiet

over() { for over_name in "$@"; do xl destroy "$over_name"; vtpm_stop "$over_name-vtpm" || return; done; }
finds() { raw_guest g1 "it finds what it wrote" "has_tpm; tpm $nv_read | grep -q 123456789abcde01"; }
check "guest and vTPM end" over g1
check "it starts a second time" begun /tmp/g1.cfg
cat /tmp/lab-check.log
guest_wait g1 || fail "g1 came up a second time"
finds
check "there is one domain of each" one vtpmmgr g1-vtpm g1
check "and nothing else" quiet
check "guest and vTPM end" over g1

# The service beside the disk scripts.
check "the vTPM is made resident" xlv enable g1
xlv service up --timeout 120 >/tmp/up.log 2>&1 & up=$!
check "the guest starts while the service starts its vTPM" begun /tmp/g1.cfg
cat /tmp/lab-check.log
wait $up; code=$?
cat /tmp/up.log
check "the service has no complaint" [ $code = 0 ]
guest_wait g1 || fail "g1 came up beside the service"
finds
check "there is one domain of each" one vtpmmgr g1-vtpm g1
check "and nothing else" quiet
check "the vTPM is not resident any more" xlv disable g1

# both COMMAND COMMAND: at once; their exit codes are in $codes.
both() {
  sh -c "$1" >/tmp/both-1.log 2>&1 & both_1=$!
  sh -c "$2" >/tmp/both-2.log 2>&1 & both_2=$!
  wait $both_1; codes=$?
  wait $both_2; codes="$codes $?"
  echo "exit codes: $codes"; cat /tmp/both-1.log /tmp/both-2.log
}
check "guest and vTPM are ended" xlv shutdown g1
create='/lab/tools/xl-vtpm create --timeout 120'
both "$create /tmp/g1.cfg" "$create /tmp/g1.cfg"
check "of two who start one guest one does" eval 'test "${codes#0 }" != "${codes% 0}"'
check "and the other says that it runs, or is being started" grep -q -e 'the guest g1 runs already' -e 'another xl-vtpm has been busy' /tmp/both-1.log /tmp/both-2.log
guest_wait g1 || fail "g1 came up for one of them"
finds
check "there is one domain of each" one vtpmmgr g1-vtpm g1
check "and nothing else" quiet

check "all of it ends" xlv service down --timeout 30
check "nothing is left" no_domains
both "$create /tmp/g1.cfg" "$create /tmp/g2.cfg"
check "two who start a guest each, and both the manager, have both" [ "$codes" = "0 0" ]
for guest in g1 g2; do guest_wait $guest || fail "$guest came up beside the other"; done
finds
raw_guest g2 "the other has a TPM, too" "has_tpm; ok \$random"
check "there is one domain of each" one vtpmmgr g1-vtpm g1 g2-vtpm g2
check "and nothing else" quiet
check "all of it ends" xlv service down --timeout 30
check "no domain is left" no_domains
check "nor a loop device" no_loops
