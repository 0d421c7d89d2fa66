#!/bin/sh
# claim: on Xen 4.20 our reading of a vtpm line is stock xl's, and libxl makes, wires and ends a vTPM domain from xl's own JSON
# needs: release=trixie time=420
. toolstack-lib
toolstack_story
