#!/bin/sh
# claim: a configuration with the disk in the documents' form, in xl's canonical form, or without a disk starts a vTPM, and it says that it does not use the disk
# variants: pv
# long-variants: pvh
# needs: time=240
. vtpm-lib
truncate -s 2M /tmp/a.img /tmp/b.img /tmp/c.img
unused='^WARN: it was given a disk and does not use it, because it is ephemeral'
vtpm_bare file "$VARIANT" 'tpm2 ephemeral' 'disk=["file:/tmp/a.img,hda,w"]' && vtpm_wait file || fail "disk=[\"file:...\"] starts"
check "file: form: a disk that it does not need" matches "$unused" console file
vtpm_bare canonical "$VARIANT" 'tpm2 ephemeral' 'disk=["format=raw, vdev=hda, access=w, target=/tmp/b.img"]' && vtpm_wait canonical || fail "the canonical form starts"
check "canonical form: likewise" matches "$unused" console canonical
vtpm_bare reading "$VARIANT" 'tpm2 ephemeral' 'disk=["format=raw, vdev=hda, access=r, target=/tmp/c.img"]' && vtpm_wait reading || fail "a read-only disk does no harm to a vTPM that does not use it"
check "read-only: likewise" matches "$unused" console reading
vtpm_bare none "$VARIANT" 'tpm2 ephemeral' && vtpm_wait none || fail "no disk is needed"
check "without a disk there is nothing to say" eval '! console none | grep ^WARN'
