# Every way of being bad that a new image has: the old one goes on, and nothing is lost.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/../fault";
use Fault;
use Narwhal;
use Upgrade qw($DIR $IMAGE $UNIX begin configure exe identity install load none_lost replace work);

plan skip_all => 'PID 1 needs root' if $> != 0;

my $IMAGES = "$Narwhal::BUILD/tests/images";
my $SOON = $ENV{SANITIZE} ? 5 : 1;    # seconds: a trial takes less, on a busy machine, too

# An upgrade that comes to nothing. `break` makes it so; `line` is what tells it. Afterwards the same
# image serves with the same workers, and once `mend` has done its work, a good one is welcome.
sub fails {
	my ($name, %option) = @_;

	subtest $name => sub {
		my $n = begin(%{ $option{settings} // {} });
		my @counters = load($n);
		my ($exe, $identity) = (exe($n), identity($n));

		my $fault = $option{break}->($n);
		$n->signal('USR2');
		my $line = $n->wait_line($option{line}, 30);
		like($line, $option{reason}, 'one line says why') if $option{reason};
		work(@counters);
		is(exe($n), $exe, 'the same image runs');
		is(identity($n), $identity, 'the same process');
		$fault->end if ref $fault;
		install($_) for qw(narwhal narwhal-worker);
		configure();
		$option{mend}->() if $option{mend};
		$n->signal('USR2')->wait_line(qr/ info upgraded /, 30);
		isnt(exe($n), $exe, 'a good one is welcome');
		work(@counters);
		$n->wait_until('two workers serve', sub { $n->workers == 2 });
		none_lost($n, @counters);
		is($n->stop, 0, 'status 0');
	};
	return;
}

my $FAILED = qr/ error upgrade_failed /;
my $RETURNED = qr/ error upgrade_returned /;

my $program = Narwhal::slurp($Narwhal::PROGRAM);

# What the arbiter sees itself.
fails('the image is missing', break => sub { unlink $IMAGE; return },
	line => $FAILED, reason => qr/step=TRIAL .*No such file/);
fails('the image is not executable', break => sub { replace($program, 0644); return },
	line => $FAILED, reason => qr/Permission denied/);
fails('the image is a script', break => sub { replace("#!/bin/sh\nexit 0\n"); return },
	line => $FAILED, reason => qr/Exec format error/);

# What the exec of the trial finds.
fails('the image is of another machine', break => sub {
	my $other = $program;
	substr $other, 18, 2, pack 'v', 0xf3;
	replace($other);
	return;
}, line => $FAILED, reason => qr/cannot be executed: Exec format error/);
fails('the image is no program', break => sub { replace("Hello, World!\n" x 100); return },
	line => $FAILED, reason => qr/cannot be executed: Exec format error/);
fails('the image is empty', break => sub { replace(''); return },
	line => $FAILED, reason => qr/cannot be executed: Exec format error/);
fails('the image is cut behind its headers', break => sub { replace(substr $program, 0, 8192); return },
	line => $FAILED, reason => qr/trial: /);

# What the trial finds.
fails('the image is another program, that ends well at once',
	break => sub { install('narwhal', '/bin/true'); return },
	line => $FAILED, reason => qr/did not answer as a narwhal does/);
fails('the image is another program, that ends badly at once',
	break => sub { install('narwhal', '/bin/false'); return },
	line => $FAILED, reason => qr/did not answer as a narwhal does; exit status 1/);

# By a misfit of that name.
sub misfit {
	my ($name) = @_;

	return sub {
		Upgrade::misfit($name);
		return;
	};
}

fails('the image hangs in its trial', settings => { upgrade_timeout => '0.5' },
	break => misfit('deaf'), line => $FAILED, reason => qr/not over within upgrade_timeout/);
fails('the image reads no heirloom of this version', break => misfit('older'),
	line => $FAILED, reason => qr{heirloom: is of version \d+: this image reads 1 to \d+});
fails('the config is refused', break => sub { configure(workers => 'x'); return },
	line => $FAILED, reason => qr/workers: .*is not a number/);
fails('the config cannot follow without a restart',
	break => sub { configure(pidfile => "$DIR/pid"); return },
	line => $FAILED, reason => qr/pidfile: .*restart for that/);
fails('the app is missing', break => sub { configure(app => "$DIR/nowhere.so"); return },
	line => $FAILED, reason => qr/the worker cannot serve: .*nowhere/);
fails('the worker is missing', break => sub { configure(worker_image => "$DIR/nowhere"); return },
	line => $FAILED, reason => qr/worker_image: .*nowhere/);
fails('the new worker crashes as it loads the app',
	break => sub { configure(app => "$Narwhal::BUILD/tests/modules/crashes.so"); return },
	line => $FAILED, reason => qr/the worker cannot serve/);
for my $version (qw(off v1 v2 auto)) {
	fails("the app crashes at a request, and proxy_protocol is $version", break => sub {
		configure(app => "$Narwhal::BUILD/tests/modules/falls.so", proxy_protocol => $version);
		return;
	}, line => $FAILED, reason => qr/the worker did not answer a request/);
}

sub hook {
	my ($status) = @_;

	open my $file, '>', "$DIR/hook" or die;
	print $file "#!/bin/sh\nexit $status\n";
	close $file or die;
	chmod 0755, "$DIR/hook" or die;
	return;
}

fails('pre_exec fails', settings => { pre_exec => "$DIR/hook" },
	break => sub { hook(1) }, mend => sub { hook(0) },
	line => $FAILED, reason => qr/step=PREPARING .*pre_exec failed/);

# What falls in the thaw itself, though its trial went well.
for my $way (qw(crash abort refuse)) {
	fails("the image does not survive its thaw: $way", break => misfit($way),
		line => $FAILED, reason => qr/step=LEAVING .*the other image could not thaw/);
}
fails('the image hangs in its thaw', break => misfit('hang'),
	line => $FAILED, reason => qr/step=LEAVING .*the other image could not thaw/);

# What only its workers show, in earnest.
sub fickle {
	my ($name) = @_;

	return sub {
		configure(worker_image => install($name, "$IMAGES/fickle"));
		return;
	};
}

fails('the new workers never get ready', settings => { upgrade_timeout => $SOON },
	break => fickle('mute'), line => $RETURNED, reason => qr/not within upgrade_timeout/);
fails('an address of the new config is taken', break => sub {
	configure(bind => "127.0.0.1:0,$UNIX,unix:$DIR/nowhere/socket");
	return;
}, line => $RETURNED, reason => qr/nowhere.*directory does not exist/);

# What the kernel refuses.
sub refuses {
	my (@specs) = @_;

	return sub { return Fault->inject($_[0], @specs) };
}

fails('no process for the trial', break => refuses('clone:error=EAGAIN'),
	line => $FAILED, reason => qr/no process for the trial: Resource temporarily/);
fails('no memory for the heirloom', break => refuses('memfd_create:error=ENOMEM'),
	line => $FAILED, reason => qr/step=TRIAL .*the heirloom: Cannot allocate/);
fails('no room for the heirloom', break => refuses('memfd_create:error=ENOSPC'),
	line => $FAILED, reason => qr/step=TRIAL .*the heirloom: No space left/);
fails('no memory for it the second time', break => refuses('memfd_create:error=ENFILE:when=2+'),
	line => $FAILED, reason => qr/step=LEAVING .*the heirloom: Too many open files/);
fails('the exec is refused', break => refuses('execveat:error=ENOMEM'),
	line => $FAILED, reason => qr/step=LEAVING .*exec: .*Cannot allocate memory/);
fails('the new image gets no process for its workers', settings => { upgrade_timeout => $SOON },
	break => refuses('clone:error=EAGAIN:when=2+'), line => $RETURNED,
	reason => qr/not within upgrade_timeout/);
fails('the way back is refused at first', settings => { upgrade_timeout => $SOON },
	break => sub {
		fickle('mute')->();
		return Fault->inject($_[0], 'execveat:error=ENOMEM:when=2');
	}, line => $RETURNED, reason => qr/not within upgrade_timeout/);
fails('the old image is deleted meanwhile', settings => { upgrade_timeout => $SOON },
	break => sub { fickle('mute')->(); install('narwhal'); return },
	line => $RETURNED, reason => qr/not within upgrade_timeout/);

# The pid file is not written again; the ready file is, for it names the generation.
subtest 'a disk that is full meanwhile keeps no upgrade, and is asked again' => sub {
	my ($disk, $pidfile, $ready) = ("$DIR/disk", "$DIR/disk/pid", "$DIR/disk/ready");
	my @mounted = ('sh', '-c', "mount -t tmpfs -o size=16k,mode=755 none $disk && exec \"\$@\"", 'sh');

	mkdir $disk or die "$disk: $!";
	my $n = begin(pidfile => $pidfile, when_ready => $ready,
		start => { unshare => ['--mount'], wrap => \@mounted });
	my $root = '/proc/' . $n->arbiter . '/root';
	my $pid = Narwhal::slurp("$root$pidfile");
	my @counters = load($n);

	$n->wait_until('the ready file is there', sub { -e "$root$ready" });
	open my $filler, '>', "$root$disk/filler" or die "filler: $!";
	1 while defined syswrite $filler, 'x' x 4096;
	close $filler;
	install('narwhal');
	$n->signal('USR2')->wait_line(qr/ upgraded /, 30);
	like($n->wait_line(qr/ when_ready_failed /), qr/No space left/, 'one line says what could not be written');
	is(Narwhal::slurp("$root$pidfile"), $pid, 'the pid file is what it was');
	work(@counters);
	unlink "$root$disk/filler" or die "filler: $!";
	$n->wait_until('it is written as soon as there is room',
		sub { (eval { Narwhal::slurp("$root$ready") } // '') =~ /\bgeneration=?\W*2\b/ });
	none_lost($n, @counters);
	is($n->stop, 0, 'status 0');
};

subtest 'a new worker that dies in its probation takes the upgrade with it' => sub {
	my $n = begin(upgrade_probation => 30);
	my ($exe, @old) = (exe($n), $n->workers);

	fickle('brittle')->();
	$n->signal('USR2')->wait_line(qr/ info upgrade_held /);
	like($n->wait_line($RETURNED), qr/reason=".*died: signal"/, 'one line says why');
	is(exe($n), $exe, 'the same image runs');
	$n->wait_until('only the old workers are left', sub { "@old" eq join ' ', $n->workers });
	is($n->get('/')->{status}, 200, 'served');
	is($n->stop, 0, 'status 0');
};

# More than a pipe holds, and more than anybody wants to read.
sub begin_to_chat {
	my ($kib) = @_;
	my $n = begin(start => { env => { CHATTY => $kib } });

	configure(app => "$Narwhal::BUILD/tests/modules/chatty.so");
	$n->signal('USR2');
	return $n;
}

subtest 'an app that prints more than a pipe holds is waited for by nobody' => sub {
	my $n = begin_to_chat(300);

	$n->wait_line(qr/ info upgraded /, 30);
	$n->wait_until('the new app serves', sub { $n->get('/')->{status} == 204 });
	is($n->stop, 0, 'status 0');
};

subtest 'an app that does not stop printing is not read for ever' => sub {
	my $n = begin_to_chat(1 << 20);

	like($n->wait_line($FAILED, 30), qr/it printed more than 16 MiB; it printed: .*chatchat/,
		'one line says why, with the end of it');
	is($n->get('/')->{status}, 200, 'the old app serves');
	is($n->stop, 0, 'status 0');
};

sub touch {
	my ($path) = @_;

	open my $file, '>', $path or die;
	close $file or die;
	return;
}

# The new workers boot until the way back is entered, whose exec takes its time: in that they serve.
subtest 'a new worker that has begun to serve while the old image came back is not killed' => sub {
	open my $script, '>', "$DIR/hook" or die;
	print $script "#!/bin/sh\nrm $DIR/go\n";
	close $script or die;
	chmod 0755, "$DIR/hook" or die;
	my $n = begin(pre_exec => "$DIR/hook", start => { env => { WAITS_FOR => "$DIR/go" } });
	my @counters = load($n);

	configure(app => "$Narwhal::BUILD/tests/modules/waits.so");
	touch("$DIR/go");
	my $fault = Fault->inject($n, 'execveat:delay_enter=700000:when=2');
	$n->signal('USR2')->wait_line(qr/ info upgrade_arrived /);
	system 'nsenter', '-t', $n->arbiter, '-p', '-m', $Narwhal::PROGRAM, 'rollback';
	$n->wait_line(qr/ error reload_failed /);
	touch("$DIR/go");
	$n->wait_line($RETURNED);
	$fault->end;
	$n->wait_line(qr/ worker_exit .*generation=2 cause=retired status=0/) for 1 .. 2;
	work(@counters);
	none_lost($n, @counters);
	is($n->stop, 0, 'status 0');
};

subtest 'on the way back a reload is refused, and a commit' => sub {
	my $n = begin(upgrade_hold => 'true');
	my ($exe, $identity) = (exe($n), identity($n));

	install('narwhal');
	$n->signal('USR2')->wait_line(qr/ info upgrade_held /);
	my $fault = Fault->inject($n, 'execveat:error=ENOMEM');
	system 'nsenter', '-t', $n->arbiter, '-p', '-m', $Narwhal::PROGRAM, 'rollback';
	$n->wait_line(qr/ error upgrade_retried /);
	$n->signal('HUP')->wait_line(qr/ reload_refused .*goes back/);
	$n->signal('WINCH')->wait_line(qr/ rest_refused /);
	system 'nsenter', '-t', $n->arbiter, '-p', '-m', $Narwhal::PROGRAM, 'commit';
	$n->wait_line(qr/ commit_refused /);
	is($n->get('/')->{status}, 200, 'it serves meanwhile');
	$fault->end;
	$n->wait_line($RETURNED);
	is(exe($n), $exe, 'the old image runs');
	is(identity($n), $identity, 'the same process');
	is($n->stop, 0, 'status 0');
};

done_testing;
