#!/bin/sh
# claim: the kernel's own tests of TPM 2.0 pass on a TPM of vtpm-proxy, 15 of 15, as do tpm2-tools on its /dev/tpmrmN and, on a TPM 1.2, tpm-tools through tcsd
# long-variants: tpm2 tpm12
# needs: kernel-tests time=400
. proxy-lib
modprobe tpm_vtpm_proxy || lab_error "dom0's kernel has the module"

if [ "$VARIANT" = tpm2 ]; then
  check "a TPM 2.0 gets ready" serve web
  check "it is the machine's first TPM" test "$(node web tpmrm)" = /dev/tpmrm0
  check "the kernel's tests pass, 15 of 15" kernel_tests_pass
  echo "figure: $(grep -c ' \.\.\. ok$' /tmp/kernel-tests.log) of the kernel's 15 tests (smoke, async, space) passed: $(grep '^Ran ' /tmp/kernel-tests.log | xargs)"
  export TPM2TOOLS_TCTI=device:/dev/tpmrm0
  # does "SENTENCE" 'COMMANDS': in a shell that ends at the first that fails.
  does() { check "$1" sh -ec "$2"; count=$((${count:-0} + 1)); }
  does "keys: more than the TPM has room for" 'for key in 1 2 3 4 5; do tpm2_createprimary -Q -C o -G ecc -c key$key; done'
  does "an RSA key signs, and openssl finds the signature good" '
tpm2_createprimary -Q -C o -G rsa -a "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign" -c rsa
tpm2_readpublic -Q -c rsa -f pem -o rsa.pem; echo "sign me" >text
tpm2_sign -Q -c rsa -g sha256 -f plain -o plain text; openssl dgst -sha256 -verify rsa.pem -signature plain text'
  does "a secret sealed to a PCR opens, and no more once that PCR has moved" '
tpm2_startauthsession -Q -S trial; tpm2_policypcr -Q -S trial -l sha256:16 -L policy; tpm2_flushcontext trial
echo secret | tpm2_create -Q -C key1 -L policy -i- -u pub -r priv; tpm2_load -Q -C key1 -u pub -r priv -c sealed
test "$(tpm2_unseal -c sealed -p pcr:sha256:16)" = secret
tpm2_pcrextend 16:sha256=$(printf a | sha256sum | cut -c1-64)
! tpm2_unseal -Q -c sealed -p pcr:sha256:16 2>/dev/null'
  does "NV storage is written, read, locked by its password and released" '
tpm2_nvdefine -Q -C o -s 16 -p pass -a "authread|authwrite" 0x1500001
printf "kept by the TPM!" | tpm2_nvwrite -Q -P pass -i- 0x1500001
test "$(tpm2_nvread -P pass 0x1500001)" = "kept by the TPM!"; if tpm2_nvread -Q -P no 0x1500001 2>/dev/null; then exit 1; fi
tpm2_nvundefine -Q -C o 0x1500001'
  does "a quote passes its check, and fails with another nonce" '
tpm2_createek -Q -G ecc -c ek; tpm2_createak -Q -C ek -c ak -G ecc -g sha256 -s ecdsa -u ak.pem -f pem
tpm2_quote -Q -c ak -l sha256:0,16 -q 1234 -m msg -s sig -o pcrs -g sha256
tpm2_checkquote -Q -u ak.pem -m msg -s sig -f pcrs -g sha256 -q 1234
! tpm2_checkquote -Q -u ak.pem -m msg -s sig -f pcrs -g sha256 -q 4321 2>/dev/null'
  does "a credential is activated" '
tpm2_readpublic -Q -c ek -o ek.pub; name=$(tpm2_readpublic -c ak -n ak.name -Q; od -An -v -tx1 ak.name | tr -d " \n")
head -c 16 /dev/urandom >credential; tpm2_makecredential -Q -e ek.pub -s credential -n "$name" -o blob
tpm2_startauthsession -Q --policy-session -S s; tpm2_policysecret -Q -S s -c e
tpm2_activatecredential -Q -c ak -C ek -i blob -o out -P session:s; tpm2_flushcontext s; cmp credential out'
  does "a key encrypts and decrypts" '
tpm2_create -Q -C key1 -G aes128 -u aes.pub -r aes.priv; tpm2_load -Q -C key1 -u aes.pub -r aes.priv -c aes
echo plain >in; tpm2_encryptdecrypt -Q -c aes -o secret.bin in; tpm2_encryptdecrypt -Q -d -c aes -o back secret.bin
cmp in back; ! cmp -s in secret.bin'
  does "what was made persistent is there after a stop and a start" "
tpm2_evictcontrol -Q -C o -c key1 0x81000001; $proxy stop web"
  check "it starts again" serve web
  does "and can be used" 'tpm2_readpublic -Q -c 0x81000001'
  echo "figure: $count uses of tpm2-tools $(tpm2_getrandom --version | grep -o 'version="[^"]*"') on /dev/tpmrm0 succeeded"
  check "the kernel logged nothing bad about it" sh -c '! dmesg | grep -i tpm | grep -iE "error|fail|warn|timeout|timed|invalid"'
else
  check "a TPM 1.2 gets ready" serve old --tpm 1.2
  check "it is the machine's first TPM" test "$(node old tpm)" = /dev/tpm0
  mkdir -p /var/lib/tpm; chown -R tss:tss /var/lib/tpm; chown root:tss /etc/tcsd.conf; chmod 640 /etc/tcsd.conf; chown tss:tss /dev/tpm0
  tcsd -f -c /etc/tcsd.conf >tcsd.log 2>&1 &
  check "tcsd takes it" lab_until 30 sh -c "netstat -lnt | grep -q ':30003 '"
  check "tpm_version names a TPM 1.2" matches 'Chip Version: *1\.2\.' tpm_version
  check "tpm_selftest succeeds" tpm_selftest -l info
  check "tpm_getpubek shows the endorsement key" matches '2048 bits' tpm_getpubek
  check "tpm_takeownership takes it, once" sh -c 'tpm_takeownership -y -z && ! tpm_takeownership -y -z'
  check "tpm_sealdata and tpm_unsealdata give the secret back" sh -ec '
echo "a secret" >plain; tpm_sealdata -z -i plain -o sealed; if grep -q "a secret" sealed; then exit 1; fi; tpm_unsealdata -z -i sealed -o back; cmp plain back'
  check "NV storage: defined, written, read, listed, released" sh -ec '
printf "kept by the TPM!" >text; tpm_nvdefine -y -i 0x1002 -s 16 -p "OWNERWRITE|OWNERREAD"
tpm_nvwrite -z -i 0x1002 -s 16 -f text; tpm_nvread -z -i 0x1002 -s 16 -f text2; cmp text text2
tpm_nvinfo | grep -q 0x00001002; tpm_nvrelease -y -i 0x1002; ! tpm_nvinfo | grep -q 0x00001002'
  kill "$(pidof tcsd)"
  check "it stops with somebody's keys in it" $proxy stop old
  check "and starts again" serve old --tpm 1.2
  chown tss:tss /dev/tpm0
  tcsd -f -c /etc/tcsd.conf >tcsd.log 2>&1 &
  check "tcsd takes it again" lab_until 30 sh -c "netstat -lnt | grep -q ':30003 '"
  check "its owner's secret still opens" sh -ec 'tpm_unsealdata -z -i sealed -o again; cmp plain again'
  check "the kernel logged nothing bad about it" sh -c '! dmesg | grep -i tpm | grep -iE "error|fail|warn|timeout|timed|invalid"'
fi
