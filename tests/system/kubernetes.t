# deploy/kubernetes: each overlay is what the schemas allow and the restricted standard asks for, and
# its times and probes are those of the settings that it brings. No cluster is asked.
use strict;
use warnings;

use Cwd qw(realpath);
use Fcntl qw(:flock O_CREAT O_RDWR);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Spec;
use File::Temp;
use JSON::PP qw(decode_json);
use Test::More;

use Lint qw(needs kubectl_kustomizes output);
use Narwhal;

plan(skip_all => 'these files are no build') if $ENV{SANITIZE};
needs('node', 'npm');
plan(skip_all => 'needs kubectl 1.22') if !kubectl_kustomizes();

my $KUBERNETES = "$Narwhal::ROOT/deploy/kubernetes";
my %VERSION = ('kubernetes-models' => '5.1.0', yaml => '2.8.1');

# The schemas, kept in a cache folder: fetched once, by name and version.
sub schemas {
	my $cache = defined $ENV{XDG_CACHE_HOME} ? "$ENV{XDG_CACHE_HOME}/narwhal" : "$Narwhal::ROOT/.cache";
	my $dir = "$cache/kubernetes-models-$VERSION{'kubernetes-models'}";

	make_path($dir);
	sysopen my $lock, "$dir/lock", O_RDWR | O_CREAT or die "$dir/lock: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	copy("$Narwhal::ROOT/tests/lib/kubernetes.mjs", $dir) or die "$dir: $!";
	return $dir if -e "$dir/complete";
	my ($out, $status) = output('npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', $dir,
		map { "$_\@$VERSION{$_}" } sort keys %VERSION);
	plan(skip_all => "npm cannot fetch the schemas: $out") if $status;
	Narwhal::write_file("$dir/complete", '');
	return $dir;
}

my $schemas = schemas();

