#!/bin/sh
# claim: in a stock Linux guest vtpm-proxy relay makes a TPM 2.0 with a resource manager of the vTPM behind xen-tpmfront, nobody else uses the raw device, and whenever it or the guest ends the vTPM's TPM ends in order
# long-variants: pv pvh
# needs: guests time=500
. vtpm-lib
. relay-lib
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
vtpm_start vtpm1 "$VARIANT" "ephemeral" || fail "a TPM 1.2 domain gets ready"
guest_start g1 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the guest came up"

in_guest g1 "without the driver the relay says what to load" '
vtpm-proxy relay --wait 1 2>&1 | grep "modprobe xen-tpmfront"'
in_guest g1 "the relay starts and names its devices" "$relay"'
modprobe xen-tpmfront; modprobe tpm_vtpm_proxy
relay; grep "^ready: relay-tpm0 is TPM 2.0 /dev/tpm1 /dev/tpmrm1" relay.log
test -c /dev/tpmrm1'
in_guest g1 "the kernel knows the new one as a TPM 2.0" 'test "$(cat /sys/class/tpm/tpm1/tpm_version_major)" = 2'
in_guest g1 "nobody else may use the raw device" 'if tpm2_getrandom --hex 8 2>&1; then exit 1; fi; ! cat /dev/tpm0'
in_guest g1 "nor may a second relay, which says so" '
if vtpm-proxy relay --device /dev/tpm0 >second.log 2>&1; then exit 1; fi; cat second.log
grep "^vtpm-proxy: /dev/tpm0 is in use by another program" second.log; test "$(wc -l <second.log)" = 1'
in_guest g1 "the first one is listed once and still answers" '
vtpm-proxy list | grep -c "^relay" | grep -qx 1; tpm2_getrandom -T device:/dev/tpmrm1 --hex 8'
in_guest g1 "tools that need a resource manager work: five keys at once, a session, a quote, a sealed secret" '
export TPM2TOOLS_TCTI=device:/dev/tpmrm1
for n in 1 2 3 4 5; do tpm2_createprimary -Q -C o -G ecc -c key$n; done
tpm2_createek -Q -c ek -G ecc; tpm2_createak -Q -C ek -c ak -G ecc -g sha256 -s ecdsa -u ak.pem -f pem
tpm2_pcrextend 16:sha256=$(printf a | sha256sum | cut -c1-64)
tpm2_quote -Q -c ak -l sha256:16 -q 1234 -m message -s signature -o values -g sha256
tpm2_checkquote -Q -u ak.pem -m message -s signature -f values -g sha256 -q 1234
echo secret | tpm2_create -Q -C key5 -i- -u pub -r priv; tpm2_load -Q -C key5 -u pub -r priv -c sealed
test "$(tpm2_unseal -c sealed)" = secret'
in_guest g1 "a program finds no key that another one left" '
export TPM2TOOLS_TCTI=device:/dev/tpmrm1
tpm2_getcap handles-transient >seen; ! grep 0x8 seen'
in_guest g1 "it is listed, and stop gives the raw device back" '
vtpm-proxy list | grep "^relay-tpm0 .*/dev/tpmrm1"; vtpm-proxy stop relay-tpm0
for i in $(seq 50); do test -e /dev/tpmrm1 || break; sleep 0.1; done
test ! -e /dev/tpmrm1; tpm2_getrandom --hex 8'
in_guest g1 "with --link /dev/tpmrm0 is there for programs that look for it" "$relay"'
relay --link /dev/tpmrm0; test "$(readlink /dev/tpmrm0)" = /dev/tpmrm1; tpm2_getrandom -T device:/dev/tpmrm0 --hex 8'
in_guest g1 "a killed relay takes its devices away, and the next one replaces the link" "$relay"'
kill -9 $(pidof vtpm-proxy); for i in $(seq 50); do test -e /dev/tpmrm1 || break; sleep 0.1; done; test ! -e /dev/tpmrm1
relay --link /dev/tpmrm0; tpm2_getrandom -T device:/dev/tpmrm0 --hex 8
vtpm-proxy stop relay-tpm0; test ! -L /dev/tpmrm0'

# A key under the protection against guessing was used: an end that is not in order would count as a try.
guarded='
tpm2_getcap -T device:/dev/tpmrm1 handles-nv-index >indices
grep -qi 0x0*1500002 indices || tpm2_nvdefine -Q -T device:/dev/tpmrm1 -C o -s 8 -p pass -a "authread|authwrite" 0x1500002
printf 12345678 | tpm2_nvwrite -Q -T device:/dev/tpmrm1 -P pass -i- 0x1500002'
in_order='
modprobe xen-tpmfront; tpm2_getcap properties-variable >seen; cat seen
grep -Eq "orderly: *1" seen; grep -Eq "LOCKOUT_COUNTER: *0x0$" seen; tpm2_nvread -Q -P pass 0x1500002'
in_guest g1 "a relay serves when the guest is shut down" "$relay"'relay'"$guarded"
check "the guest's shutdown does not wait for it" xl shutdown -w g1
guest_start g2 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the next guest came up"
in_guest g2 "the TPM had ended in order" "$in_order"
in_guest g2 "a relay serves when the guest is destroyed" "$relay"'modprobe tpm_vtpm_proxy; relay'"$guarded"
check "the guest is destroyed" xl destroy g2
guest_start g3 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the next guest came up"
in_guest g3 "the TPM had ended in order again" "$in_order"

in_guest g3 "a relay serves when the vTPM is detached" "$relay"'modprobe tpm_vtpm_proxy; relay --link /dev/tpmrm0'
check "the vTPM is detached" xl vtpm-detach g3 0
in_guest g3 "the relay has ended by itself, and its devices are gone" '
for i in $(seq 100); do pidof vtpm-proxy || break; sleep 0.1; done
if pidof vtpm-proxy; then exit 1; fi; if ls /dev/tpm*; then exit 1; fi; cat relay.log; grep "its vTPM was detached" relay.log'
xl destroy g3
guest_start g4 pv 'vtpm=["backend=vtpm1"]' || fail "a guest with a TPM 1.2 came up"
in_guest g4 "a TPM 1.2 needs no relay, and it says so" '
modprobe xen-tpmfront; modprobe tpm_vtpm_proxy; vtpm-proxy relay 2>&1 | grep "TPM 1.2, which needs no relay"'
