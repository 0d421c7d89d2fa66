#!/bin/sh
# claim: the kernel's own tests of TPM 2.0 pass in a stock Linux guest on real Xen on the TPM that vtpm-proxy relay makes of its vTPM, 15 of 15, as do tpm2-tools
# long-variants: pv pvh
# needs: guests kernel-tests time=500
. vtpm-lib
. relay-lib
relay_layer /lab/kernel-tests
vtpm_start vtpm0 "$VARIANT" "tpm2 ephemeral" || fail "the vTPM domain gets ready"
GUEST_MEMORY=384
guest_start g1 "$VARIANT" 'vtpm=["backend=vtpm0"]' || fail "the guest came up"
in_guest g1 "the relay starts" "$relay"'
modprobe xen-tpmfront; modprobe tpm_vtpm_proxy; relay --link /dev/tpmrm0'
# The tests open /dev/tpm0, which is the raw device: for them alone the relay's has that name.
GUEST_RUN_SECONDS=200
answer=$(guest_run g1 'mount --bind /dev/tpm1 /dev/tpm0; cd /lab/kernel-tests/tpm2; PATH=/lab/kernel-tests/bin:$PATH
sh ./test_smoke.sh; sh ./test_space.sh; umount /dev/tpm0') || fail "the kernel's tests run: $answer"
echo "$answer" | tail -n 40
passed=$(echo "$answer" | grep -c ' \.\.\. ok$')
[ "$passed" = 15 ] || fail "15 of 15 tests pass, not $passed"
echo "figure: $passed of the kernel's 15 tests (smoke, async, space) passed through the relay: $(echo "$answer" | grep '^Ran ' | xargs)"
in_guest g1 "an RSA key signs, and openssl finds the signature good" '
export TPM2TOOLS_TCTI=device:/dev/tpmrm0
tpm2_createprimary -Q -C o -G rsa -a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign" -c rsa
tpm2_readpublic -Q -c rsa -f pem -o rsa.pem; echo "sign me" >text
tpm2_sign -Q -c rsa -g sha256 -f plain -o plain text; openssl dgst -sha256 -verify rsa.pem -signature plain text'
in_guest g1 "a secret sealed to a PCR opens, and no more once that PCR has moved" '
export TPM2TOOLS_TCTI=device:/dev/tpmrm0
tpm2_createprimary -Q -C o -G ecc -c key1
tpm2_startauthsession -Q -S trial; tpm2_policypcr -Q -S trial -l sha256:16 -L policy; tpm2_flushcontext trial
echo secret | tpm2_create -Q -C key1 -L policy -i- -u pub -r priv; tpm2_load -Q -C key1 -u pub -r priv -c sealed
test "$(tpm2_unseal -c sealed -p pcr:sha256:16)" = secret
tpm2_pcrextend 16:sha256=$(printf a | sha256sum | cut -c1-64)
! tpm2_unseal -Q -c sealed -p pcr:sha256:16 2>/dev/null'
in_guest g1 "a quote passes its check, and fails with another nonce" '
export TPM2TOOLS_TCTI=device:/dev/tpmrm0
tpm2_createek -Q -G ecc -c ek; tpm2_createak -Q -C ek -c ak -G ecc -g sha256 -s ecdsa -u ak.pem -f pem
tpm2_quote -Q -c ak -l sha256:0,16 -q 1234 -m msg -s sig -o pcrs -g sha256
tpm2_checkquote -Q -u ak.pem -m msg -s sig -f pcrs -g sha256 -q 1234
! tpm2_checkquote -Q -u ak.pem -m msg -s sig -f pcrs -g sha256 -q 4321 2>/dev/null'
in_guest g1 "NV storage is written, read and released, and a credential is activated" '
export TPM2TOOLS_TCTI=device:/dev/tpmrm0
tpm2_nvdefine -Q -C o -s 16 -p pass -a "authread|authwrite" 0x1500001
printf "kept by the vTPM" | tpm2_nvwrite -Q -P pass -i- 0x1500001
test "$(tpm2_nvread -P pass 0x1500001)" = "kept by the vTPM"; tpm2_nvundefine -Q -C o 0x1500001
tpm2_readpublic -Q -c ek -o ek.pub; tpm2_readpublic -Q -c ak -n ak.name; name=$(od -An -v -tx1 ak.name | tr -d " \n")
head -c 16 /dev/urandom >credential; tpm2_makecredential -Q -e ek.pub -s credential -n "$name" -o blob
tpm2_startauthsession -Q --policy-session -S s; tpm2_policysecret -Q -S s -c e
tpm2_activatecredential -Q -c ak -C ek -i blob -o out -P session:s; tpm2_flushcontext s; cmp credential out'
in_guest g1 "the kernel logged nothing bad about it" '
dmesg | grep -i tpm; ! dmesg | grep -i tpm | grep -iE "error|fail|warn|timeout|timed|invalid"'
guest_stop g1 && vtpm_stop vtpm0 || fail "guest and vTPM end"
used=$(console vtpm0 | sed -n 's/.*in use were //p' | tail -n 1)
[ -n "$used" ] || fail "the vTPM domain says what it used"
echo "figure: in use by vtpm0 were $used"
