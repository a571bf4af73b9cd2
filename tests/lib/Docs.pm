# Docs - the blocks of code in the documentation, and a place where a reader's commands are run.
#
#	my @blocks = Docs::blocks('README.md');		# { page, line, info, text }
#	my @steps = Docs::steps($block);		# { command, output } of one that is for a shell
#	my $place = Docs->place;			# a folder with what readers have, a network of its own
#	my ($status, $out) = $place->run($command);
package Docs;

use strict;
use warnings;

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use IPC::Open2 qw(open2);

use Lint qw(slurp output);
use Narwhal;

# narwhal as a reader meets it: a service is left running behind the prompt once it is ready, and ends
# when the next one begins, as if Ctrl-C had been typed. All else is narwhal itself.
my $SHIM = <<'SH';
#!/bin/bash
state=STATE
stop() {
	[ -e $state/pid ] || return 0
	kill -TERM "$(cat $state/pid)" 2>/dev/null
	while kill -0 "$(cat $state/pid)" 2>/dev/null; do sleep 0.05; done
	rm -f $state/pid
}
export NARWHAL_WORKER_IMAGE=BUILD/narwhal-worker
export NARWHAL_WHEN_READY=$state/ready NARWHAL_PIDFILE=$state/narwhal.pid
case $1 in
seccomp) [ "$2" = learn ] || exec BUILD/narwhal "$@" ;;
alive | ready | status | import-gunicorn | upgrade | commit | rollback | new | \
	check | -h | --help | -v | --version) exec BUILD/narwhal "$@" ;;
esac
stop
log=$state/log.$$
BUILD/narwhal "$@" >$log 2>&1 &
pid=$!
while ! grep -q ' info ready ' $log && kill -0 $pid 2>/dev/null; do sleep 0.02; done
cat $log
if kill -0 $pid 2>/dev/null; then
	echo $pid >$state/pid
	exit 0
fi
wait $pid
SH

# What readers have written themselves.
my %APPS = (
	'app.py' => <<'PYTHON',
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello, World!\n"]
application = app
PYTHON
	'gunicorn.conf.py' => "bind = '127.0.0.1:8000'\nworkers = 2\nworker_class = 'gthread'\n",
	'asgi.py' => <<'PYTHON',
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"Hello, World!\n"})
PYTHON
	'gunicorn.conf.py' => "def post_fork(server, worker):\n    server.log.info('forked')\n",
	'package/module.py' => "from app import app\ndef create_app(name, debug):\n    return app\n",
	'project/wsgi.py' => "from app import application\n",
	'server.js' => 'require("http").createServer((q, a) => a.end("Hello, World!\\n")).listen({fd: 3});' . "\n",
);

sub blocks {
	my ($page) = @_;
	my ($block, $number, @blocks);

	for my $line (split /\n/, slurp($page)) {
		$number++;
		if ($line =~ /^\s*```(.*)/) {
			push @blocks, $block if $block;
			$block = $block ? undef : { page => $page, line => $number, info => $1, text => '' };
		} elsif ($block) {
			$block->{text} .= "$line\n";
		}
	}
	die "$page: a block that does not end\n" if $block;
	return @blocks;
}

# In `sh` all of it is one command; in `console` commands stand behind a prompt, and output between.
sub steps {
	my ($block) = @_;
	my @steps;

	return { command => $block->{text}, output => '' } if $block->{info} eq 'sh';
	for my $line (split /\n/, $block->{text}) {
		if ($line =~ /^\$ (.*)/) {
			push @steps, { command => "$1\n", output => '' };
		} elsif (@steps && $steps[-1]{output} eq '' && $steps[-1]{command} =~ /\\\n\z/) {
			$steps[-1]{command} .= "$line\n";
		} else {
			die "$block->{page}:$block->{line}: output before the first prompt\n" if !@steps;
			$steps[-1]{output} .= "$line\n";
		}
	}
	return @steps;
}

# A shell in namespaces of its own: ports are free, and nothing of it outlives the test.
sub place {
	my ($class) = @_;
	my $dir = tempdir(CLEANUP => 1);
	my $self = bless { dir => $dir }, $class;

	chmod 0755, $dir;
	mkdir "$dir/$_" for qw(bin state public);
	chmod 0777, "$dir/state";
	my $shim = $SHIM =~ s/STATE/$dir\/state/r =~ s/BUILD/$Narwhal::BUILD/gr;
	Narwhal::write_file("$dir/bin/narwhal", $shim);
	Narwhal::write_file("$dir/program", "#!/bin/sh\nexit 0\n");
	Narwhal::write_file("$dir/public/index.html", "Hello, World!\n");
	chmod 0755, "$dir/bin/narwhal", "$dir/program";
	copy("$Narwhal::BUILD/examples/hello.so", "$dir/hello.so") or die "hello.so: $!";
	copy("$Narwhal::BUILD/tests/programs/outsider", "$dir/server") or die "outsider: $!";
	chmod 0755, "$dir/server";
	mkdir "$dir/$_" for qw(package project);
	Narwhal::write_file("$dir/$_", $APPS{$_}) for keys %APPS;
	for my $name (qw(a site)) {
		my ($out, $status) = output('openssl', qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes
			-days 90 -subj /CN=localhost -addext subjectAltName=DNS:localhost),
			'-keyout', "$dir/$name.key", '-out', "$dir/$name.crt");
		die $out if $status;
	}
	$self->{pid} = open2(my $from, my $to, 'setpriv', '--pdeathsig', 'KILL', 'unshare', '--net', '--mount',
		'--fork', '--pid', '--mount-proc', '--kill-child', '--', 'bash', '--norc');
	@$self{qw(from to)} = ($from, $to);
	delete local @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS)};
	symlink "$Narwhal::ROOT/deploy", "$dir/deploy" or die "deploy: $!";
	my ($status, $out) = $self->run("ip link set lo up; make -s -C $Narwhal::ROOT headers PREFIX=$dir/usr;"
		. " cd $dir; PATH=$dir/bin:\$PATH; export PKG_CONFIG_PATH=$dir/usr/share/pkgconfig");
	die $out if $status;
	return $self;
}

# Runs it in the shell, as typed: the exit status, and what it wrote to both outputs.
sub run {
	my ($self, $command) = @_;
	my $end = "end-of-step-$$-" . $self->{steps}++;
	my $out = '';

	local $SIG{PIPE} = 'IGNORE';
	print { $self->{to} } "{ $command\n} </dev/null 2>&1; echo $end \$?\n";
	$self->{to}->flush;
	while (defined(my $line = readline $self->{from})) {
		return ($2, "$out$1") if $line =~ /^(.*)\Q$end\E (\d+)$/;
		$out .= $line;
	}
	return (-1, $out);
}

sub DESTROY {
	my ($self) = @_;

	local ($?, $!, $@);
	close $self->{to} if $self->{to};
	waitpid $self->{pid}, 0 if $self->{pid};
	return;
}

1;
