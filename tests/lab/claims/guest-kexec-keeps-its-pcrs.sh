#!/bin/sh
# claim: a kernel that an HVM guest starts by kexec finds the PCRs of the one before, and the TPM works
# long-variants: pv
# needs: guests device-model time=900
. vtpm-lib
. hvm-lib
lean_guest
# The guest has the program, and what it starts.
layer=/tmp/layer
mkdir -p $layer/boot $layer/usr/bin && cp /lab/guest/vmlinuz /lab/guest/guest.cpio $layer/boot
for file in "$(command -v kexec)" $(ldd "$(command -v kexec)" | grep -o '/[^ ]*'); do
  folder=$layer$(realpath "$(dirname "$file")")
  mkdir -p "$folder" && cp -L "$file" "$folder"
done
(cat /lab/guest/guest.cpio; cd $layer && find . | cpio -o -H newc 2>/dev/null) >/tmp/kexec.cpio
rm -r $layer
GUEST_RAMDISK=/tmp/kexec.cpio GUEST_MEMORY=256
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
hvm_start g1 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
guest=$(xl domid g1)
raw_guest g1 "it uses its TPM" 'has_tpm; ok $define; ok $use; ok $extend; pcr16 >/tmp/pcr; test $(cat /tmp/pcr) != $zeros'
pcr=$(guest_run g1 'cat /tmp/pcr')
in_guest g1 "another kernel is loaded" 'export PATH=$PATH:/usr/sbin; kexec -l /boot/vmlinuz --initrd=/boot/guest.cpio --reuse-cmdline; test "$(cat /sys/kernel/kexec_loaded)" = 1'
GUEST_RUN_SECONDS=2 guest_run g1 'PATH=$PATH:/usr/sbin; kexec -e' 2>/dev/null
ready=/local/domain/$guest/data/lab/ready
check "the old kernel is gone" wait_no_node "$ready" 40
guest_wait g1 || guest_wait g1 120 || fail "the new kernel came up"
check "in the same domain" test "$(xl domid g1)" = "$guest"
raw_guest g1 "it finds the PCRs as they were, and uses what was kept" "has_tpm; test \$(pcr16) = $pcr; ok \$use; ok \$extend; test \$(lockouts) = 00000000"
