package Server;

# Starts narwhal and its rivals, and ends them by pid: each at the latest with the script.

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::SSL;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

use Process;

my $PATIENCE = 30; # seconds; valgrind starts slowly
my $next_port = 8001;
my %running;

# Each gives the command line. $with: dir, build, port, workers, app, file, body (bytes behind each
# head), tls (the kind of a certificate), and `image` for a narwhal whose workers are another
# program, or `alone` for a server in a single process.
my %COMMAND = (
	narwhal => \&narwhal_command,
	'narwhal+log' => sub { narwhal_command(@_, '--accesslog', "$_[0]{dir}/narwhal.access") },
	'narwhal+preload' => sub { narwhal_command(@_, '--preload-app') },
	'narwhal+keys' => sub { narwhal_command({ %{ $_[0] }, isolation => 'on' }) },
	'narwhal+open' => sub { narwhal_command(@_, '--sandbox', 'off') },
	'narwhal+upgrade' => sub { narwhal_command(@_, '--upgrade-probation', '0.05', '--idle-grace', '0.1') },
	nginx => \&nginx_command,
	'nginx+cache' => sub { nginx_command(@_, CACHE => 'max=1000 inactive=60s') },
	'nginx+upgrade' => sub { nginx_command(@_, DAEMON => 'on') },
	'nginx+log' => sub { nginx_command(@_, LOG => "$_[0]{dir}/nginx.access") },
	'nginx+body' => \&nginx_command,
	bare => \&bare_command,
	'narwhal+wsgi' => \&wsgi_command,
	'narwhal+wsgi+preload' => sub { wsgi_command(@_, '--preload-app') },
	'gunicorn sync' => sub { gunicorn_command(@_, '-k', 'sync') },
	'gunicorn gthread' => sub { gunicorn_command(@_, qw(-k gthread --threads 4 --keep-alive 600)) },
	uwsgi => \&uwsgi_command,
);

# Processes below the first, beside the workers.
my %MORE = (uwsgi => 1, 'narwhal+keys' => 1);

# Where it has what a row asks for, when not at the row's own path.
my %BELOW = ('nginx+body' => '/body');

sub kinds { return sort keys %COMMAND }

# Another build of narwhal, beside the one that is measured.
sub add_build {
	my ($name, $build) = @_;
	$COMMAND{$name} = sub { narwhal_command({ %{ $_[0] }, build => $build }) };
	return;
}

