# What is in deploy/, held against tools that Debian 12 does not have: Quadlet, systemd 253, Compose 2.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;

use Lint qw(needs output);
use Narwhal;

my $QUADLET = '/usr/libexec/podman/quadlet';
my $dir = tempdir(CLEANUP => 1);
needs('docker-compose', 'podman', 'systemd-analyze');

# The lines about these files alone: of the machine's other units there is nothing to say here.
sub verified {
	my @units = @_;
	my ($out) = output('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', @units);
	is_deeply([ grep { m{^\Q$dir\E} } split /\n/, $out ], [], 'systemd-analyze verify');
	return;
}

subtest 'podman makes a service of the Quadlet file, and systemd takes it' => sub {
	mkdir "$dir/containers";
	copy("$Narwhal::ROOT/deploy/systemd/narwhal.container", "$dir/containers") or die $!;
	local $ENV{QUADLET_UNIT_DIRS} = "$dir/containers";
	my ($out, $status) = output($QUADLET, '-dryrun');
	is($status, 0, 'its generator runs') or diag $out;
	my ($unit) = $out =~ /^---narwhal\.service---\n(.*)/ms;
	ok(defined $unit, 'a service comes of it') or return diag $out;
	my ($start) = $unit =~ /^ExecStart=(.*)$/m;
	like($start, qr/ \Q$_\E(?= |$)/, $_) for '--read-only', '--user 65532', '--sdnotify=container',
		'--health-cmd "narwhal ready"', '--publish 80:8080', 'localhost/narwhal:latest /srv/www';
	like($start, qr/ --cap-drop[ =]all /i, 'no capability');
	like($start, qr/no-new-privileges/, 'nor one to come by');
	like($unit, qr/^Type=notify$/m, 'narwhal says when it is ready');
	verified(Narwhal::write_file("$dir/narwhal.service", $unit));
};

subtest 'systemd knows each line of the service, with its type' => sub {
	my $text = Narwhal::slurp("$Narwhal::ROOT/deploy/systemd/narwhal.service")
		=~ s{/usr/bin/narwhal}{/bin/true}r;
	like($text, qr/^Type=notify-reload$/m, 'which systemd 253 brought');
	verified(Narwhal::write_file("$dir/narwhal.service", $text));
};

subtest 'Compose 2 reads the file as it is meant' => sub {
	my ($out, $status) = output('docker-compose', '-f', "$Narwhal::ROOT/deploy/compose/compose.yaml",
		'config', '--format', 'json');
	is($status, 0, 'it is a Compose file') or return diag $out;
	my $service = decode_json($out)->{services}{narwhal};
	ok($service->{read_only}, 'read-only');
	is($service->{stop_grace_period}, '45s', 'its time to stop');
	is_deeply($service->{cap_drop}, ['ALL'], 'no capability');
	is_deeply($service->{healthcheck}{test}, [qw(CMD narwhal ready)], 'health is asked of narwhal');
};

done_testing;
