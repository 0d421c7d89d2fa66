#!/bin/bash
# claim: a machine of several boots keeps its disk, less what was not flushed before a power cut, and its TPM's state; its TPM tells a cut from a shutdown
# long-variants: all
# needs: boots tpm=2 tpm-dom0 time=400
. vtpm-lib
eval "$(raw_tpm)"
# TPM2_GetCapability of TPM_PT_STARTUP_CLEAR; its bit 31: the last end of the TPM was an orderly one.
orderly() { case $(tpm 8001:00000016:0000017a:00000006:00000201:00000001 | tail -c 8) in [89a-f]*) ;; *) return 1;; esac; }
cut_was_seen() { ! orderly; }
# TPM2_NV_Write and TPM2_NV_Read of eight bytes with the index' password.
write=8002:0000002c:00000137:01500001:01500001:0000000a:40000009:0000:00:0001:73:0008
nv_read=8002:00000024:0000014e:01500001:01500001:0000000a:40000009:0000:00:0001:73:0008:0000
nv_is() { tpm $nv_read | grep -q "$1"; }
pcr_is_reset() { [ "$(pcr16)" = $zeros ]; }
check "PCR 16 has its reset value at boot $BOOT" pcr_is_reset
check "and changes when it is extended" ok $extend
! pcr_is_reset || fail "the extend changed it"
# A megabyte that goes past dom0's page cache, and what is there of it.
direct() { tr '\0' "$1" </dev/zero | dd of=/lab/kept/direct bs=64K count=16 iflag=fullblock oflag=direct conv=notrunc 2>/dev/null; }
case $BOOT in
1) ok $define && ok $write:1111111111111111:0000 || fail "the index was written"
   echo first >/lab/kept/one
   direct 1 && sync
   boot_again;;
2) check "the TPM saw an orderly shutdown" orderly
   check "its index is there" nv_is 1111111111111111
   check "the file is there" matches '^first$' cat /lab/kept/one
   ok $write:2222222222222222:0000 || fail "the index was written again"
   echo second >/lab/kept/two
   sync /lab/kept/two
   echo lost >/lab/kept/three
   echo "before the cut"
   cut_power 1 1
   direct 2 &
   while sleep 0.05; do echo lives; done;;
3) check "the TPM saw that there was no orderly shutdown" cut_was_seen
   check "its index is there" nv_is 2222222222222222
   check "the file that was synced is there" matches '^second$' cat /lab/kept/two
   [ ! -s /lab/kept/three ] || fail "what was in dom0's memory alone is lost"
   new=$(tr -d 1 </lab/kept/direct | wc -c)
   echo "of a megabyte that the disk had taken and not flushed, $new bytes are there"
   [ "$(stat -c %s /lab/kept/direct)" = 1048576 ] || fail "the megabyte is there"
   [ "$new" -gt 0 ] && [ "$new" -lt 1048576 ] || fail "some of it is lost and some is not"
   check "what was said before the cut is known" matches '^before the cut$' cat /lab/said
   check "and what was said until it" matches '^lives$' cat /lab/said;;
esac
