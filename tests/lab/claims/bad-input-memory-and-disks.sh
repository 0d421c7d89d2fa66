#!/bin/sh
# claim: 5 MiB of memory are enough for a vTPM; with less it says how much it needs, or xl create fails; a disk file or a manager that does not exist make xl create fail, too, and leave nothing; a manager that is not needed does no harm
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
# What libxl itself refuses: a domain that does not hold the image, or with it the page tables of its builder.
VTPM_MEMORY=2
check "xl refuses memory=2" refused 'Out of memory'
check "memory=2 leaves nothing" nothing
VTPM_MEMORY=4
check "with memory=4 the vTPM says what is missing" vtpm_refuses short "$VARIANT" 'tpm2 ephemeral' \
  'only [0-9]* KiB of memory are left for its work and [0-9]* KiB are needed; raise memory='
wait_gone short 20
VTPM_MEMORY=5
vtpm_bare least "$VARIANT" 'tpm2 ephemeral' && vtpm_wait least || fail "memory=5 is enough to serve"
echo "holds: memory=5 is enough to serve"
xl destroy least
unset VTPM_MEMORY
check "xl refuses a disk file that does not exist, and names it" refused '/tmp/none.img: No such file' 'disk=["file:/tmp/none.img,hda,w"]'
check "xl refuses a manager that does not exist" refused 'unable to add vtpm' 'vtpm=["backend=nobody"]'
check "both leave nothing" nothing
vtpm_bare v3 "$VARIANT" 'tpm2 ephemeral' && vtpm_wait v3 || fail "a vTPM domain starts"
check "another vTPM domain that is given it as its manager starts" eval 'vtpm_bare v4 "$VARIANT" "tpm2 ephemeral" "vtpm=[\"backend=v3\"]" && vtpm_wait v4'
check "and says that it does not use it" matches '^WARN: it was given a manager and does not use it' console v4
