#!/bin/sh
# claim: the lab's machine boots Debian's Xen with dom0 under it, and xl talks to both
. lab-lib
check "xl info names the hypervisor's version" matches '^xen_version *: 4\.' xl info
check "xl list shows dom0 running" matches '^Domain-0 +0 .* r' xl list
check "dom0 is a PV domain on the Xen platform" matches '^PV$' cat /sys/hypervisor/guest_type
check "the xenstore answers" matches '^Domain-0$' xenstore-read /local/domain/0/name