# The objects of a folder by their kind, and what is wrong with any of them.
sub render {
	my ($folder) = @_;
	my ($out, $status) = output('sh', '-c', "kubectl kustomize $folder |"
		. " node $schemas/kubernetes.mjs");
	my @lines = map { decode_json($_) } grep { /^\{/ } split /\n/, $out;

	is($status, 0, 'it renders') or diag $out;
	return ({ map { $_->{object}{kind} => $_->{object} } @lines },
		[ map { "$_->{object}{kind}: $_->{fault}" } grep { $_->{fault} ne '' } @lines ]);
}

# What the Pod Security Standard "restricted" asks of a pod and of each container in it.
sub unrestricted {
	my ($pod) = @_;
	my $context = $pod->{securityContext};
	my @faults;

	push @faults, 'hosts' if grep { $pod->{$_} } qw(hostNetwork hostPID hostIPC);
	push @faults, 'root' if !$context->{runAsNonRoot} || ($context->{runAsUser} // 0) == 0;
	push @faults, 'seccomp' if ($context->{seccompProfile}{type} // '') !~ /^(?:RuntimeDefault|Localhost)\z/;
	push @faults, 'volumes' if grep { !grep { /^(?:configMap|secret|emptyDir|projected)\z/ } keys %$_ }
		@{ $pod->{volumes} };
	for my $container (@{ $pod->{containers} }, @{ $pod->{initContainers} // [] }) {
		my $c = $container->{securityContext};
		push @faults, "$container->{name}: escalation" if $c->{allowPrivilegeEscalation} // 1;
		push @faults, "$container->{name}: capabilities" if "@{$c->{capabilities}{drop} // []}" ne 'ALL';
		push @faults, "$container->{name}: privileged" if $c->{privileged};
		push @faults, "$container->{name}: writable root" if !$c->{readOnlyRootFilesystem};
	}
	return @faults;
}

# Each setting that the container has, as narwhal itself reads file and flags.
sub settings_of {
	my ($container, $map) = @_;
	my $dir = File::Temp->newdir;
	my @args = map { s{^/etc/narwhal/}{$dir/}r } @{ $container->{args} };

	Narwhal::write_file("$dir/narwhal.conf", $map->{data}{'narwhal.conf'});
	my ($out) = output("$Narwhal::BUILD/narwhal", '--print-config', @args);
	return map { /^(\w+) = (.*)/ ? ($1, $2) : () } split /\n/, $out;
}

# A duration, as --print-config writes it.
sub seconds {
	my ($text) = @_;
	my %unit = (ms => 0.001, s => 1, m => 60, h => 3600);

	$text =~ /^(\d+)(ms|s|m|h)\z/ or die "no duration: $text\n";
	return $1 * $unit{$2};
}

# A component by itself is nothing: the base with it.
sub with_component {
	my ($component) = @_;
	my $dir = File::Temp->newdir;
	my ($base, $path) = map { File::Spec->abs2rel($_, realpath("$dir")) } "$KUBERNETES/base", $component;

	Narwhal::write_file("$dir/kustomization.yaml", "resources: [$base]\ncomponents: [$path]\n");
	return $dir;
}

# How the container is asked, probe by probe.
sub probes_of {
	my ($container) = @_;
	my @probes = @$container{qw(startupProbe readinessProbe livenessProbe)};
	return [ map { $_->{exec} ? join(' ', @{ $_->{exec}{command} }) : join('', @{ $_->{httpGet} }{qw(port path)}) }
			@probes ];
}

my %folder = map { (s{.*/}{}r => $_) } "$KUBERNETES/base", glob("$KUBERNETES/overlays/*");
$folder{s{.*/}{}r} = with_component($_) for glob "$KUBERNETES/components/*";
my %PROBES = (base => [ 'narwhal ready', 'narwhal ready', 'narwhal alive' ], 'probes-http' => [ ('http/') x 3 ]);
my %SECCOMP = ('seccomp-localhost' => 'narwhal/module.json', 'seccomp-operator' => 'operator/default/narwhal.json');

for my $name (sort keys %folder) {
	subtest $name => sub {
		my ($object, $faults) = render($folder{$name});
		is_deeply($faults, [], 'by the schemas');
		is(join(' ', sort keys %$object),
			'ConfigMap Deployment HorizontalPodAutoscaler NetworkPolicy PodDisruptionBudget Service',
			'all there is to a service');
		my $pod = $object->{Deployment}{spec}{template}{spec};
		is_deeply([ unrestricted($pod) ], [], 'the pod is restricted, with a root that nobody writes to');
		is($pod->{securityContext}{seccompProfile}{localhostProfile}, $SECCOMP{$name}, 'the profile');

		my ($narwhal) = grep { $_->{name} eq 'narwhal' }
			@{ $pod->{containers} }, @{ $pod->{initContainers} // [] };
		my %settings = settings_of($narwhal, $object->{ConfigMap});
		cmp_ok(scalar keys %settings, '>', 60, 'narwhal takes its settings');
		my $longest = 0;
		$longest += seconds($settings{$_}) for qw(drain_delay graceful_timeout hook_timeout);
		cmp_ok($pod->{terminationGracePeriodSeconds}, '>', $longest,
			"the grace period is longer than the $longest s that a stop may take");
		cmp_ok(seconds($settings{drain_delay}), '>', 0, 'and endpoints have time to learn of it');
		is_deeply(probes_of($narwhal), $PROBES{$name} // $PROBES{base}, 'probes');
		is($settings{when_ready}, '/dev/shm/narwhal.ready', 'where the image looks for it');

		my %port = map { $_->{name} => $_->{containerPort} } @{ $narwhal->{ports} };
		my @allowed = map { $_->{port} } @{ $object->{NetworkPolicy}{spec}{ingress}[0]{ports} };
		is(join(' ', sort @allowed), join(' ', sort keys %port), 'others may come to its ports');
		is(join(' ', map { $_->{targetPort} } @{ $object->{Service}{spec}{ports} }),
			join(' ', grep { $_ ne 'metrics' } sort keys %port), 'the service leads to those for clients');
		my %bind = (http => 'bind', https => 'bind_tls', metrics => 'metrics_bind');
		like($settings{ $bind{$_} }, qr/:$port{$_}\z/, "it listens for $_") for sort keys %port;
	};
}

# Which profile the operator's object becomes: its file is called as the object is.
subtest 'the operator\'s object has the name that the component says' => sub {
	my ($out) = output('sh', '-c', "node $schemas/kubernetes.mjs <$Narwhal::ROOT/deploy/seccomp-module.yaml");
	my $object = decode_json($out)->{object};
	is("$object->{kind} $object->{metadata}{name}", 'SeccompProfile narwhal', 'its name');
	is($object->{spec}{defaultAction}, 'SCMP_ACT_ERRNO', 'what is not allowed is refused');
};
done_testing;
