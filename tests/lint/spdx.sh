#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every file says its licence in its first line (second after #!), in the comment style of its kind.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016 # perl's own variables
program='
	BEGIN {
		my $or = qr{( OR [\w.-]+)?};
		$id = qr{SPDX-License-Identifier: GPL-2\.0( WITH Linux-syscall-note)?$or};
		%form = (
			c => qr{^// $id$}, h => qr{^/\* $id \*/$},
			md => qr{^<!-- $id -->$}, rst => qr{^\.\. $id$},
		);
	}
	$at = /^#!/ ? 2 : 1 if $. == 1;
	if ($. == $at) {
		my ($ending) = $ARGV =~ /\.(\w+)$/;
		my $form = $form{$ending // ""} // qr{^# $id$};
		$found = /$form/;
	}
	if (eof) {
		print "$ARGV:$at: no SPDX line in the form of its kind\n" unless $found;
		$found = 0;
		close ARGV;
	}
'
files . '(^|/)(LICENSE|COPYING|\.gitignore)$' | tr '\n' '\0' | xargs -0 -r perl -ne "$program" |
	offences
