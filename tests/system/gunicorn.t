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
			'--min-ready', 2, '--keep-alive', '5', '-p', "$DIR/pid", $HELLO ]);

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
# Its folder, with these files in it.
sub place {
	my (%files) = @_;
	my $dir = tempdir(CLEANUP => 1);

	chmod 0755, $dir;
	Narwhal::write_file("$dir/$_", $files{$_}) for keys %files;
	chmod 0644, map { "$dir/$_" } keys %files;
	return $dir;
}

subtest 'a gunicorn.conf.py becomes a config file that serves the app, hooks and all' => sub {
	plan(skip_all => 'no /usr/bin/python3') if !-x '/usr/bin/python3';
	my $dir = place('shop.py' => <<'APP', 'gunicorn.conf.py' => <<'CONF');
color = "none"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [color.encode()]
APP
import multiprocessing, os, sys
print("the file speaks")
wsgi_app = "shop:app"
workers = min(2, multiprocessing.cpu_count() + 1)
worker_class = "gevent"
keepalive = 7
umask = 0o22
proxy_protocol = False
raw_env = ["A=1", "B=1,2"]
header_map = "refuse"
daemon = False
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
def when_ready(server):
    pass
def post_worker_init(worker):
    import shop
    shop.color = "blue"
CONF
	my ($status, $said) = Narwhal->run(cwd => $dir, bind => 0,
		wrap => [ 'sh', '-c', 'exec "$@" >narwhal.conf', 'sh' ],
		args => [ 'import-gunicorn', '--python', '/usr/bin/python3', 'gunicorn.conf.py' ]);
	is($status, 0, 'status 0');
	is($said, "the file speaks\n", 'what the file prints is on standard error');
	my $made = Narwhal::slurp("$dir/narwhal.conf");
	chmod 0644, "$dir/narwhal.conf";
	like($made, qr/^# worked out by the file.*:\nworkers = 2$/m, 'what was worked out is said to be');
	like($made, qr/^umask = 22$/m, 'a mode is octal');
	like($made, qr/^gunicorn_conf = \Q$dir\E\/gunicorn\.conf\.py$/m, 'hooks of workers are called from it');
	like($made, qr/^# when_ready is a function of the file/m, 'those of the server are programs');
	like($made, qr/^# worker_class = gevent: has no meaning here: /m, 'what has no meaning is said');
	like($made, qr/^# raw_env = B=1,2: has a comma/m, 'and what cannot be carried over');
	unlike($made, qr/daemon/, 'nothing is said of what was off');

	my $n = Narwhal->start(cwd => $dir, args => [ '--python', '/usr/bin/python3', '--min-ready', 2 ]);
	$n->wait_ready;
	is($n->get('/')->{body}, 'blue', 'it serves the app, and its hook was called');
	is(scalar $n->workers, 2, 'with as many workers');
	unlike(join("\n", $n->lines), qr/ warning config /, 'without a warning');
	is($n->stop, 0, 'status 0');
};

subtest 'a file that fails is told by its traceback, and nothing is printed' => sub {
	plan(skip_all => 'no /usr/bin/python3') if !-x '/usr/bin/python3';
	my @cases = (
		[ "workers = [\n", qr/^SyntaxError: /m ],
		[ "def f():\n    import no_such_module\nf()\n", qr/line 2, in f\n.*\nModuleNotFoundError: /m ],
		[ "raise SystemExit(0)\n", qr/^SystemExit: 0$/m ],
	);
	for my $case (@cases) {
		my $dir = place('gunicorn.conf.py' => $case->[0]);
		my ($status, $said) = Narwhal->run(cwd => $dir,
			args => [ 'import-gunicorn', '--python', '/usr/bin/python3', 'gunicorn.conf.py' ]);
		is($status, 1, 'status 1');
		like($said, $case->[1], "it says $case->[1]");
		like($said, qr{^narwhal: gunicorn\.conf\.py: /usr/bin/python3 has failed on it}m, 'and who');
		unlike($said, qr/^#|<stdin>/m, 'nothing else');
	}
	my $dir = place('gunicorn.conf.py' => "import os\nworkers = 3\nos._exit(0)\n");
	my ($status, $said) = Narwhal->run(cwd => $dir,
		args => [ 'import-gunicorn', '--python', '/usr/bin/python3', 'gunicorn.conf.py' ]);
	is($status, 1, 'one that ends its Python is none that sets nothing');
	is($said, "narwhal: gunicorn.conf.py: ends /usr/bin/python3 before all of it is told, as os._exit() does\n",
		'and that is said');
	($status, $said) = Narwhal->run(args => [ 'import-gunicorn', '/nowhere/gunicorn.conf.py' ]);
	is($said, "narwhal: /nowhere/gunicorn.conf.py: No such file or directory\n", 'one that is not there');
};

subtest 'whoever ends the import of a file that hangs ends its Python, too' => sub {
	plan(skip_all => 'no /usr/bin/python3') if !-x '/usr/bin/python3';
	my $dir = place('gunicorn.conf.py' => <<'CONF');
import os, sys, time
print("pid=%d" % os.getpid(), flush=True)
time.sleep(1000)
CONF
	my $n = Narwhal->start(bind => 0, cwd => $dir,
		args => [ 'import-gunicorn', '--python', '/usr/bin/python3', 'gunicorn.conf.py' ]);
	my ($python) = $n->wait_line(qr/^pid=/) =~ /(\d+)/;
	$n->signal('TERM');
	$n->wait_until('Python is gone', sub { !kill 0, $python });
	$n->wait_end;
	ok(1, 'and nobody is left');
};

subtest 'a gunicorn.conf.py is not read by narwhal itself, and it says so' => sub {
	my $dir = place('gunicorn.conf.py' => '');
	my ($status, $said) = Narwhal->run(cwd => $dir, args => [ '-c', 'gunicorn.conf.py', 'shop:app' ]);
	is($status, 1, 'named as the config file, it is refused');
	like($said, qr/narwhal import-gunicorn gunicorn\.conf\.py makes one/, 'with the way out');
	my %file = ('file:gunicorn.conf.py' => 'gunicorn.conf.py', 'python:shop.conf' => 'FILE');
	for my $name (sort keys %file) {
		(undef, $said) = Narwhal->run(cwd => $dir, args => [ '-c', $name, 'shop:app' ]);
		like($said, qr/ narwhal import-gunicorn $file{$name} makes one/, "so is $name");
	}
	($status, $said) = Narwhal->run(cwd => $dir, args => [ '--check-config', 'shop:app' ]);
	is($status, 0, 'lying there, it stops nothing');
	is($said, "gunicorn.conf.py: is here and not read: narwhal import-gunicorn gunicorn.conf.py makes a config file"
		. " of it\n", 'but a warning names it');
	($status, $said) = Narwhal->run(cwd => $dir,
		args => [ '--check-config', '--gunicorn-conf', 'gunicorn.conf.py', 'shop:app' ]);
	is($said, '', 'unless its hooks are called');
	for my $app ("$Narwhal::ROOT/examples/public", "$Narwhal::BUILD/examples/hello.so") {
		($status, $said) = Narwhal->run(cwd => $dir,
			args => [ '--check-config', '--gunicorn-conf', 'gunicorn.conf.py', $app ]);
		is($status, 0, 'an app that is none of Python\'s has no use for them');
		is($said, "--gunicorn-conf: does nothing: its hooks are called for a WSGI app alone\n",
			'which is told');
	}
};
done_testing;
