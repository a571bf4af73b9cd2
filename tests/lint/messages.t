# Whoever is woken by a warning or an error finds it in docs/TROUBLESHOOTING.md; and what that page
# explains can still be said.
use strict;
use warnings;
use Test::More;
use Lint qw(floor_files slurp code no_faults);

# The names of the lines that a text writes with that level.
sub said {
	my ($text) = @_;
	my %said;

	$said{$1} = 1 while $text =~ /\blog_(?:warning|error)\(\s*[^,"]+,\s*"(\w+)"/g;
	$said{$1} = 1 while $text =~ /\blog_(?:at|write)\(\s*[^"]*?LOG_(?:WARNING|ERROR)[^"(]*?"(\w+)"/g;
	return sort keys %said;
}

is_deeply([said(qq{log_error(&a->log, "one");\nlog_warning(log,\n\t"two", x);\nlog_info(l, "three");\n}
		. 'log_at(l, bad ? LOG_ERROR : LOG_INFO, "four");')], [qw(four one two)], 'names are found');

my $page = slurp('docs/TROUBLESHOOTING.md');
my %explained = map { $_ => 1 } map { /`(\w+)`/g } $page =~ /^\| (`.*?) \| /mg;
my (%known, %anything);
for my $file (floor_files(qr/\.(?:c|def)\z/)) {
	my $text = code(slurp($file), 1);
	$known{$_} //= $file for said($text);
	$anything{$_} = 1 for $text =~ /"(\w+)"/g;
}
cmp_ok(scalar keys %known, '>', 40, 'lines are found');
no_faults('each warning and error is explained',
	map { "$known{$_}: $_" } grep { !$explained{$_} } sort keys %known);
no_faults('what is explained is still said', grep { !$anything{$_} } sort keys %explained);
done_testing;
