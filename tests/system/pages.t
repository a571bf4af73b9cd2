# What is made of the tables for people to read, and for their shells: nothing is missing in it, and
# what reads it takes it.
use strict;
use warnings;

use Test::More;

use Lint qw(slurp needs output);
use Narwhal;

plan(skip_all => 'pages are made by the build that is installed') if $ENV{SANITIZE};
needs('mandoc', 'bash', 'zsh', 'fish');

delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
my $BUILD = $ENV{BUILD} // "$Narwhal::ROOT/build";
my $PAGES = "$BUILD/pages";
is(system('make', '-s', "BUILD=$BUILD", 'pages', "$BUILD/deploy/pages/main"), 0, 'make pages');

# All that the tables have, as --help prints it.
my ($help) = output("$BUILD/narwhal", '--help');
my @flags = $help =~ /^ {2}(?:-\w,| {3}) --([a-z-]+) /mg;
my @verbs = grep { $_ ne 'seccomp' } $help =~ /^ {2}narwhal ([a-z]+)\b/mg;
cmp_ok(scalar @flags, '>', 80, 'there are settings');
cmp_ok(scalar @verbs, '>', 4, 'and verbs');

sub missing {
	my ($text, $pattern, @names) = @_;
	return join ' ', grep { my $wanted = $pattern->($_); $text !~ $wanted } @names;
}

subtest 'the manual pages are mdoc that nobody has to guess at' => sub {
	for my $page ("$PAGES/narwhal.1", "$PAGES/narwhal.conf.5") {
		my ($faults) = output('mandoc', '-T', 'lint', '-W', 'warning', $page);
		is($faults, '', "$page has no fault");
	}
	my @settings = grep { !/^(?:config|check-config|print-config|help|version)\z/ } @flags;
	is(missing(slurp("$PAGES/narwhal.conf.5"), sub { my $s = $_[0] =~ tr/-/_/r; qr/^\.It Ic $s Ns/m },
		@settings), '', 'narwhal.conf(5) has all settings');
	is(missing(slurp("$PAGES/narwhal.1"), sub { qr/^\.It Ic $_[0]\b/m }, @verbs), '',
		'narwhal(1) has all verbs');
	like(slurp("$PAGES/narwhal.1"), qr/^\.It Ic boot_timeout$/m, 'and the causes of death');
};

subtest 'docs/REFERENCE.md and docs/FROM-GUNICORN.md are what the tables say' => sub {
	for my $page ('REFERENCE.md', 'FROM-GUNICORN.md') {
		my ($made) = output('sh', '-c',
			"$BUILD/deploy/pages/main markdown <$Narwhal::ROOT/deploy/pages/$page.in");
		ok($made eq slurp("docs/$page"), "$page is: `make reference` writes it anew");
	}
};

sub bash_offers {
	my (@words) = @_;
	my $list = join ' ', map { "'$_'" } @words;
	my ($out) = output('bash', '--norc', '-c', ". $PAGES/narwhal.bash; COMP_WORDS=(narwhal $list);"
		. ' COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _narwhal; printf "%s\n" "${COMPREPLY[@]}"');
	return join ' ', sort split /\n/, $out;
}

subtest 'bash completes' => sub {
	is(bash_offers('--sandbox', ''), 'app off strict', 'the words of a choice');
	is(bash_offers('--sandbox', '=', 'ap'), 'app', 'behind a sign of equality, too');
	is(bash_offers('--no-auto'), '--no-autoindex', 'a switch that is off');
	is(bash_offers('rollb'), 'rollback', 'a verb');
	is(bash_offers('--umask', ''), '', 'nothing where nobody can know');
	is(bash_offers('--certdir', 'depl'), 'deploy', 'a directory');
	my %offered = map { $_ => 1 } split / /, bash_offers('--');
	is(join(' ', grep { !$offered{"--$_"} } @flags), '', 'all flags are offered');
};

subtest 'fish completes' => sub {
	my $offers = sub {
		my ($out) = output('fish', '--no-config', '-c',
			"source $PAGES/narwhal.fish; complete -C 'narwhal $_[0]'");
		return join ' ', sort map { /^(\S+)/ } split /\n/, $out;
	};
	is($offers->('--sandbox '), 'app off strict', 'the words of a choice');
	is($offers->('--no-auto'), '--no-autoindex', 'a switch that is off');
	is($offers->('rollb'), 'rollback', 'a verb');
	my $text = slurp("$PAGES/narwhal.fish");
	is(missing($text, sub { qr/ -l $_[0] / }, @flags), '', 'all flags are known');
};

# What zsh's own functions are called with, as nobody types at a terminal here.
subtest 'zsh reads its specifications' => sub {
	my ($out, $status) = output('zsh', '-f', '-c', '_arguments() { print -rl -- "$@" };'
		. " _describe() { : }; . $PAGES/_narwhal");
	is($status, 0, 'without an error');
	my @specs = split /\n/, $out;
	my @settings = grep { !/^(?:check-config|print-config|help|version)\z/ } @flags;
	is(missing($out, sub { qr/^(?:\([^)]*\))?-(?:c|-$_[0])\b/m }, @settings), '', 'all flags are known');
	my ($choice) = grep { /^--sandbox=/ } @specs;
	is($choice, '--sandbox=[which system calls a worker may make]:strict|app|off:(strict app off)',
		'a choice offers its words');
};

done_testing;
