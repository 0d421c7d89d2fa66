#!/bin/sh
# claim: a manager serves 512 devices on the stock C xenstored, tells the next one that there is no room, and takes it once there is
# long-variants: pv
# needs: time=1400 dom0-args=lab.xenstored=c
. crowd-lib
check "this is the C xenstored" matches '/xenstored' ps -ef
crowd_claim "$VARIANT"
