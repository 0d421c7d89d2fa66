#!/bin/sh
# claim: in a stock Linux guest vtpm-proxy relay makes a TPM 2.0 with a resource manager of the vTPM behind xen-tpmfront, and nobody else uses the raw device
# long-variants: pv pvh
# needs: guests time=300
. vtpm-lib
[ -x /lab/tools/vtpm-proxy ] || lab_error "there is no vtpm-proxy: ./x images"
mkdir -p /tmp/layer/usr/bin
cp /lab/tools/vtpm-proxy /tmp/layer/usr/bin/
(cat /lab/guest/guest-tpm.cpio; cd /tmp/layer && find . | cpio -o -H newc 2>/dev/null) >/tmp/guest-relay.cpio
GUEST_RAMDISK=/tmp/guest-relay.cpio
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
vtpm_start vtpm1 "$VARIANT" "ephemeral" || fail "a TPM 1.2 domain gets ready"
guest_start g1 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the guest came up"

in_guest g1 "without the driver the relay says what to load" '
vtpm-proxy relay --wait 1 2>&1 | grep "modprobe xen-tpmfront"'
in_guest g1 "the relay starts and names its devices" '
modprobe xen-tpmfront; modprobe tpm_vtpm_proxy
vtpm-proxy relay >relay.log 2>&1 &
for i in $(seq 300); do grep -q ^ready: relay.log && break; sleep 0.1; done
cat relay.log; grep "^ready: relay-tpm0 is TPM 2.0 /dev/tpm1 /dev/tpmrm1" relay.log
test -c /dev/tpmrm1'
in_guest g1 "the kernel knows the new one as a TPM 2.0" 'test "$(cat /sys/class/tpm/tpm1/tpm_version_major)" = 2'
in_guest g1 "nobody else may use the raw device" '! tpm2_getrandom --hex 8 2>&1; ! cat /dev/tpm0'
in_guest g1 "tools that need a resource manager work: five keys at once, a session, a quote" '
export TPM2TOOLS_TCTI=device:/dev/tpmrm1
for n in 1 2 3 4 5; do tpm2_createprimary -Q -C o -G ecc -c key$n; done
tpm2_createak -Q -C key1 -c ak -G ecc -g sha256 -s ecdsa 2>/dev/null || tpm2_createek -Q -c ek -G ecc
tpm2_pcrextend 16:sha256=$(printf a | sha256sum | cut -c1-64)
tpm2_pcrread sha256:16
echo secret | tpm2_create -Q -C key5 -i- -u pub -r priv; tpm2_load -Q -C key5 -u pub -r priv -c sealed
test "$(tpm2_unseal -c sealed)" = secret'
in_guest g1 "two programs at once do not see each other'\''s keys" '
export TPM2TOOLS_TCTI=device:/dev/tpmrm1
tpm2_getcap handles-transient | grep -c 0x8 && exit 1; true'
in_guest g1 "it is listed, and stop gives the raw device back" '
vtpm-proxy list | grep "^relay-tpm0 .*/dev/tpmrm1"; vtpm-proxy stop relay-tpm0
for i in $(seq 50); do test -e /dev/tpmrm1 || break; sleep 0.1; done
test ! -e /dev/tpmrm1; tpm2_getrandom --hex 8'
guest_start g2 pv 'vtpm=["backend=vtpm1"]' || fail "a guest with a TPM 1.2 came up"
in_guest g2 "a TPM 1.2 needs no relay, and it says so" '
modprobe xen-tpmfront; modprobe tpm_vtpm_proxy; vtpm-proxy relay 2>&1 | grep "TPM 1.2, which needs no relay"'
