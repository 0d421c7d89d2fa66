#!/bin/sh
# claim: what a guest sealed, also under a PCR policy, it unseals after guest, vTPM domain and manager were restarted, with the manager's store sealed to the hardware TPM; without its measurement it does not
# long-variants: pv pvh
# needs: guests tpm=2 time=900
. manager-lib
iomem='iomem=["fed40,5"]'
tidy='tidy() { "$@"; code=$?; tpm2_flushcontext -t; return $code; }'
measure='tpm2_pcrextend 8:sha256=$(printf kernel | sha256sum | cut -c1-64)'
up() {
  manager_start "$VARIANT" tpm2 "$iomem" || fail "the manager came up"
  vtpm_start vtpm1 "$VARIANT" tpm2 'vtpm=["backend=vtpmmgr,uuid=11111111-1111-1111-1111-111111111111"]' || fail "the vTPM came up"
  guest_start g1 "$VARIANT" 'vtpm=["backend=vtpm1"]' || fail "the guest came up"
}
up
in_guest g1 "the guest seals one secret plainly and one to its measurement" "$tidy"'
modprobe xen-tpmfront; test -c /dev/tpm0
'"$measure"'
tidy tpm2_createprimary -Q -C o -g sha256 -G ecc -c top
printf "plain secret" | tidy tpm2_create -Q -C top -i- -u pub -r priv
tpm2_load -Q -C top -u pub -r priv -c plain; tidy tpm2_evictcontrol -Q -C o -c plain 0x81000001
tidy tpm2_createpolicy -Q --policy-pcr -l sha256:8 -L policy
printf "measured secret" | tidy tpm2_create -Q -C top -i- -L policy -u pub -r priv
tpm2_load -Q -C top -u pub -r priv -c bound; tidy tpm2_evictcontrol -Q -C o -c bound 0x81000002
test "$(tidy tpm2_unseal -c 0x81000002 -p pcr:sha256:8)" = "measured secret"'
guest_stop g1
vtpm_stop vtpm1 || fail "the vTPM stops"
manager_stop || fail "the manager stops"
up
in_guest g1 "after a restart of everything the guest unseals the plain secret" "$tidy"'
modprobe xen-tpmfront; test -c /dev/tpm0
test "$(tidy tpm2_unseal -c 0x81000001)" = "plain secret"'
in_guest g1 "the other one not before it has measured the same again" "$tidy"'
if tidy tpm2_unseal -c 0x81000002 -p pcr:sha256:8; then exit 1; fi
'"$measure"'
test "$(tidy tpm2_unseal -c 0x81000002 -p pcr:sha256:8)" = "measured secret"'
