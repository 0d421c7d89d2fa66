#!/bin/sh
# claim: on the stock C xenstored, too, a manager serves more devices than the quota has nodes for and more than one call to Xen takes ports; of 513 it refuses one by name, until there is room
# long-variants: pv-160 pv-512
# needs: time=1400 dom0-args=lab.xenstored=c
. crowd-lib
check "this is the C xenstored" matches '/xenstored' ps -ef
crowd_claim "${VARIANT%-*}" "${VARIANT#*-}"
