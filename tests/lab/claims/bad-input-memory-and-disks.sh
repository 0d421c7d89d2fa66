#!/bin/sh
# claim: too little memory, a disk file or a manager that does not exist make xl create fail and leave nothing; a manager that is not needed does no harm
# variants: pv
# long-variants: pvh
# needs: time=240
. vtpm-lib
# refused 'REGEX' [LINE]: xl create fails and says so.
refused() {
  regex=$1; shift
  vtpm_bare refused "$VARIANT" 'tpm2 ephemeral' "$@" >/tmp/refused.log 2>&1 && { echo "it was created"; return 1; }
  matches "$regex" cat /tmp/refused.log
}
nothing() { [ "$(xl list | wc -l)" = 2 ]; }
# Less than this, libxl itself refuses: a PV domain's first mapping covers 8 MiB, and a PVH domain
# has to hold the image twice while it is built.
case $VARIANT in pvh) least=5;; *) least=8;; esac
VTPM_MEMORY=$((least - 1))
check "xl refuses memory=$VTPM_MEMORY" refused 'Out of memory'
check "memory=$VTPM_MEMORY leaves nothing" nothing
VTPM_MEMORY=$least
vtpm_bare least "$VARIANT" 'tpm2 ephemeral' && vtpm_wait least || fail "memory=$least is enough to serve"
echo "holds: memory=$least is enough to serve"
xl destroy least
unset VTPM_MEMORY
check "xl refuses a disk file that does not exist, and names it" refused '/tmp/none.img: No such file' 'disk=["file:/tmp/none.img,hda,w"]'
check "xl refuses a manager that does not exist" refused 'unable to add vtpm' 'vtpm=["backend=nobody"]'
check "both leave nothing" nothing
vtpm_bare v3 "$VARIANT" 'tpm2 ephemeral' && vtpm_wait v3 || fail "a vTPM domain starts"
check "another vTPM domain that is given it as its manager starts" eval 'vtpm_bare v4 "$VARIANT" "tpm2 ephemeral" "vtpm=[\"backend=v3\"]" && vtpm_wait v4'
check "and says that it does not use it" matches '^WARN: it was given a manager and does not use it' console v4
