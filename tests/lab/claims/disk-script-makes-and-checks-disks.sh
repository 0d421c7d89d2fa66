#!/bin/sh
# claim: stock xl create on generated files has the package's disk script make the images of a manager and a vTPM; a disk that is in use, gone, of another kind, foreign or open to others is refused in a sentence that xl prints, and left alone
# In the variant found no file names a type: the tools ask libxl; and the disks have all their space at once.
# long-variants: pv found
# needs: guests time=900
. service-lib
lean_guest
installed
disks=/var/lib/xen/vtpm folder=/etc/xen/vtpm
rm -rf $disks
check "the files are written" configured pv g1
sed -i '1a check_disks=true' /tmp/service.toml
case $VARIANT in found)
  type=pvh
  check "libxl names what this host has: hap" matches "^virt_caps .* hap( |\$)" xl info
  sed -i -e '/^type=/d' -e '1a allocated=true' /tmp/service.toml
  rm $folder/*.cfg;;
esac
check "and name the scripts" /lab/tools/vtpm-config-gen --force /tmp/service.toml
cp $folder/g1.cfg /tmp/g1.cfg
case $VARIANT in found)
  for name in g1-vtpm vtpmmgr; do
    check "$name is to run as $type" grep -q "^type *= *\"$type\"" $folder/$name.cfg
    check "its disk is to give no space back" \
      test "$(xl create --dryrun $folder/$name.cfg | jq -r '.disks[0].discard_enable')" = False
  done;;
esac
script_of() { xl create --dryrun "$folder/$1.cfg" | jq -r ".disks[0].script" | grep -Eqx "(.*/)?$2"; }
check "stock xl reads the vTPM's" script_of g1-vtpm block-vtpm-state
check "stock xl reads the manager's" script_of vtpmmgr block-vtpmmgr-store

# refused NAME REGEX: xl create of the file does not start the domain, and prints such a sentence.
refused() {
  if xl create "$folder/$1.cfg" >/tmp/refused.log 2>&1; then echo "it was started"; return 1; fi
  grep 'script: ' /tmp/refused.log
  grep -Eq "script: $2" /tmp/refused.log && toolstack_gone "$1"
}
# is FILE MODE BYTES [KIB]: an image, and sparse, with no more than so much of it there; or all of it there.
is() {
  du -k "$1"; stat -c '%a %s' "$1"
  [ "$(stat -c '%a %s' "$1")" = "$2 $3" ] || return
  case $VARIANT in
    found) [ "$(du -k "$1" | cut -f 1)" -ge $(($3 / 1024)) ];;
    *) [ "$(du -k "$1" | cut -f 1)" -lt "$4" ];;
  esac
}
# no_discard NAME: what libxl has told the backend of its disk.
no_discard() { [ "$(xenstore-read "$(xenstore-read "/local/domain/$(xl domid "$1")/device/vbd/768/backend")/discard-enable")" = 0 ]; }
# other NAME SED: a file of a vTPM domain of another name that differs from g1-vtpm's as told.
other() { sed -e "s/^name = .*/name = \"$1\"/" -e "$2" $folder/g1-vtpm.cfg >"$folder/$1.cfg"; }

check "without the folder nothing is made" refused vtpmmgr "there is no folder $disks/ "
cat /tmp/lab-check.log
check "nor the folder" test ! -e $disks
mkdir -m 700 $disks
check "stock xl starts the manager" xl create -q $folder/vtpmmgr.cfg
check "its store is 16 MiB, sparse or not as told, and only root's" is $disks/vtpmmgr.img 600 16777216 2048
cat /tmp/lab-check.log
check "it serves" wait_node "/local/domain/$(xl domid vtpmmgr)/data/vtpmmgr/state" '^ready$' 120
check "stock xl starts the vTPM" xl create -q $folder/g1-vtpm.cfg
check "its image is 2 MiB, sparse or not as told, and only root's" is $disks/g1-vtpm.img 600 2097152 2048
cat /tmp/lab-check.log
case $VARIANT in found) for name in vtpmmgr g1-vtpm; do check "$name's disk keeps its space" no_discard $name; done;; esac
vtpm_wait g1-vtpm 120 || fail "it serves"
check "nothing else is in the folder" test "$(ls -A $disks)" = "$(printf 'g1-vtpm.img\nvtpmmgr.img')"
check "stock xl starts the guest" xl create -q /tmp/g1.cfg
guest_wait g1 || fail "the guest came up"
raw_guest g1 "it uses its TPM" "has_tpm; ok $nv_new; ok $nv_write:123456789abcde01:0000"

