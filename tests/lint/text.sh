#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# White space and width: no trailing blanks, no carriage returns, a newline at the end, no more than
# 100 columns (a tab is 8) in code; in C and shell, indentation by tabs.
set -euo pipefail
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2016 # perl's own variables
program='
	my $code = $ARGV =~ m{\.(c|h|sh|awk|pl)$|(^|/)(Kbuild|Kconfig|Makefile)[^/]*$};
	my $tabs = $ARGV =~ m{\.(c|h|sh)$};
	my $at = "$ARGV:$.:";
	print "$at no newline at the end of the file\n" unless s/\n$//;
	print "$at carriage return\n" if /\r/;
	print "$at trailing white space\n" if /[ \t]$/;
	print "$at space before tab\n" if $tabs && / \t/;
	print "$at indented by spaces\n" if $tabs && /^\t* {8}|^ +(?![ *])/;
	if ($code) {
		my $width = 0;
		$width = $_ eq "\t" ? ($width | 7) + 1 : $width + 1 for split //;
		print "$at $width columns\n" if $width > 100;
	}
	close ARGV if eof;
'
files . '^LICENSE$' | tr '\n' '\0' | xargs -0 -r perl -Mopen=:utf8 -ne "$program" | offences
