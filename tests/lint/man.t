# The manual pages are mdoc that nobody has to guess at, and name every function of the header.
use strict;
use warnings;
use Test::More;
use Lint qw(files slurp needs output);

needs('mandoc');

my @pages = files(qr{^docs/man/.*\.\d\z});
cmp_ok(scalar @pages, '>', 0, 'there are pages');
for my $page (@pages) {
	my ($faults) = output('mandoc', '-T', 'lint', '-W', 'warning', $page);
	is($faults, '', "$page has no fault");
}

my %declared = map { map { $_ => 1 } slurp($_) =~ /\b(narwhal_\w+)\(/g } files(qr{^include/narwhal/});
delete $declared{$_} for grep { /_H$/ } keys %declared;
cmp_ok(scalar keys %declared, '>', 20, 'the header declares functions');
my $text = slurp('docs/man/narwhal_module.3');
is(join(' ', grep { $text !~ /\.Fn \Q$_\E\b/ } sort keys %declared), '', 'the page names all of them');
done_testing;
