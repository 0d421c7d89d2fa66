#!/bin/sh
# claim: xl-vtpm show prints the name and the PEM of the endorsement key that a guest's own tpm2-tools make from the default template, and the digest of the image that its vTPM runs
# long-variants: pv
# needs: guests time=600
. service-lib
installed
check "the files are written" configured pv g1
check "manager, vTPM and guest start" xlv create /tmp/g1.cfg --timeout 120
guest_wait g1 || fail "the guest came up"
raw_guest g1 "its tools make an endorsement key" 'has_tpm; tpm2 createek -G rsa -c ek.ctx -u ek.pem -f pem >&2; cat ek.pem
tpm2 readpublic -Q -c ek.ctx -n ek.name >&2; echo "name $(od -An -v -tx1 ek.name | tr -d " \n")"'
key() { sed -n '/-BEGIN/,/-END/p'; }
printf '%s\n' "$vtpm_answer" | key >/tmp/made
name=$(printf '%s\n' "$vtpm_answer" | sed -n 's/^name //p')
check "there is a key, and its name" test -s /tmp/made -a ${#name} = 68
check "xl-vtpm shows the vTPM" eval 'xlv show g1 >/tmp/shown'
cat /tmp/shown
check "the key is the same" eval 'key </tmp/shown | cmp - /tmp/made'
check "so is its name" test "$name" = "$(sed -n 's/^EK name *//p' /tmp/shown)"
image=$(sed -n 's/^kernel *= *"\(.*\)" *$/\1/p' /etc/xen/vtpm/g1-vtpm.cfg)
digest=$(sha256sum "$image" | cut -d ' ' -f 1)
check "there is an image, and its digest" test ${#digest} = 64
check "the record names the image that runs" test "$digest" = "$(sed -n 's/^image hash *//p' /tmp/shown)"
check "for programs, too" test "$digest" = "$(xlv show g1 --json | jq -r .image_hash)"
check "also for programs" test "$name" = "$(xlv show g1 --json | jq -r .ek_name)"
check "all of it ends" xlv service down --timeout 60
check "nothing is left" no_domains
