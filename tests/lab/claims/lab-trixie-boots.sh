#!/bin/sh
# claim: Debian 13's Xen 4.20 and Linux 6.12 boot by configuration alone and start a guest kernel
# long-variants: all
# needs: release=trixie guests time=300
. lab-lib
check "Xen is 4.20" matches '^xen_version *: 4\.20' xl info
check "dom0's kernel is 6.12" matches '^6\.12' uname -r
check "xl list shows dom0 running" matches '^Domain-0 +0 ' xl list
guest_start g1 pv || fail "a guest came up"
check "the guest's kernel is 6.12" matches '^6\.12' guest_run g1 'uname -r'
# The product's own image too, where it has been built: stock xl takes it as it is.
image=/lab/images/hello-stubdom.gz
[ -f $image ] || image=/lab/images/vtpm-stubdom.gz
[ -f $image ] || skip "only the Linux guest was started: ./x images builds ours"
# Xen 4.20 sets aside far less memory for a small PVH domain's second-level page tables than 4.17 did:
# below 32 MiB "xl create" fails unless shadow_memory says otherwise.
printf 'name="ours"\ntype="pvh"\nkernel="%s"\nmemory=8\nshadow_memory=1\non_crash="preserve"\n' \
  $image >/tmp/ours.cfg
check "stock xl creates a PVH domain from $image" xl create /tmp/ours.cfg
check "it says something on its console" wait_console ours '.' 20
xl destroy ours
sed -i 's/pvh/pv/; /shadow/d; s/ours/ours-pv/' /tmp/ours.cfg
check "and a PV domain" xl create /tmp/ours.cfg
check "it says something on its console too" wait_console ours-pv '.' 20
