#!/bin/sh
# claim: a TPM of vtpm-proxy whose key is sealed to the host's TPM 2.0 is there again after a reboot, does not open beside another TPM or none, which says why and changes nothing, and opens again beside its own
# long-variants: tis
# needs: boots tpm=2 tpm-dom0 time=600
. proxy-lib
cd /lab/kept || lab_error "there is a kept disk"
modprobe tpm_vtpm_proxy || lab_error "dom0's kernel has the module"
host() { serve_with '--host-tpm' sealed; }
tpm() { tool=$1; shift; "tpm2_$tool" -T "device:$(node sealed tpmrm)" "$@"; }
kept() { [ "$(tpm nvread 0x1500001)" = "keep me" ]; }
# refused REGEX: it does not start, says so in one sentence, and the directory stays as it is.
refused() {
  before=$(cd state-sealed && sha256sum -- *)
  host && fail "it does not start"
  cat sealed.log
  check "it says why" matches "$1" cat sealed.log
  check "in one sentence" test "$(grep -vc '^libtpms' sealed.log)" = 1
  check "and the directory stays as it is" test "$before" = "$(cd state-sealed && sha256sum -- *)"
}
case $BOOT in
1) check "a key is drawn and sealed to the host's TPM" host
   check "its TPM keeps something" sh -c "
tpm2_nvdefine -Q -T device:$(node sealed tpmrm) -C o -s 7 -a 'authread|authwrite' 0x1500001 &&
printf 'keep me' | tpm2_nvwrite -Q -T device:$(node sealed tpmrm) -i- 0x1500001"
   check "neither file holds in clear what the TPM keeps" sh -c '! grep -q "keep me" state-sealed/*'
   check "it stops" $proxy stop sealed
   cd / && boot_again;;
2) check "after a reboot the host's TPM gives the key again" host
   check "and what was kept is there" kept
   check "it stops" $proxy stop sealed
   next_tpm other
   cd / && boot_again;;
3) check "the host has another TPM" test -c /dev/tpmrm0
   refused 'the key cannot be had from the host.s TPM /dev/tpmrm0: '
   next_tpm none
   cd / && boot_again;;
4) refused 'cannot open the host.s TPM /dev/tpmrm0: name a TPM 2.0'
   next_tpm first
   cd / && boot_again;;
5) check "its own TPM opens it" host
   check "and what was kept is there" kept
   check "it stops" $proxy stop sealed;;
esac