ln -s g1-vtpm.img $disks/alias
other thief 's/target=.*img/target=\/var\/lib\/xen\/vtpm\/alias/'
check "the disk of a running vTPM is nobody else's, under no name" \
  refused thief "$disks/alias is a disk of g1-vtpm \(domain $(xl domid g1-vtpm)\) already; "
cat /tmp/lab-check.log
raw_guest g1 "the guest notices nothing" "has_tpm; tpm $nv_read | grep -q 123456789abcde01"

cp --sparse=always $disks/vtpmmgr.img $disks/store.img
other wrong 's/target=.*img/target=\/var\/lib\/xen\/vtpm\/store.img/'
check "a manager's store is no vTPM's disk" refused wrong "$disks/store.img is a manager's store and not a vTPM's state; "
cat /tmp/lab-check.log
sed -i 's/store.img/foreign.img/' $folder/wrong.cfg
(umask 077; truncate -s 4M $disks/foreign.img; printf '\123\357' | dd of=$disks/foreign.img bs=1 seek=1080 conv=notrunc 2>/dev/null)
before=$(cksum <$disks/foreign.img)
check "a file system is no vTPM's disk" refused wrong "$disks/foreign.img holds something that is not a vTPM's state"
cat /tmp/lab-check.log
check "and is left as it was" test "$(cksum <$disks/foreign.img)" = "$before"

check "guest and vTPM end" eval 'xl destroy g1 && vtpm_stop g1-vtpm'
chmod 644 $disks/g1-vtpm.img
check "a disk that others may read is refused" refused g1-vtpm "others may read $disks/g1-vtpm.img"
chmod 600 $disks/g1-vtpm.img
mv $disks/g1-vtpm.img $disks/elsewhere
check "one that is gone is not made anew" refused g1-vtpm "$disks/g1-vtpm.img was there since this host was booted and is gone; "
cat /tmp/lab-check.log
check "nothing is in its place" test ! -e $disks/g1-vtpm.img
mv $disks/elsewhere $disks/g1-vtpm.img
check "once it is back xl-vtpm starts guest and vTPM by the same files" xlv create $folder/g1.cfg --timeout 120
guest_wait g1 || fail "the guest came up again"
raw_guest g1 "it finds what it wrote" "has_tpm; tpm $nv_read | grep -q 123456789abcde01"
check "guest and vTPM end again" xlv destroy g1

# As a block device.
loop=$(losetup -f --show $disks/g1-vtpm.img) || lab_error "no loop device"
sed -i "s|target=[^\"]*|target=$loop|" $folder/g1-vtpm.cfg
check "stock xl starts the vTPM from a block device" xl create -q $folder/g1-vtpm.cfg
vtpm_wait g1-vtpm 60 || fail "it serves, too"
mknod /dev/as-well b $(stat -c '0x%t 0x%T' "$loop") || lab_error "no second node"
other thief 's|target=[^"]*|target=/dev/as-well|'
check "which is nobody else's under another name" refused thief "/dev/as-well is a disk of g1-vtpm "
check "all of it ends" xlv service down --timeout 30
losetup -d "$loop"
check "no domain is left" no_domains
check "nor a loop device" no_loops
check "nor a file" test "$(ls -A $disks | tr '\n' ' ')" = "alias foreign.img g1-vtpm.img store.img vtpmmgr.img "
