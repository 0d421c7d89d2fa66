#!/bin/sh
# claim: the C xenstored, too, refuses a domain's watches and nodes beyond its quota by name, leaves the rest as it is, and takes more once there is room
# long-variants: xenstored
# needs: time=200 dom0-args=lab.xenstored=c
. hello-lib
hello_create quotas pv test=quotas || fail "xl creates the domain"
check "the quotas are found, and left again" hello_verdict quotas 100
console quotas | tr -d '\r' | sed -n "s/^QUOTA /figure: $VARIANT of Xen $(xl info xen_version) allows a domain: /p"
