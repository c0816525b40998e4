#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Test data is a function of seed and position. A buffer of one repeated byte looks right at any
# wrong offset, so tests may use memset() to clear, and for nothing else.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# Calls may span lines; arguments are split at the commas outside of parentheses.
# shellcheck disable=SC2016 # perl's own variables
program='
	while (/\bmemset\s*(\((?:[^()]++|(?1))*\))/g) {
		my ($args, $line) = ($1, 1 + (substr($_, 0, $-[0]) =~ tr/\n//));
		my (@part, $depth) = ("");
		for my $c (split //, substr($args, 1, -1)) {
			$depth++ if $c =~ /[(\[{]/;
			$depth-- if $c =~ /[)\]}]/;
			if ($c eq "," && !$depth) { push @part, "" } else { $part[-1] .= $c }
		}
		next if @part == 3 && $part[1] =~ /^\s*(0|0x0+|\x27\\0\x27)\s*$/;
		print "$ARGV:$line: memset$args\n" =~ s/\n(?=.)/ /gr;
	}
'
files '^tests/.*\.[ch]$' '/shim/' | tr '\n' '\0' | xargs -0 -r perl -0777 -ne "$program" | offences