sub path {
	my ($self, $path) = @_;
	return ($BELOW{ $self->{kind} } // '') . $path;
}

sub narwhal_command {
	my ($with, @more) = @_;
	my $app = $with->{app} eq 'files' ? "$with->{dir}/public" : "$with->{dir}/$with->{app}.so";
	# valgrind makes system calls of its own.
	push @more, '--worker-image', $with->{image}, '--sandbox', 'off' if $with->{image};
	my @tls = $with->{tls} ? tls_options($with) : ();
	return ("$with->{build}/narwhal", @tls ? '--bind-tls' : '--bind', "127.0.0.1:$with->{port}", @tls,
		'--workers', $with->{workers}, '--min-ready', $with->{workers},
		'--worker-connections', $with->{connections}, '--keepalive', 600,
		'--head-timeout', 600, # counted clients are slow to begin on a busy machine
		'--user', 'nobody', @more, $app);
}

# The keys are with the workers, as nginx has them, unless said otherwise.
sub tls_options {
	my ($with) = @_;
	return ('--certfile', "$with->{dir}/$with->{tls}.crt", '--keyfile', "$with->{dir}/$with->{tls}.key",
		'--tls-key-isolation', $with->{isolation} // 'off');
}

sub nginx_command {
	my ($with, %more) = @_;
	my $conf = Process::read_file("$with->{source}/nginx.conf");
	my %value = (
		DIR => $with->{dir}, PORT => $with->{port}, WORKERS => $with->{workers},
		TLS => $with->{tls} ? 'ssl' : '', CERTIFICATE => $with->{tls} // 'ec',
		DAEMON => 'off', MASTER => $with->{alone} ? 'off' : 'on', CACHE => 'off', LOG => 'off',
		CONNECTIONS => $with->{connections}, FILES => 2 * $with->{connections},
		USER => 'nobody ' . getgrgid((getpwnam 'nobody')[3]), %more,
	);
	$conf =~ s/\@([A-Z]+)\@/$value{$1}/g;
	my $path = "$with->{dir}/nginx.$with->{port}.conf";
	open my $out, '>', $path or die "bench: $path: $!\n";
	print {$out} $conf;
	close $out or die "bench: $path: $!\n";
	# An upgrade executes the path that it was called by, and searches nowhere.
	my ($program) = grep { -x } map { "$_/nginx" } split(/:/, $ENV{PATH}), '/usr/sbin';
	return ($program, '-e', 'stderr', '-p', $with->{dir}, '-c', $path);
}

# Python apps: `module` is the app; the same Python for all.
sub wsgi_command {
	my ($with, @more) = @_;
	return ("$with->{build}/narwhal", '--bind', "127.0.0.1:$with->{port}", '--workers', $with->{workers},
		'--min-ready', $with->{workers}, '--keepalive', 600, '--user', 'nobody',
		'--chdir', "$with->{dir}/wsgi", '--python', '/usr/bin/python3', @more, $with->{module});
}

sub gunicorn_command {
	my ($with, @more) = @_;
	return ('/usr/bin/gunicorn', '-b', "127.0.0.1:$with->{port}", '-w', $with->{workers}, '-u', 'nobody',
		'-g', 'nogroup', '--chdir', "$with->{dir}/wsgi", @more, $with->{module});
}

sub uwsgi_command {
	my ($with) = @_;
	return ('uwsgi', '--plugins', 'http,python3', '--http', "127.0.0.1:$with->{port}", '--http-keepalive',
		'--master', '--die-on-term', '--processes', $with->{workers}, '--disable-logging', '--need-app',
		'--uid', 'nobody', '--gid', 'nogroup', '--chdir', "$with->{dir}/wsgi", '--module', $with->{module});
}

sub bare_command {
	my ($with) = @_;
	return ("$with->{dir}/bare", $with->{port}, $with->{alone} ? 0 : $with->{workers},
		$with->{file}, $with->{body} // 0);
}

# Starts a server and waits until all its workers are there and one has answered. `prefix` is put
# before the command.
sub start {
	my ($class, $kind, %with) = @_;
	my $self = bless {
		kind => $kind, port => $next_port++, workers => $with{workers}, alone => $with{alone},
		tls => $with{tls}, greet => "$with{dir}/greet", dir => $with{dir},
	}, $class;
	$self->{log} = "$with{dir}/$kind.$self->{port}.log";
	my @command = (@{ $with{prefix} // [] },
		$COMMAND{$kind}->({ connections => 4096, %with, port => $self->{port} }));
	$self->spawn(@command);
	$self->await_daemon if $kind eq 'nginx+upgrade';
	$self->await_ready;
	return $self;
}

sub spawn {
	my ($self, @command) = @_;
	my $pid = fork // die "bench: fork: $!\n";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDERR, '>', $self->{log};
		open STDOUT, '>&', \*STDERR;
		# Out of the terminal's reach: Ctrl-C is the script's, which ends its servers.
		setpgrp;
		exec {$command[0]} @command or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	$running{$pid} = $self;
	return;
}

# It upgrades itself only when it is nobody's child but init's: and that is this script.
sub await_daemon {
	my ($self) = @_;
	my $file = "$self->{dir}/nginx.pid";
	waitpid $self->{pid}, 0;
	my $deadline = time + $PATIENCE;
	my $pid;
	until (($pid) = (eval { Process::read_file($file) } // '') =~ /^(\d+)\n/) {
		$self->fail('has no pid file') if time > $deadline;
		sleep 0.01;
	}
	return $self->becomes($pid);
}

sub await_ready {
	my ($self) = @_;
	my $deadline = time + $PATIENCE;
	while (time < $deadline) {
		$self->fail('ended at once') if waitpid($self->{pid}, WNOHANG) != 0;
		return if $self->complete && $self->answers;
		sleep 0.02;
	}
	return $self->fail("is not ready after $PATIENCE s");
}

sub complete {
	my ($self) = @_;
	return $self->{alone} || $self->worker_pids == $self->{workers} + ($MORE{ $self->{kind} } // 0);
}

sub connect {
	my ($self) = @_;
	my @to = (PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Proto => 'tcp',
		Timeout => $PATIENCE);
	return IO::Socket::INET->new(@to) unless $self->{tls};
	return IO::Socket::SSL->new(@to, SSL_verify_mode => SSL_VERIFY_NONE,
		SSL_version => 'TLSv1_3');
}

sub answers {
	my ($self) = @_;
	return eval { $self->connect };
}

# Status and body of one answer, on a connection of its own. With `post`: to so many bytes.
sub get {
	my ($self, $path, $post) = @_;
	my $socket = $self->connect or die "bench: $self->{kind} refuses: $!\n";
	my $request = sprintf "%s %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n",
		$post ? 'POST' : 'GET', $self->path($path);
	$request .= "Content-Length: $post\r\n" if $post;
	print {$socket} $request, "\r\n", 'x' x ($post // 0);
	local $/ = undef;
	my $answer = <$socket> // '';
	my ($status, $body) = $answer =~ m{\AHTTP/1\.1 (\d+)[^\r]*\r\n.*?\r\n\r\n(.*)\z}s
		or die "bench: $self->{kind}: no answer to $path\n";
	return ($status, $body);
}

sub fail {
	my ($self, $why) = @_;
	my $log = Process::read_file($self->{log});
	die "bench: $self->{kind} $why; it said:\n$log";
}

sub worker_pids {
	my ($self) = @_;
	return $self->{pid} if $self->{alone};
	return grep { Process::name($_) ne 'narwhal-zygote' } Process::children($self->{pid});
}

# Another process is it from now on.
sub becomes {
	my ($self, $pid) = @_;
	delete $running{ $self->{pid} };
	$self->{pid} = $pid;
	$running{$pid} = $self;
	return;
}

# Asks for a good end, more than once: nginx in a single process can miss the first, just before it
# waits. Has it otherwise.
sub stop {
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;
	delete $running{$pid};
	my @all = ($pid, eval { Process::children($pid) });
	for my $turn (0 .. 999) {
		kill 'TERM', $pid if $turn % 200 == 0;
		return if waitpid($pid, WNOHANG) != 0;
		sleep 0.01;
	}
	kill 'KILL', @all;
	waitpid $pid, 0;
	return;
}

sub stop_all {
	$_->stop for values %running;
	return;
}

1;
