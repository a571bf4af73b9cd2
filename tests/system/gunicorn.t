# Who comes from Gunicorn: its settings are all known, its flags and variables obeyed, and what has no meaning is said.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Lint qw(slurp output);
use Narwhal;

my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $DIR = tempdir(CLEANUP => 1);
chmod 0755, $DIR;

# The rows of the table, by name: { short, long => [flags], value, fate }.
sub rows {
	my $table = slurp('init/gunicorn.def');
	my %rows;

	while ($table =~ /^GUNICORN\((\w+),\s*(?:'(\w)'|0), "([^"]*)", (\w+), (\w+),/mg) {
		$rows{$1} = { short => $2, long => [ split /\|/, $3 ], value => $4, fate => $5 };
	}
	return %rows;
}

my %rows = rows();

# Debian's 20.1 says of each: its name, its flags, and whether a flag has a value.
subtest 'each setting of the Gunicorn that is here has a row with its flags' => sub {
	my ($known, $status) = output('/usr/bin/python3', '-c', <<'PYTHON');
from gunicorn.config import KNOWN_SETTINGS
for s in KNOWN_SETTINGS:
    print(s.name, "NO" if not s.cli or (s.action or "").startswith("store_") else "A", *(s.cli or []))
PYTHON
	plan(skip_all => 'gunicorn is not here') if $status;
	my @wrong;
	for my $line (split /\n/, $known) {
		my ($name, $value, @flags) = split ' ', $line;
		my $row = $rows{$name} or push(@wrong, "$name is missing"), next;
		my @ours = (($row->{short} ? "-$row->{short}" : ()), map { "--$_" } @{ $row->{long} });
		push @wrong, "$name: @flags is @ours" if "@flags" ne "@ours";
		# It was a switch then, and may still be one.
		push @wrong, "$name: $row->{value}" if $row->{value} !~ /^(?:$value|MAY)_VALUE/;
	}
	is_deeply(\@wrong, [], 'none is missing or different');
	cmp_ok(scalar(split /\n/, $known), '>', 80, 'they were many');
};

subtest 'each is in docs/FROM-GUNICORN.md, and each flag is taken by narwhal' => sub {
	my $page = slurp('docs/FROM-GUNICORN.md');
	my (@missing, @passed);

	is(scalar keys %rows, 120, 'they are all of them');
	for my $name (sort keys %rows) {
		my $row = $rows{$name};
		push @missing, $name if $page !~ /^\| `\Q$name\E` \|/m;
		next if $row->{fate} ne 'NOTHING';
		push @passed, map { $row->{value} eq 'NO_VALUE' ? "--$_" : "--$_=x" } @{ $row->{long} };
		push @passed, $row->{value} eq 'NO_VALUE' ? "-$row->{short}" : ("-$row->{short}", 'x')
			if $row->{short};
	}
	is("@missing", '', 'none is missing');
	my ($status, $said) = Narwhal->run(args => [ '--check-config', @passed, $HELLO ]);
	is($status, 0, 'what has no meaning stops nothing');
	for my $name (grep { @{ $rows{$_}{long} } && $rows{$_}{fate} eq 'NOTHING' } sort keys %rows) {
		is(() = $said =~ /: \Q$name\E of Gunicorn has no meaning here: ./g, 1, "$name is said once");
	}
};

subtest 'a command line of Gunicorn\'s starts the service, and its log says what was passed over' => sub {
	my $n = Narwhal->start(
		env => { GUNICORN_CMD_ARGS => '--workers=2 -k gthread --worker-tmp-dir /dev/shm' },
		args => [ '-D', '-n', 'shop', '-e', 'COLOR=blue', '--access-logfile', '-', '--log-level', 'info',
			'--keep-alive', '5', '-p', "$DIR/pid", $HELLO ]);

	$n->wait_ready;
	my $log = join "\n", $n->lines;
	is(scalar $n->workers, 2, 'GUNICORN_CMD_ARGS is obeyed');
	my @said = $log =~ /^\S+ warning config warning="(.*)"$/mg;
	is(scalar @said, 3, 'a line for each that was passed over');
	like($said[0], qr/^GUNICORN_CMD_ARGS: -k: worker_class of Gunicorn has no meaning here: /, 'where it stood');
	like($said[2], qr/^-D: daemon of /, 'on the command line, too');
	is(slurp("$DIR/pid"), $n->arbiter . "\n", 'it stays in the foreground, and has a pidfile');
	like(Narwhal::slurp('/proc/' . ($n->workers)[0] . '/cmdline'), qr/shop\0\z/, 'a name');
	$n->signal('HUP');
	$n->wait_line(qr/ info reloaded /);
	is(scalar(grep { / warning config / } $n->lines), 3, 'a reload does not say it again');
	is($n->stop, 0, 'status 0');
};

subtest 'a program behind two dashes has GUNICORN_CMD_ARGS for itself' => sub {
	my ($status, $said) = Narwhal->run(env => { GUNICORN_CMD_ARGS => '--wokers 4' },
		args => [ '--', 'sh', '-c', 'echo $GUNICORN_CMD_ARGS' ]);
	is($status, 0, 'status 0');
	like($said, qr/^--wokers 4$/m, 'it reads them');
};
done_testing;
