#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Pages in reStructuredText begin with a title between two rules, and no heading has lost the rule
# below it: what is left is a paragraph of a few words, without a full stop.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016 # perl's own variables
program='
	print "$ARGV:3: no title between two rules\n" unless /\A\.\. SPDX.*\n\n(=+)\n.+\n\1\n/;
	while (/\n\n(?=[A-Za-z][\w ,\x27-]{0,48}\n\n)/g) {
		my $line = 1 + substr($_, 0, pos) =~ tr/\n//;
		print "$ARGV:$line: a heading without a rule below it\n";
	}
'
files '^Documentation/.*\.rst$' | tr '\n' '\0' | xargs -0 -r perl -0777 -ne "$program" | offences
